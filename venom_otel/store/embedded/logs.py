"""Queries for log records. Each takes a read connection; none of them blocks the writer or is blocked by it."""

from __future__ import annotations

import heapq
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from venom_otel.store.embedded.blocks import low_key
from venom_otel.store.embedded.records import records_of
from venom_otel.store.embedded.sql import statement
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import Found, Signal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator

    from venom_otel.store.protocol import AttributeValue, LogFilter, LogRecord


def logs(connection: sqlite3.Connection, which: LogFilter, limit: int) -> Found[LogRecord]:
    """See `TelemetryStore.logs`."""
    assert which.trace_id is not None
    found = (record for record in _of_trace(connection, bytes.fromhex(which.trace_id), which) if holds(record, which))
    return _page(found, which, limit)


def holds(record: LogRecord, which: LogFilter) -> bool:
    """Whether a record is what a filter asks for, its cursors left aside."""
    return (
        (which.trace_id is None or record.trace_id == which.trace_id)
        and (which.span_id is None or record.span_id == which.span_id)
        and (which.service is None or record.service == which.service)
        and (which.severity is None or record.severity >= which.severity)
        and (which.since_ns is None or record.time_ns >= which.since_ns)
        and (which.until_ns is None or record.time_ns <= which.until_ns)
        and (not which.text or _says(record, which.text.casefold()))
    )


def _of_trace(connection: sqlite3.Connection, trace_id: bytes, which: LogFilter) -> Iterator[LogRecord]:
    after = -1 if which.after is None else which.after
    before = MAX_INT64 if which.before is None else which.before
    for block, arrived_ns, zstd in connection.execute(statement("trace_blocks"), {"low": low_key(trace_id), "signal": Signal.LOGS}):
        yield from records_of(block, arrived_ns, zstd, lambda item, raw: trace_id in raw and after < item < before)


def _page(found: Iterator[LogRecord], which: LogFilter, limit: int) -> Found[LogRecord]:
    """One page of records that are all looked at here, in any order."""
    choose = heapq.nlargest if which.after is None else heapq.nsmallest
    items = choose(limit + 1, found, key=lambda record: record.sequence)
    return Found(items[:limit], items[limit - 1].sequence if len(items) > limit else None)


def _says(record: LogRecord, text: str) -> bool:
    said = (record.body, record.event_name, record.attributes, record.resource)
    return any(text in part.casefold() for value in said for part in _texts(value))


def _texts(value: AttributeValue) -> Iterator[str]:
    """Every name and value inside, as text."""
    match value:
        case str():
            yield value
        case bool():
            yield str(value).lower()
        case int() | float():
            yield str(value)
        case Mapping():
            for name, item in value.items():
                yield name
                yield from _texts(item)
        case Sequence() if not isinstance(value, bytes):
            for item in value:
                yield from _texts(item)
