"""Spans that others make around ours, as they leave through our own SDK: Semantic Kernel's function spans repeat a server's words.

Its spans record the exception whole, and with it whatever the server's error text says of keys. Spans of an application's own providers are
not touched; those are the application's affair.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.trace import Status, StatusCode

from venom_otel import semconv
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation import credentials

if TYPE_CHECKING:
    from collections.abc import Iterable


def without_credentials(span: ReadableSpan) -> ReadableSpan:
    """The span itself, or, where it failed and is not ours, one like it with every credential masked in its status and events."""
    scope = span.instrumentation_scope
    if span.status.status_code is not StatusCode.ERROR or (scope is not None and scope.name == semconv.SCOPE):
        return span
    secrets = credentials.recent()
    description = span.status.description
    return ReadableSpan(
        name=span.name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=span.attributes,
        events=[_masked(event, secrets) for event in span.events],
        links=span.links,
        kind=span.kind,
        status=Status(StatusCode.ERROR, redact(description, secrets) if description else description),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=scope,
    )


def _masked(event: Event, secrets: Iterable[str]) -> Event:
    attributes = {name: redact(value, secrets) if isinstance(value, str) else value for name, value in (event.attributes or {}).items()}
    return Event(event.name, attributes, event.timestamp)
