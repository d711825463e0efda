"""Who may do what: web pages of other origins nothing, whoever reaches the address may read, and to write takes the token or our own page.

`SameOrigin` is pure ASGI and outermost: what is mounted below (the page brings a socket of its own, which accepts any origin) is behind it
as well. The page's own write actions come over that socket and run in the process; those of `/lite` come over the API with its session
(`venom_otel.api.session`, which says what that holds off and what not). So no browser ever has to hold the token.
"""

from __future__ import annotations

import secrets
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Final

from fastapi import Depends, HTTPException
from fastapi.security import HTTPBearer
from starlette.requests import Request  # noqa: TC002 - FastAPI reads the annotations

from venom_otel.api.problems import problem

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

    from venom_otel.api.session import PageSession
    from venom_otel.receiver.hosts import AllowedHosts

_POLICY_VIOLATION: Final = 1008

BY_TOKEN: Final = "token"  # noqa: S105 - the name of a road
BY_PAGE: Final = "page"


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
    """A dependency for operations that write: lets a request through if it has `Authorization: Bearer {token}`, or is of our own page.

    `APIRouter(dependencies=[Depends(required)])`, with `responses(HTTPStatus.UNAUTHORIZED)` for OpenAPI; `By` is then who it was. A request
    with neither is answered 401, with words that say where the token is.

    Args:
        token: the right one.
        session: knows requests of the page; None where it has none. A wrong token is refused also there.
    """

    def __init__(self, token: str, session: PageSession | None = None) -> None:
        super().__init__(auto_error=False, scheme_name="token", description="The token that `venom-otel up` prints when it starts.")
        self._token = token.encode()
        self._session = session

    async def __call__(self, request: Request) -> None:  # type: ignore[override]  # what was checked is nobody's business
        """Check one request.

        Raises:
            HTTPException: 401, the token is missing or wrong.
        """
        given = await super().__call__(request)
        if given is None and self._session is not None and self._session.shown_by(request):
            request.state.by = BY_PAGE
            return
        if given is not None and secrets.compare_digest(given.credentials.encode(), self._token):
            request.state.by = BY_TOKEN
            return
        wrong = "this is not the right token" if given is not None else "this needs the token, as `Authorization: Bearer …`"
        raise HTTPException(
            HTTPStatus.UNAUTHORIZED,
            f"{wrong}: `venom-otel up` prints it when it starts, and keeps it in the file `token` of its data directory unless "
            "VENOM_OTEL_TOKEN sets it",
            {"WWW-Authenticate": "Bearer"},
        )


def _by(request: Request) -> str:
    return str(request.state.by)


By = Annotated[str, Depends(_by)]
"""By which road somebody was let through, for the audit; only behind `TokenRequired`."""
