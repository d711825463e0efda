"""Who may do what: web pages of other origins nothing, whoever reaches the address may read, and only who has the token may write.

`SameOrigin` is pure ASGI and outermost: what is mounted below (the page brings a socket of its own, which accepts any origin) is behind it
as well. The page's own write actions come over that socket and run in the process, so that no browser ever has to hold the token.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from fastapi import HTTPException
from fastapi.security import HTTPBearer
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations

from venom_otel.api.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from venom_otel.receiver.hosts import AllowedHosts

_POLICY_VIOLATION: Final = 1008


class SameOrigin:
    """Lets a request through if its Host names this machine and its Origin, where it has one, is our own page's or a named one."""

    def __init__(self, app: ASGIApp, hosts: AllowedHosts) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        words = self._objection(scope) if scope["type"] in ("http", "websocket") else None
        if words is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY_VIOLATION, "reason": words})
        else:
            await problem(HTTPStatus.FORBIDDEN, words)(scope, receive, send)

    def _objection(self, scope: Scope) -> str | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"] if name in (b"host", b"origin")}
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if not self._hosts.allows_host(host):
            return f"the cockpit is not served under the name {host!r}; add it to VENOM_OTEL_ALLOWED_HOSTS if it is yours"
        if origin is not None and not self._hosts.allows_origin(origin, host):
            return f"pages of {origin!r} may not use the cockpit; add its host to VENOM_OTEL_ALLOWED_HOSTS if it is yours"
        return None


class TokenRequired(HTTPBearer):
    """A dependency for operations that write: lets a request through if it has `Authorization: Bearer {token}`.

    `APIRouter(dependencies=[Depends(TokenRequired(token))])`, with `responses(HTTPStatus.UNAUTHORIZED)` for OpenAPI. A request without the
    right token is answered 401, with words that say where it is.
    """

    def __init__(self, token: str) -> None:
        super().__init__(auto_error=False, scheme_name="token", description="The token that `venom-otel up` prints when it starts.")
        self._token = token.encode()

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # what was checked is nobody's business
        """Check one request.

        Raises:
            HTTPException: 401, the token is missing or wrong.
        """
        given = await super().__call__(request)
        if given is not None and secrets.compare_digest(given.credentials.encode(), self._token):
            return
        wrong = "this is not the right token" if given is not None else "this needs the token, as `Authorization: Bearer …`"
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            f"{wrong}: `venom-otel up` prints it when it starts, and keeps it in the file `token` of its data directory unless "
            "VENOM_OTEL_TOKEN sets it",
            {"WWW-Authenticate": "Bearer"},
        )
