"""Tables of names: each row of values has a number, by which other tables speak of it.

Such a table has as many rows as senders use different names. That is bounded: names beyond the limit are not told apart, which costs a
list its words and nothing else, for whatever was sent is kept whole.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

from venom_otel.store.embedded.sql import statement

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable

K = TypeVar("K", bound=NamedTuple)

_logger: Final = logging.getLogger(__name__)
_MAX_REMEMBERED: Final = 20_000


class Names(dict[K, int], Generic[K]):
    """Numbers of the rows of a table, looked up or added at first use. Ask by indexing, inside a transaction.

    Args:
        connection: the writer's.
        table: which table, as `find_{table}.sql`, `insert_{table}.sql` and `count_{table}.sql` name it.
        what: what a row is, in words for a person.
        limit: most rows.
        beyond: what a row beyond the limit counts as; there are few such rows, which have room in any case.
    """

    def __init__(self, connection: sqlite3.Connection, table: str, what: str, limit: int, beyond: Callable[[K], K]) -> None:
        super().__init__()
        self._connection = connection
        self._table = table
        self._what = what
        self._limit = limit
        self._beyond = beyond
        self._rows: int | None = None
        self._warned = False

    def clear(self) -> None:
        """Forget what the table holds: rows were deleted, or not written after all."""
        super().clear()
        self._rows = None

    def __missing__(self, key: K) -> int:
        number = self._find(key)
        if number is None and self._is_full() and (folded := self._beyond(key)) != key:
            self._warn()
            number = self._find(folded) or self._insert(folded)
        if number is None:
            number = self._insert(key)
        if len(self) >= _MAX_REMEMBERED:
            super().clear()
        self[key] = number
        return number

    def _find(self, key: K) -> int | None:
        row = self._connection.execute(statement(f"find_{self._table}"), key._asdict()).fetchone()
        return None if row is None else int(row[0])

    def _insert(self, key: K) -> int:
        number = self._connection.execute(statement(f"insert_{self._table}"), key._asdict()).lastrowid
        self._rows = None if self._rows is None else self._rows + 1
        return int(number or 0)

    def _is_full(self) -> bool:
        if self._rows is None:
            (self._rows,) = self._connection.execute(statement(f"count_{self._table}")).fetchone()
        return (self._rows or 0) >= self._limit

    def _warn(self) -> None:
        if not self._warned:
            _logger.warning(
                "the store tells %d %s apart and no more: what has further ones is stored, but lists and figures leave the names out. "
                "A sender that makes names up is the usual cause",
                self._limit,
                self._what,
            )
        self._warned = True
