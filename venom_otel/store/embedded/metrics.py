"""Queries for metrics. Each takes a read connection; none of them blocks the writer or is blocked by it."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from venom_otel.store.embedded.attributes import load
from venom_otel.store.embedded.matching import as_text
from venom_otel.store.embedded.points import StoredPoint, point
from venom_otel.store.embedded.sql import statement
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import MetricKind, MetricSeries

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from venom_otel.store.protocol import MetricFilter, MetricPoint


def series(connection: sqlite3.Connection, which: MetricFilter, limit: int) -> Sequence[MetricSeries]:
    """See `TelemetryStore.metric_series`."""
    return list(islice(_matching(connection, which), limit))


def points(connection: sqlite3.Connection, stream: int, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
    """See `TelemetryStore.metric_points`."""
    connection.execute("BEGIN")
    try:
        found = connection.execute(statement("stream"), {"stream": stream}).fetchone()
        if found is None:
            return []
        kind, bounds = MetricKind(found[0]), found[1]
        arguments = {"stream": stream, "since_ns": _int64(since_ns), "until_ns": _int64(until_ns), "limit": limit}
        rows = connection.execute(statement("points_of_stream"), arguments)
        newest_first = [point(kind, bounds, StoredPoint(*row)) for row in rows]
    finally:
        connection.execute("COMMIT")
    return newest_first[::-1]


def _matching(connection: sqlite3.Connection, which: MetricFilter) -> Iterator[MetricSeries]:
    since_ns = None if which.since_ns is None else _int64(which.since_ns)
    asked = {"id": which.id, "name": which.name, "service": which.service, "since_ns": since_ns}
    rows = connection.execute(statement("streams_by_name"), asked)
    names = [column[0] for column in rows.description]
    for row in rows:
        found = _series(**dict(zip(names, row, strict=True)))
        if all(name in found.attributes and as_text(found.attributes[name]) == value for name, value in which.attributes.items()):
            yield found


def _series(*, kind: str, monotonic: int | None, attributes: str, resource: str, last_ns: int | None, **others: Any) -> MetricSeries:
    return MetricSeries(
        kind=MetricKind(kind),
        monotonic=None if monotonic is None else bool(monotonic),
        attributes=load(attributes),
        resource=load(resource),
        last_ns=last_ns or 0,
        **others,
    )


def _int64(value: int) -> int:
    return min(max(value, -MAX_INT64), MAX_INT64)
