"""The store's queries. Each takes a read connection; none of them blocks the writer or is blocked by it."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any, Final

from venom_otel.store.embedded.blocks import low_key
from venom_otel.store.embedded.spans import spans_of
from venom_otel.store.embedded.sql import statement
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import RequestStatus, RequestSummary, Signal, Span

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from venom_otel.store.protocol import RequestFilter

_FIRST_LENGTH: Final = 1_024
_GROWTH: Final = 8
FIELDS: Final = tuple(field.name for field in dataclasses.fields(RequestSummary))
_STATUS: Final = FIELDS.index("status")
_STREAMING: Final = FIELDS.index("streaming")
_FLAGS: Final = tuple(map(FIELDS.index, ("fallback", "cold_start", "gave_way")))
"""That may be None."""
_STATUSES: Final = {status.value: status for status in RequestStatus}
NAMED: Final = ("provider", "model", "endpoint", "service", "status", "error_kind", "fallback")
"""The fields of a filter that ask for series and endings."""


def requests(connection: sqlite3.Connection, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
    """See `TelemetryStore.requests`."""
    connection.execute("BEGIN")
    try:
        ids = matching_ids(connection, which, limit)
        found = summaries(connection, ids)
    finally:
        connection.execute("COMMIT")
    return found if which.after is not None else found[::-1]


def request(connection: sqlite3.Connection, trace_id: bytes, span_id: bytes) -> RequestSummary | None:
    """See `TelemetryStore.request`."""
    named = {"low": low_key(trace_id), "trace_id": trace_id, "span_id": span_id}
    row = connection.execute(statement("find_request"), named).fetchone()
    return next(iter(summaries(connection, [row[0]])), None) if row else None


def trace(connection: sqlite3.Connection, trace_id: bytes) -> Sequence[Span]:
    """See `TelemetryStore.trace`; a span that was sent twice is given once."""
    found: dict[str, Span] = {}
    for _, _, zstd in connection.execute(statement("trace_blocks"), {"low": low_key(trace_id), "signal": Signal.TRACES}):
        for span in spans_of(zstd, trace_id):
            found.setdefault(span.span_id, span)
    return sorted(found.values(), key=lambda span: (span.start_ns, span.end_ns))


def matching_ids(connection: sqlite3.Connection, which: RequestFilter, limit: int) -> list[int]:
    """The ids of one page, in the page's order."""
    arguments: dict[str, Any] = {
        "limit": limit,
        "above": -1 if which.after is None else _int64(which.after),
        "below": MAX_INT64 if which.before is None else _int64(which.before),
        "any_time": which.since_ns is None and which.until_ns is None,
        "since_ns": 0 if which.since_ns is None else _int64(which.since_ns),
        "until_ns": MAX_INT64 if which.until_ns is None else _int64(which.until_ns),
    }
    if which.since_ns is not None:
        (first,) = connection.execute(statement("first_request_since"), {"since_ns": arguments["since_ns"]}).fetchone()
        if first is None:
            return []
        arguments["above"] = max(arguments["above"], first - 1)
    if which.until_ns is not None:
        row = connection.execute(statement("last_request_until"), {"until_ns": arguments["until_ns"]}).fetchone()
        if row is None:
            return []
        arguments["below"] = min(arguments["below"], row[0] + 1)
    order = "newest" if which.after is None else "oldest"
    named = asked(which)
    if all(value is None for value in named.values()):
        return _column(connection, order, arguments)
    pairs = {kind: json.dumps(_column(connection, f"matching_{kind}", named)) for kind in ("series", "endings")}
    return _by_series(connection, f"{order}_by_series", arguments | pairs)


def asked(which: RequestFilter) -> dict[str, str | None]:
    """The values that each field of `NAMED` allows, as JSON; None where it asks for nothing."""
    values = {name: getattr(which, name) for name in NAMED}
    return {name: None if value is None else json.dumps(value if isinstance(value, tuple) else [value]) for name, value in values.items()}


def _by_series(connection: sqlite3.Connection, order: str, arguments: dict[str, Any]) -> list[int]:
    """The first ids of many series, from a part of the list that is made larger until it holds enough of them.

    Each of the hundreds of pairs of series and ending would else give a whole page, of which the merged page takes few.
    """
    (first, last) = connection.execute(statement("ends_of_requests")).fetchone()
    if first is None:
        return []
    above, below = max(arguments["above"], first - 1), min(arguments["below"], last + 1)
    length = _FIRST_LENGTH
    while True:
        part = {"above": max(above, below - length)} if order.startswith("newest") else {"below": min(below, above + length)}
        found = _column(connection, order, arguments | {"above": above, "below": below} | part)
        if len(found) >= arguments["limit"] or length > below - above:
            return found
        length *= _GROWTH


def _column(connection: sqlite3.Connection, name: str, arguments: dict[str, Any]) -> list[int]:
    return [row[0] for row in connection.execute(statement(name), arguments)]


def _int64(value: int) -> int:
    return min(max(value, -MAX_INT64), MAX_INT64)


def summaries(connection: sqlite3.Connection, ids: Sequence[int]) -> list[RequestSummary]:
    """The requests of these ids, oldest first."""
    return [_summary(row) for row in connection.execute(statement("requests_by_id"), {"ids": json.dumps(ids)})]


def _summary(row: Sequence[Any]) -> RequestSummary:
    """A row of `requests_by_id`, whose columns are the fields in their order: passed by name they take twice as long as reading the row."""
    fields = list(row)
    fields[_STATUS] = _STATUSES[fields[_STATUS]]
    fields[_STREAMING] = bool(fields[_STREAMING])
    for flag in _FLAGS:
        if fields[flag] is not None:
            fields[flag] = bool(fields[flag])
    return RequestSummary(*fields)
