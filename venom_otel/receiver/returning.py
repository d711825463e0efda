"""What comes back: a collector's copy of everything also has what this program sent to it, and has stored already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from venom_otel import semconv
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

_PARTS: Final[dict[Signal, tuple[type[Any], Callable[[Any], Any]]]] = {
    Signal.TRACES: (ExportTraceServiceRequest, lambda request: request.resource_spans),
    Signal.METRICS: (ExportMetricsServiceRequest, lambda request: request.resource_metrics),
    Signal.LOGS: (ExportLogsServiceRequest, lambda request: request.resource_logs),
}


def without(instance: str, signal: Signal, request: bytes) -> bytes | None:
    """A serialized export request without what `instance` sent.

    Args:
        instance: a `service.instance.id`.
        signal: what the request is of.
        request: as it came. Where the id is not among its bytes, which is nearly always, they are not looked at any closer.

    Returns:
        The request; None where nothing of it is left. One that cannot be decoded is returned as it came, for the store to refuse.
    """
    if instance.encode() not in request:
        return request
    kind, parts_of = _PARTS[signal]
    try:
        decoded = kind.FromString(request)
    except DecodeError:
        return request
    parts = parts_of(decoded)
    others = [part for part in parts if not _is_of(part.resource, instance)]
    if len(others) == len(parts):
        return request
    if not others:
        return None
    kept = kind()
    parts_of(kept).extend(others)
    return bytes(kept.SerializeToString())


def _is_of(resource: Any, instance: str) -> bool:
    return any(one.key == semconv.SERVICE_INSTANCE_ID and one.value.string_value == instance for one in resource.attributes)
