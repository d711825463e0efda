"""What one commit writes. A single thread owns it; nothing touches the file before `commit`, and a failed one leaves no trace."""

from __future__ import annotations

import shutil
import sqlite3
from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import StoreError, StoreFullError
from venom_otel.store.embedded.blocks import pack, trace_key
from venom_otel.store.embedded.decode import DIGEST_BYTES
from venom_otel.store.embedded.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from venom_otel.store.embedded.blocks import Block
    from venom_otel.store.embedded.decode import Decoded

_OF_ONE_REQUEST: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite raises for a row; everything else it raises is about the file."""
_MAX_NAMES: Final = 20_000
_IDLE_CHECKPOINT_BYTES: Final = 4 * 1024 * 1024


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


class Writer:
    """Writes groups of decoded requests, each group in one durable transaction."""

    def __init__(self, connection: sqlite3.Connection, path: Path, min_free_bytes: int) -> None:
        self._connection = connection
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._min_free_bytes = min_free_bytes
        self._series = Names(connection, "series")
        self._endings = Names(connection, "ending")
        counters = dict(connection.execute(statement("counters")))
        self._next_block: int = counters["block"]
        self._next_request: int = counters["request"]

    @property
    def newest_request(self) -> int:
        """The greatest sequence number given so far; 0 before the first."""
        return self._next_request - 1

    def recent_digests(self, limit: int) -> Iterator[bytes]:
        """Digests of the requests stored last, newest block first, at most about `limit`."""
        rows = self._connection.execute(statement("recent_digests"))
        while limit > 0 and (row := rows.fetchone()) is not None:
            for start in range(0, len(row[0]), DIGEST_BYTES):
                yield row[0][start : start + DIGEST_BYTES]
                limit -= 1
        rows.close()

    def commit(self, group: Sequence[Decoded], arrived_ns: int) -> None:
        """Store a group of requests; when this returns, they survive `kill -9`.

        Raises:
            StoreFullError: there is less free space than is to be kept, or none.
            StoreError: the file cannot be written.
            Exception: anything else points at one request that cannot be stored. In every case nothing of the group was.
        """
        blocks = list(pack(group))
        try:
            self._check_space()
            self._connection.execute("BEGIN IMMEDIATE")
            next_block, next_request = self._write(blocks, arrived_ns)
            self._connection.execute("COMMIT")
        except BaseException as error:
            self._roll_back()
            if isinstance(error, OSError | sqlite3.Error) and not isinstance(error, _OF_ONE_REQUEST):
                raise self._in_words(error) from error
            raise
        self._next_block, self._next_request = next_block, next_request

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file if it has grown; called when nothing waits. It does not block readers."""
        if self._log.exists() and self._log.stat().st_size > _IDLE_CHECKPOINT_BYTES:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Release the file; SQLite moves what is left of the log into it."""
        self._connection.close()

    def _write(self, blocks: Sequence[Block], arrived_ns: int) -> tuple[int, int]:
        number, request = self._next_block, self._next_request
        many = self._connection.executemany
        for block in blocks:
            first, request = request, request + len(block.requests)
            series, endings = self._series, self._endings
            many(
                statement("insert_request"),
                [
                    (sequence, row[0], row[1], series[row[2]], endings[row[3]], *row[4:])
                    for sequence, row in enumerate(block.requests, first)
                ],
            )
            ids = (first, request - 1) if block.requests else (None, None)
            self._connection.execute(
                statement("insert_block"), (number, block.signal, arrived_ns, block.first_ns, block.last_ns, block.items, *ids)
            )
            self._connection.execute(statement("insert_payload"), (number, block.digests, block.zstd))
            many(statement("insert_trace"), [(key, number) for key in sorted(trace_key(arrived_ns, trace) for trace in block.trace_ids)])
            number += 1
        many(statement("set_counter"), [{"name": "block", "value": number}, {"name": "request", "value": request}])
        return number, request

    def _roll_back(self) -> None:
        self._series.clear()
        self._endings.clear()
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")

    def _check_space(self) -> None:
        # Before the disk is full: moving the log into the file needs room too, or the log could never shrink again.
        free = shutil.disk_usage(self._path.parent).free
        if free < self._min_free_bytes:
            raise StoreFullError(
                f"the disk of {self._path} has {free // 1_048_576} MiB left, less than the {self._min_free_bytes // 1_048_576} MiB that "
                "VENOM_OTEL_MIN_FREE_BYTES keeps free: nothing more is stored until room is made"
            )

    def _in_words(self, error: OSError | sqlite3.Error) -> StoreError:
        if isinstance(error, sqlite3.Error) and error.sqlite_errorcode == sqlite3.SQLITE_FULL:
            return StoreFullError(f"the disk of {self._path} is full: nothing more is stored until room is made")
        return StoreError(f"the store {self._path} cannot be written: {error}")
