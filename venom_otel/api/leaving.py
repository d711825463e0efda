"""Readers come and go: one that leaves while something is on its way to it is no error of the program's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from anyio import BrokenResourceError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

_UNANSWERED: Final = "No response returned."


class ReadersMayLeave:
    """Ends a response quietly whose reader has left.

    Two errors would be logged otherwise, with 60 lines each time. FastAPI 0.165 closes a stream of server-sent events under its own writer.
    And of two `BaseHTTPMiddleware` of Starlette 1.10, one in the other, as NiceGUI has them, the inner gives up a response that nobody
    waits for any more before it began, which the outer takes for a mistake of the application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        left = False

        async def hear() -> Message:
            nonlocal left
            message = await receive()
            left = left or message["type"] == "http.disconnect"
            return message

        try:
            try:
                await self._app(scope, hear, send)
            except* BrokenResourceError:
                pass
        except RuntimeError as error:
            if not left or str(error) != _UNANSWERED:
                raise
