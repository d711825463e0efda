"""Readers of server-sent events come and go: one that leaves while an event is on its way to it is no error of the program's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anyio import BrokenResourceError

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send


class ReadersMayLeave:
    """Ends a response quietly whose reader has left.

    FastAPI 0.165 closes the stream of events under its own writer then, and that writer's error would be logged, with 60 lines, each time.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            await self._app(scope, receive, send)
        except* BrokenResourceError:
            pass
