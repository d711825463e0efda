"""Queries for log records. Each takes a read connection; none of them blocks the writer or is blocked by it."""

from __future__ import annotations

import heapq
import json
from itertools import groupby, islice
from typing import TYPE_CHECKING, Any, Final

from venom_otel.store.embedded.blocks import low_key
from venom_otel.store.embedded.matching import Text
from venom_otel.store.embedded.places import block_of, number
from venom_otel.store.embedded.records import records_of
from venom_otel.store.embedded.sql import statement
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import Found, Signal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Iterator, Sequence

    from venom_otel.store.protocol import LogFilter, LogRecord

CANDIDATES: Final = 16_384
"""Most records that one call opens to look inside them."""


def logs(connection: sqlite3.Connection, which: LogFilter, limit: int) -> Found[LogRecord]:
    """See `TelemetryStore.logs`."""
    connection.execute("BEGIN")
    try:
        if which.trace_id is not None:
            return _of_trace(connection, bytes.fromhex(which.trace_id), _Inside(which), limit)
        if which.span_id is None and not which.text:
            ids = _matching_ids(connection, which, limit + 1)
            return _page(list(_opened(connection, ids[:limit])), limit, more=len(ids) > limit)
        return _inside(connection, which, limit)
    finally:
        connection.execute("COMMIT")


class _Inside:
    """What a record itself must hold; a cheap look at its bytes comes first."""

    def __init__(self, which: LogFilter) -> None:
        self.which = which
        self._span_id = None if which.span_id is None else bytes.fromhex(which.span_id)
        self._text = Text(which.text) if which.text else None

    def perhaps(self, raw: bytes, resource: bytes) -> bool:
        """Whether a record of these bytes may be what is asked for; False is certain."""
        if self._span_id is not None and self._span_id not in raw:
            return False
        return self._text is None or self._text.perhaps_in(raw) or self._text.perhaps_in(resource)

    def holds(self, record: LogRecord) -> bool:
        """Whether a record is what is asked for; cursors are left aside."""
        which = self.which
        return (
            (which.trace_id is None or record.trace_id == which.trace_id)
            and (which.span_id is None or record.span_id == which.span_id)
            and (which.service is None or record.service == which.service)
            and (which.severity is None or record.severity >= which.severity)
            and (which.since_ns is None or record.time_ns >= which.since_ns)
            and (which.until_ns is None or record.time_ns <= which.until_ns)
            and (self._text is None or self._says(self._text, record))
        )

    @staticmethod
    def _says(text: Text, record: LogRecord) -> bool:
        if text.in_string(record.event_name) or text.in_value(record.body):
            return True
        return any(
            text.in_string(name) or text.in_value(value) for said in (record.attributes, record.resource) for name, value in said.items()
        )


def _of_trace(connection: sqlite3.Connection, trace_id: bytes, inside: _Inside, limit: int) -> Found[LogRecord]:
    """All records of a trace are looked at, however many there are."""
    which = inside.which
    above, below = _cursors(which)

    def wanted(item: int, raw: bytes, resource: bytes) -> bool:
        return trace_id in raw and above < item < below and inside.perhaps(raw, resource)

    blocks = connection.execute(statement("trace_blocks"), {"low": low_key(trace_id), "signal": Signal.LOGS})
    records = (record for block, arrived_ns, zstd in blocks for record in records_of(block, arrived_ns, zstd, wanted))
    found = filter(inside.holds, records)
    choose = heapq.nlargest if which.after is None else heapq.nsmallest
    items = choose(limit + 1, found, key=lambda record: record.sequence)
    return _page(items[:limit], limit, more=len(items) > limit)


def _inside(connection: sqlite3.Connection, which: LogFilter, limit: int) -> Found[LogRecord]:
    """Records that have to be opened to be found: a bounded number at once."""
    inside = _Inside(which)
    ids = _matching_ids(connection, which, CANDIDATES + 1)
    candidates = ids[:CANDIDATES]
    items = list(islice(filter(inside.holds, _opened(connection, candidates, inside)), limit))
    if len(items) == limit and items[-1].sequence != ids[-1]:
        return Found(items, items[-1].sequence)
    return Found(items, candidates[-1] if len(ids) > CANDIDATES else None)


def _opened(connection: sqlite3.Connection, ids: Sequence[int], inside: _Inside | None = None) -> Iterator[LogRecord]:
    """The records of these numbers in their order, one block after the other."""
    for block, numbers in groupby(ids, block_of):
        ordered = list(numbers)
        wanted = set(ordered)
        arrived_ns, zstd = connection.execute(statement("log_block"), {"block": block}).fetchone()

        def look(item: int, raw: bytes, resource: bytes, wanted: set[int] = wanted) -> bool:
            return item in wanted and (inside is None or inside.perhaps(raw, resource))

        records = list(records_of(block, arrived_ns, zstd, look))
        yield from records if ordered[0] <= ordered[-1] else reversed(records)


def _matching_ids(connection: sqlite3.Connection, which: LogFilter, limit: int) -> list[int]:
    """Numbers of records by what their rows say, in the page's order."""
    above, below = _cursors(which)
    arguments: dict[str, Any] = {
        "limit": limit,
        "any_time": which.since_ns is None and which.until_ns is None,
        "since_ns": 0 if which.since_ns is None else _int64(which.since_ns),
        "until_ns": MAX_INT64 if which.until_ns is None else _int64(which.until_ns),
    }
    if which.since_ns is not None:
        (first,) = connection.execute(statement("first_log_block_since"), {"since_ns": arguments["since_ns"]}).fetchone()
        if first is None:
            return []
        above = max(above, number(first, 0) - 1)
    if which.until_ns is not None:
        row = connection.execute(statement("last_log_block_until"), {"until_ns": arguments["until_ns"]}).fetchone()
        if row is None:
            return []
        below = min(below, number(row[0] + 1, 0))
    name = "newest_logs" if which.after is None else "oldest_logs"
    if which.service is not None or which.severity is not None:
        name += "_by_kind"
        kinds = {"service": which.service, "severity": which.severity}
        arguments["kinds"] = json.dumps(_column(connection.execute(statement("matching_log_kinds"), kinds)))
    return _column(connection.execute(statement(name), arguments | {"above": above, "below": below}))


def _column(rows: Iterable[tuple[int]]) -> list[int]:
    return [row[0] for row in rows]


def _cursors(which: LogFilter) -> tuple[int, int]:
    return -1 if which.after is None else _int64(which.after), MAX_INT64 if which.before is None else _int64(which.before)


def _int64(value: int) -> int:
    return min(max(value, -MAX_INT64), MAX_INT64)


def _page(items: list[LogRecord], limit: int, *, more: bool) -> Found[LogRecord]:
    return Found(items, items[limit - 1].sequence if more and items else None)
