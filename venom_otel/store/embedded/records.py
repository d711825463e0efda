"""Whole log records out of stored blocks, and their slim rows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope
from opentelemetry.proto.logs.v1 import logs_pb2
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from venom_otel import semconv
from venom_otel.store.embedded.blocks import unpack
from venom_otel.store.embedded.places import number
from venom_otel.store.embedded.spans import attributes_of
from venom_otel.store.embedded.wire import attribute_value, parse_closed
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import LogRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_TRACE_ID_BYTES: Final = 16
_SPAN_ID_BYTES: Final = 8


class LogKind(NamedTuple):
    """What log records are filtered by; `service` is "" where the sender does not say."""

    service: str
    severity: int


class RecordRow(NamedTuple):
    """A log record, ready to be stored."""

    time_ns: int
    """0 where the sender did not say."""
    kind: LogKind


def records_of(block: int, arrived_ns: int, zstd: bytes, wanted: Callable[[int, bytes, bytes], bool]) -> Iterator[LogRecord]:
    """The log records of a block in its order.

    Args:
        block: the block's number.
        arrived_ns: when it arrived, which stands for the time of records that have none.
        zstd: its requests, compressed.
        wanted: whether to open a record, by its number and the bytes of it and of its resource.
    """
    item = number(block, 0)
    for resource in parse_closed(unpack(zstd)).resources:  # logs nest as traces do, under the same numbers
        for scope in resource.scopes:
            for raw in scope.spans:
                if wanted(item, raw, resource.resource):
                    yield _record(item, arrived_ns, logs_pb2.LogRecord.FromString(raw), scope.scope, resource.resource)
                item += 1


def time_of(record: logs_pb2.LogRecord, arrived_ns: int) -> int:
    """When a record happened: by its own time, else when it was observed, else when it came here."""
    return min(record.time_unix_nano or record.observed_time_unix_nano or arrived_ns, MAX_INT64)


def _record(item: int, arrived_ns: int, record: logs_pb2.LogRecord, scope: bytes, resource: bytes) -> LogRecord:
    resource_attributes = attributes_of(Resource.FromString(resource).attributes)
    service = resource_attributes.get(semconv.SERVICE_NAME)
    return LogRecord(
        sequence=item,
        time_ns=time_of(record, arrived_ns),
        severity=record.severity_number,
        severity_text=record.severity_text,
        event_name=record.event_name,
        body=attribute_value(record.body),
        trace_id=_identifier(record.trace_id, _TRACE_ID_BYTES),
        span_id=_identifier(record.span_id, _SPAN_ID_BYTES),
        service=service if isinstance(service, str) else None,
        scope=InstrumentationScope.FromString(scope).name,
        attributes=attributes_of(record.attributes),
        resource=resource_attributes,
    )


def _identifier(raw: bytes, size: int) -> str | None:
    return raw.hex() if len(raw) == size and any(raw) else None
