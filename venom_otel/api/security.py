"""Keeps web pages of other origins away from the cockpit, for HTTP and for WebSockets alike.

Pure ASGI and outermost: what is mounted below (the page brings a socket of its own, which accepts any origin) is behind it as well.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

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
