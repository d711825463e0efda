"""Tables of names: each row of values has a number, by which other tables speak of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from venom_otel.store.embedded.sql import statement

if TYPE_CHECKING:
    import sqlite3

_MAX_NAMES: Final = 20_000


class Names(dict[Any, int]):
    """Numbers of the rows of a table of names, looked up or added at first use. Ask by indexing, inside a transaction."""

    def __init__(self, connection: sqlite3.Connection, table: str) -> None:
        super().__init__()
        self._connection = connection
        self._find = statement(f"find_{table}")
        self._insert = statement(f"insert_{table}")

    def __missing__(self, key: Any) -> int:
        named = key._asdict()
        row = self._connection.execute(self._find, named).fetchone()
        number = int(row[0]) if row else int(self._connection.execute(self._insert, named).lastrowid or 0)
        if len(self) >= _MAX_NAMES:
            self.clear()
        self[key] = number
        return number
