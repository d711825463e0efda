"""Points and log records as rows beside their blocks. For the one thread that writes; inside its transactions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venom_otel.store.embedded.names import Names
from venom_otel.store.embedded.places import number
from venom_otel.store.embedded.records import LogKind
from venom_otel.store.embedded.sql import statement
from venom_otel.store.embedded.streams import StreamBook

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from venom_otel.store.embedded.blocks import Block
    from venom_otel.store.embedded.decode import Decoded


class Filing:
    """Files what blocks hold, and keeps the book of streams.

    Args:
        connection: the writer's.
        max_series: most streams that are kept.
    """

    def __init__(self, connection: sqlite3.Connection, max_series: int) -> None:
        self.book = StreamBook(connection, max_series)
        self._connection = connection
        self._kinds = Names(
            connection,
            "log_kind",
            "combinations of service and severity of log records (VENOM_OTEL_MAX_SERIES)",
            max_series,
            lambda kind: LogKind("", kind.severity),
        )

    def add(self, block: int, arrived_ns: int, of: Block | Decoded) -> None:
        """File the points and log records of one block; where they have no time, the arrival is theirs."""
        base = number(block, 0)
        if of.points:
            rows = []
            for item, point in enumerate(of.points, base):
                stream = self.book.find(point.stream, of.streams)
                bounds = None if point.bounds == stream.bounds else point.bounds
                rows.append((item, stream.id, point.time_ns or arrived_ns, *point[2:7], bounds, point.detail))
            self._connection.executemany(statement("insert_point"), rows)
        if of.records:
            kinds = self._kinds
            self._connection.executemany(
                statement("insert_log"),
                [(item, record.time_ns or arrived_ns, kinds[record.kind]) for item, record in enumerate(of.records, base)],
            )

    def forget(self, streams: Sequence[bytes]) -> None:
        """Blocks were deleted: these streams are no longer in the file, nor are kinds of log records that none is of."""
        self.book.forget(streams)
        self._kinds.clear()

    def settle(self, *, committed: bool) -> None:
        """End the transaction."""
        self.book.settle(committed=committed)
        if not committed:
            self._kinds.clear()
