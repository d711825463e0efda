"""Stored requests as OTLP/JSON, one to a line, and such lines told apart.

What the OTLP File Exporter writes and the Collector's file exporter and otlpjsonfile receiver exchange: a line is one export request
(https://opentelemetry.io/docs/specs/otel/protocol/file-exporter/). `encoding.from_json` reads what `to_json` writes.
"""

from __future__ import annotations

import base64
import json
import math
import re
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.descriptor_pb2 import DescriptorProto
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from venom_otel.errors import PayloadError
from venom_otel.store.protocol import MetricKind, Signal

if TYPE_CHECKING:
    from collections.abc import Callable

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
_IDENTIFIERS: Final = frozenset({"trace_id", "span_id", "parent_span_id"})
_KEY_VALUE: Final = KeyValue.DESCRIPTOR.full_name
_FIRST_NAME: Final = re.compile(rb'\s*\{\s*"([A-Za-z_]{1,40})"\s*:')


def to_json(signal: Signal, raw: bytes) -> str:
    """One line, without its end: enumerations as numbers, identifiers in hexadecimal digits.

    Args:
        signal: what the request is of.
        raw: a serialized request that was stored, which therefore can be read.
    """
    return json.dumps(_object(_MESSAGES[signal].FromString(raw)), ensure_ascii=False, separators=(",", ":"))


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


def _object(message: Message) -> dict[str, Any]:
    """A message as JSON has it, in half the time of protobuf's own way, which knows no hexadecimal identifiers besides."""
    found = {}
    for field, value in message.ListFields():
        name, convert = _FIELDS[field]
        found[name] = convert(value)
    return found


def _attribute(pair: KeyValue) -> dict[str, Any]:
    """The message of which there are most."""
    value = pair.value
    kind = value.WhichOneof("value")
    if kind is None or kind not in _SIMPLE:
        return _object(pair)
    name, convert = _SIMPLE[kind]
    return {"key": pair.key, "value": {name: convert(getattr(value, kind))}}


def _same(value: Any) -> Any:
    return value


def _double(value: float) -> float | str:
    if math.isfinite(value):
        return value
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


class _Fields(dict[FieldDescriptor, "tuple[str, Callable[[Any], Any]]"]):
    """A field's name in JSON, and how its value is converted (https://protobuf.dev/programming-guides/json/). Ask by indexing."""

    def __missing__(self, field: FieldDescriptor) -> tuple[str, Callable[[Any], Any]]:
        one = _conversion(field)
        of_message = DescriptorProto()  # the same in all versions of protobuf, unlike the descriptor's own properties
        assert field.containing_type is not None  # OTLP has no extensions
        field.containing_type.CopyToProto(of_message)
        repeated = any(said.number == field.number and said.label == said.LABEL_REPEATED for said in of_message.field)
        found = self[field] = (field.json_name, (lambda values: [one(value) for value in values]) if repeated else one)
        return found


def _conversion(field: FieldDescriptor) -> Callable[[Any], Any]:
    if field.message_type is not None:
        return _attribute if field.message_type.full_name == _KEY_VALUE else _object
    if field.type == FieldDescriptor.TYPE_BYTES:
        return bytes.hex if field.name in _IDENTIFIERS else _base64
    if field.cpp_type in {FieldDescriptor.CPPTYPE_DOUBLE, FieldDescriptor.CPPTYPE_FLOAT}:
        return _double
    return str if field.cpp_type in {FieldDescriptor.CPPTYPE_INT64, FieldDescriptor.CPPTYPE_UINT64} else _same


_FIELDS: Final = _Fields()
_SIMPLE: Final[dict[str, tuple[str, Callable[[Any], Any]]]] = {
    "string_value": ("stringValue", _same),
    "int_value": ("intValue", str),
    "bool_value": ("boolValue", _same),
    "double_value": ("doubleValue", _double),
}
