"""What in a request or a server's state is trouble, and what shows that things are right again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.runtimes.model import State
from venom_otel.services.alerts.model import AlertKind, Subject, Trouble

if TYPE_CHECKING:
    from venom_otel.health import Server
    from venom_otel.store.protocol import RequestSummary

DOWN: Final = frozenset({State.STOPPED, State.FAILING, State.UNREACHABLE})
"""A server that starts or loads is on its way: it neither raises nor ends an alert."""


def ended_ns(request: RequestSummary) -> int:
    """When a request ended, in nanoseconds since the epoch."""
    return request.start_ns + request.duration_ns


def failed_request(request: RequestSummary) -> Trouble:
    """A request that failed."""
    subject = Subject(AlertKind.PROVIDER_ERROR, request.endpoint or "", request.model or "", request.error_kind or request.error_type or "")
    return Trouble(
        subject,
        ended_ns(request),
        provider=request.provider or "",
        error_type=request.error_type or "",
        words=request.error_message or "",
        service=request.service or "",
        trace_id=request.trace_id,
        request_id=request.request_id,
    )


def answered_instead(request: RequestSummary) -> Trouble:
    """A request that was answered in another server's place."""
    return Trouble(
        Subject(AlertKind.FALLBACK, request.endpoint or "", request.model or "", ""),
        ended_ns(request),
        provider=request.provider or "",
        words="it answers in the place of a server that should have: the trace says which, and why it did not",
        service=request.service or "",
        trace_id=request.trace_id,
        request_id=request.request_id,
    )


def offline(server: Server) -> Subject:
    """What an alert of a server that takes no requests is about."""
    return Subject(AlertKind.SERVER_OFFLINE, server.runtime.endpoint.url, "", "")


def server_down(server: Server) -> Trouble:
    """A server that takes no requests, since it was first seen in that state."""
    condition = server.condition
    return Trouble(
        offline(server),
        condition.since_ns,
        provider=server.runtime.provider,
        error_type=condition.reason or "",
        words=condition.cause or "",
    )
