"""Routes that read no more than they have to: a body is refused as soon as it is too long."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from fastapi import HTTPException
from fastapi.routing import APIRoute
from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from starlette.responses import Response
    from starlette.types import Message

MAX_BYTES: Final = 8 * 1024 * 1024


class BoundedRoute(APIRoute):
    """A route that answers a body of more than `MAX_BYTES` with 413; for `APIRouter(route_class=BoundedRoute)`.

    FastAPI reads a body whole before it asks who sends it; its own `max_body_size` answers with plain text, where every error here has
    words that say what to do.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """See `APIRoute`."""
        handle = super().get_route_handler()

        async def bounded(request: Request) -> Response:
            read = 0

            async def receive() -> Message:
                nonlocal read
                message = await request.receive()
                read += len(message.get("body", b""))
                if read > MAX_BYTES:
                    raise _too_long()
                return message

            stated = request.headers.get("content-length", "")
            if stated.isdecimal() and int(stated) > MAX_BYTES:
                raise _too_long()
            return await handle(Request(request.scope, receive, request._send))  # noqa: SLF001 - as Starlette's own wrappers do

        return bounded


def _too_long() -> HTTPException:
    return HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is longer than {MAX_BYTES} bytes, which is the most that is read.")
