"""Whole spans out of stored blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1 import trace_pb2

from venom_otel import semconv
from venom_otel.store.embedded.blocks import unpack
from venom_otel.store.embedded.wire import attribute_value, parse_closed
from venom_otel.store.protocol import Span, SpanEvent

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from opentelemetry.proto.common.v1.common_pb2 import KeyValue

    from venom_otel.store.protocol import AttributeValue


def spans_of(zstd: bytes, trace_id: bytes) -> Iterator[Span]:
    """The spans of one trace in a block. Only spans whose bytes contain the id are opened."""
    for resource in parse_closed(unpack(zstd)).resources:
        for scope in resource.scopes:
            for raw in scope.spans:
                if trace_id in raw:
                    span = trace_pb2.Span.FromString(raw)
                    if span.trace_id == trace_id:
                        yield whole(span, InstrumentationScope.FromString(scope.scope), Resource.FromString(resource.resource))


def whole(span: trace_pb2.Span, scope: InstrumentationScope, resource: Resource) -> Span:
    """A span of OTLP's as every store gives it."""
    resource_attributes = attributes_of(resource.attributes)
    service = resource_attributes.get(semconv.SERVICE_NAME)
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_span_id=span.parent_span_id.hex() if any(span.parent_span_id) else None,
        name=span.name,
        kind=span.kind,
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        status_code=span.status.code,
        status_message=span.status.message,
        service=service if isinstance(service, str) else None,
        scope=scope.name,
        attributes=attributes_of(span.attributes),
        resource=resource_attributes,
        events=tuple(SpanEvent(event.name, event.time_unix_nano, attributes_of(event.attributes)) for event in span.events),
    )


def attributes_of(pairs: Iterable[KeyValue]) -> Mapping[str, AttributeValue]:
    """Attributes by name; of a name that comes twice the last."""
    return {pair.key: attribute_value(pair.value) for pair in pairs}
