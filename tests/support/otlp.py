"""OTLP requests made by hand, where a test needs what no SDK would send."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue, KeyValueList
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs, ScopeLogs
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint, ResourceMetrics, ScopeMetrics
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

if TYPE_CHECKING:
    from collections.abc import Mapping

SECOND = 1_000_000_000
CLIENT, INTERNAL, SERVER = Span.SPAN_KIND_CLIENT, Span.SPAN_KIND_INTERNAL, Span.SPAN_KIND_SERVER

_numbers = itertools.count(1)


def new_trace_id() -> bytes:
    """An identifier that no other call gives."""
    return b"trace" + next(_numbers).to_bytes(11, "big")


def new_span_id() -> bytes:
    """An identifier that no other call gives."""
    return next(_numbers).to_bytes(8, "big")


def value(of: Any) -> AnyValue:
    """An attribute's value."""
    match of:
        case None:
            return AnyValue()
        case bool():
            return AnyValue(bool_value=of)
        case int():
            return AnyValue(int_value=of)
        case float():
            return AnyValue(double_value=of)
        case bytes():
            return AnyValue(bytes_value=of)
        case list():
            return AnyValue(array_value=ArrayValue(values=[value(item) for item in of]))
        case dict():
            return AnyValue(kvlist_value=KeyValueList(values=attributes(of)))
    return AnyValue(string_value=of)


def attributes(of: Mapping[str, Any]) -> list[KeyValue]:
    """Attributes in the order given."""
    return [KeyValue(key=key, value=value(item)) for key, item in of.items()]


def span(
    of: Mapping[str, Any] | None = None,
    *,
    trace_id: bytes | None = None,
    span_id: bytes | None = None,
    parent: Span | None = None,
    name: str = "a span",
    kind: int = CLIENT,
    start_ns: int | None = None,
    duration_ns: int = SECOND,
    status: int = 0,
    message: str = "",
    events: Mapping[str, Mapping[str, Any]] | None = None,
) -> Span:
    """A span with these attributes; of its parent's trace where it has one."""
    start_ns = time.time_ns() if start_ns is None else start_ns
    return Span(
        trace_id=trace_id or (parent.trace_id if parent else new_trace_id()),
        span_id=span_id or new_span_id(),
        parent_span_id=parent.span_id if parent else b"",
        name=name,
        kind=kind,
        start_time_unix_nano=start_ns,
        end_time_unix_nano=start_ns + duration_ns,
        status=Status(code=status, message=message),
        attributes=attributes(of or {}),
        events=[
            Span.Event(name=name, time_unix_nano=start_ns, attributes=attributes(of_event)) for name, of_event in (events or {}).items()
        ],
    )


def chat(provider: str = "ollama", model: str = "llama3.1:8b", **others: Any) -> Span:
    """A request to a model as this package's instrumentation sends it; `others` as for `span`."""
    more = others.pop("more", {})
    said = {"llm.provider": provider, "llm.model": model, "llm.endpoint": f"http://{provider}:1/v1", "llm.outcome": "ok"}
    return span(said | more, name=f"chat {model}", **others)


def traces(*spans: Span, service: str = "chat-api") -> bytes:
    """A traces request with one resource and one scope."""
    scope = ScopeSpans(scope=InstrumentationScope(name="tests"), spans=spans)
    return ExportTraceServiceRequest(resource_spans=[ResourceSpans(resource=_resource(service), scope_spans=[scope])]).SerializeToString()


def metrics(*times_ns: int) -> bytes:
    """A metrics request with one gauge point for each time."""
    points = [NumberDataPoint(time_unix_nano=time_ns, as_int=number) for number, time_ns in enumerate(times_ns)]
    scope = ScopeMetrics(metrics=[Metric(name="a gauge", gauge=Gauge(data_points=points)), Metric(name="an empty one")])
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=_resource("x"), scope_metrics=[scope])]
    ).SerializeToString()


def metric_points(*of: Metric, service: str = "chat-api", scope: str = "tests") -> bytes:
    """A metrics request with one resource and one scope."""
    scopes = [ScopeMetrics(scope=InstrumentationScope(name=scope), metrics=of)]
    return ExportMetricsServiceRequest(
        resource_metrics=[ResourceMetrics(resource=_resource(service), scope_metrics=scopes)]
    ).SerializeToString()


def logs(*times_ns: int, trace_id: bytes = b"") -> bytes:
    """A logs request with one record for each time."""
    records = [LogRecord(time_unix_nano=time_ns, body=value("a line"), trace_id=trace_id) for time_ns in times_ns]
    scope = ScopeLogs(log_records=records)
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=_resource("x"), scope_logs=[scope])]).SerializeToString()


def log_record(
    body: Any = "a line",
    *,
    of: Span | None = None,
    trace_id: bytes = b"",
    severity: int = 9,
    said: Mapping[str, Any] | None = None,
    time_ns: int | None = None,
    observed_ns: int = 0,
) -> LogRecord:
    """A log record, written inside the span `of` where there is one."""
    return LogRecord(
        time_unix_nano=time.time_ns() if time_ns is None else time_ns,
        observed_time_unix_nano=observed_ns,
        severity_number=severity,  # type: ignore[arg-type]
        body=value(body),
        attributes=attributes(said or {}),
        trace_id=of.trace_id if of else trace_id,
        span_id=of.span_id if of else b"",
    )


def log_records(*records: LogRecord, service: str = "chat-api") -> bytes:
    """A logs request with one resource and one scope."""
    scope = ScopeLogs(scope=InstrumentationScope(name="tests"), log_records=records)
    return ExportLogsServiceRequest(resource_logs=[ResourceLogs(resource=_resource(service), scope_logs=[scope])]).SerializeToString()


def request_id(of: Span) -> str:
    """What the history calls the request of this span."""
    return f"{of.trace_id.hex()}-{of.span_id.hex()}"


def _resource(service: str) -> Resource:
    return Resource(attributes=attributes({"service.name": service}))
