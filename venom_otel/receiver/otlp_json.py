"""Stored requests as OTLP/JSON, one to a line, and such lines told apart.

What the OTLP File Exporter writes and the Collector's file exporter and otlpjsonfile receiver exchange: a line is one export request
(https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/). `encoding.from_json` reads what `to_json` writes.
"""

from __future__ import annotations

import base64
import json
import re
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from venom_otel.errors import PayloadError
from venom_otel.store.protocol import MetricKind, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from google.protobuf.message import Message

_MESSAGES: Final[dict[Signal, type[Message]]] = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}
_SIGNALS: Final = {
    "resourceSpans": Signal.TRACES,
    "resourceMetrics": Signal.METRICS,
    "resourceLogs": Signal.LOGS,
    "resource_spans": Signal.TRACES,
    "resource_metrics": Signal.METRICS,
    "resource_logs": Signal.LOGS,
}
_DATA: Final = ("gauge", "sum", "histogram", "exponentialHistogram", "summary")
_IDENTIFIERS: Final = ("traceId", "spanId", "parentSpanId")
_FIRST_NAME: Final = re.compile(rb'\s*\{\s*"([A-Za-z_]{1,40})"\s*:')


def to_json(signal: Signal, raw: bytes) -> str:
    """One line, without its end: enumerations as numbers, identifiers in hexadecimal digits.

    Args:
        signal: what the request is of.
        raw: a serialized request that was stored, which therefore can be read.
    """
    said = json_format.MessageToDict(_MESSAGES[signal].FromString(raw), use_integers_for_enums=True)
    for item in _identified(signal, said):
        for name in _IDENTIFIERS:
            if name in item:
                item[name] = base64.b64decode(item[name]).hex()
    return json.dumps(said, ensure_ascii=False, separators=(",", ":"))


def signal_of(line: bytes) -> Signal | None:
    """What a line of OTLP/JSON is of; None for an empty one, `{}`.

    Raises:
        PayloadError: it is no export request of a known signal.
    """
    if line.strip() == b"{}":
        return None
    found = _FIRST_NAME.match(line)
    name = found.group(1).decode() if found else ""
    if name not in _SIGNALS:
        what = f"begins with {name!r}" if name else "is no JSON object"
        raise PayloadError(f"it {what}, where OTLP/JSON has resourceSpans, resourceMetrics or resourceLogs")
    return _SIGNALS[name]


def count(signal: Signal, raw: bytes) -> int:
    """How many spans, data points or log records a serialized request holds."""
    request: Any = _MESSAGES[signal].FromString(raw)
    match signal:
        case Signal.TRACES:
            return sum(len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans)
        case Signal.LOGS:
            return sum(len(scope.log_records) for resource in request.resource_logs for scope in resource.scope_logs)
        case Signal.METRICS:
            metrics = [metric for resource in request.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics]
            return sum(len(getattr(metric, kind).data_points) for metric in metrics for kind in MetricKind if metric.HasField(kind))


def _identified(signal: Signal, said: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The parts of a request that may have identifiers."""
    match signal:
        case Signal.TRACES:
            for span in _inner(said, "resourceSpans", "scopeSpans", "spans"):
                yield span
                yield from span.get("links", ())
        case Signal.LOGS:
            yield from _inner(said, "resourceLogs", "scopeLogs", "logRecords")
        case Signal.METRICS:
            for metric in _inner(said, "resourceMetrics", "scopeMetrics", "metrics"):
                for kind in _DATA:
                    for point in metric.get(kind, {}).get("dataPoints", ()):
                        yield from point.get("exemplars", ())


def _inner(said: dict[str, Any], *names: str) -> Iterator[dict[str, Any]]:
    if not names:
        yield said
        return
    for item in said.get(names[0], ()):
        yield from _inner(item, *names[1:])
