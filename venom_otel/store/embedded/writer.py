"""What one commit writes. A single thread owns it; nothing touches the file before `commit`, and a failed one leaves no trace."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from venom_otel.errors import StoreError, StoreFullError
from venom_otel.store.embedded.backfill import COUNTER as UNFILED
from venom_otel.store.embedded.backfill import backfill
from venom_otel.store.embedded.blocks import pack, trace_keys
from venom_otel.store.embedded.decode import DIGEST_BYTES, Decoder
from venom_otel.store.embedded.filing import Filing
from venom_otel.store.embedded.names import Names
from venom_otel.store.embedded.rejudging import COUNTER as UNJUDGED
from venom_otel.store.embedded.rejudging import Rejudging
from venom_otel.store.embedded.remembered import Changes
from venom_otel.store.embedded.removal import Removal
from venom_otel.store.embedded.rollups import Rollups
from venom_otel.store.embedded.sql import statement
from venom_otel.store.embedded.usage import ITEMS
from venom_otel.store.mapping import MAX_INT64, Ending, Party

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from venom_otel.store.embedded.blocks import Block
    from venom_otel.store.embedded.decode import Decoded
    from venom_otel.store.embedded.removal import Removed
    from venom_otel.store.embedded.streams import StreamBook

_logger: Final = logging.getLogger(__name__)

_OF_ONE_REQUEST: Final = (sqlite3.DataError, sqlite3.IntegrityError, sqlite3.InterfaceError, sqlite3.ProgrammingError)
"""What SQLite raises for a row; everything else it raises is about the file."""
MAX_ENDINGS: Final = 1_000
"""Kinds of errors are a few dozen; a filter asks for every pair of a series and an ending."""
_MANY_BLOCKS: Final = 100
"""To read them again takes longer than a start may take without a word."""
_PAGES: Final = ("page_size", "page_count", "freelist_count")
_IDLE_CHECKPOINT_BYTES: Final = 4 * 1024 * 1024


class Room(NamedTuple):
    """Sizes in bytes."""

    file: int
    free: int

    @property
    def used(self) -> int:
        """What is kept needs so much."""
        return self.file - self.free


class Writer:
    """Writes groups of decoded requests, each group in one durable transaction.

    Args:
        connection: the one that writes.
        path: its file.
        min_free_bytes: free disk space below which nothing more is stored.
        max_series: most streams of points that are kept, and most parties that requests are told apart by.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, min_free_bytes: int, max_series: int) -> None:
        self._connection = connection
        self._path = path
        self._log = path.with_name(f"{path.name}-wal")
        self._min_free_bytes = min_free_bytes
        self._series = Names(
            connection,
            "series",
            "combinations of service, provider, model and endpoint (VENOM_OTEL_MAX_SERIES)",
            max_series,
            lambda party: Party("", "", "", "", "", party.streaming),
        )
        self._endings: Names[Ending] = Names(
            connection, "ending", "kinds of errors", MAX_ENDINGS, lambda ending: ending._replace(error_kind="")
        )
        self.changes: Final = Changes()
        """Of roll-ups, for readers in this process."""
        self._rollups = Rollups(connection, self.changes)
        self._filing = Filing(connection, max_series)
        self._removal = Removal(connection, self._rollups)
        self._copying = False
        self._counters: dict[str, int] = dict(connection.execute(statement("counters")))
        try:
            backfill(connection, self._filing, self._counters.pop(UNFILED))
            self._rejudge(self._counters.pop(UNJUDGED))
        except sqlite3.Error as error:
            raise self._in_words(error) from error

    def _rejudge(self, unjudged: int) -> None:
        """Judge again what an older version stored, up to the block of this number."""
        if unjudged > _MANY_BLOCKS:
            _logger.warning("the store is brought up to date: its cold starts are counted, up to a minute for a million requests")
        rejudging = Rejudging(self._connection, Decoder(self._filing.book), self._endings, self._rollups)
        while unjudged:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                unjudged = rejudging.some(unjudged)
                self._connection.execute("COMMIT")
                self.changes.settle()
            except BaseException:
                self._roll_back()
                raise

    @property
    def streams(self) -> StreamBook:
        """Which streams of points the file has."""
        return self._filing.book

    @property
    def newest_request(self) -> int:
        """The greatest sequence number given so far; 0 before the first."""
        return self._counters["request"] - 1

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
        blocks = list(pack(group, arrived_ns))
        try:
            self._check_space()
            self._connection.execute("BEGIN IMMEDIATE")
            counters = self._write(blocks, arrived_ns)
            self._connection.execute("COMMIT")
            self.changes.settle()
        except BaseException as error:
            self._roll_back()
            if isinstance(error, OSError | sqlite3.Error) and not isinstance(error, _OF_ONE_REQUEST):
                raise self._in_words(error) from error
            raise
        self._counters = counters
        self._filing.settle(committed=True)

    @property
    def newest_block(self) -> int:
        """The greatest number of a block given so far; 0 before the first."""
        return self._counters["block"] - 1

    def oldest_ns(self) -> int | None:
        """When the oldest block arrived; None where there is none."""
        row = self._connection.execute(statement("oldest_arrival")).fetchone()
        return None if row is None else int(row[0])

    def room(self) -> Room:
        """How large the file is, and how much of it is free for what comes."""
        size, pages, free = (int(self._connection.execute(f"PRAGMA {name}").fetchone()[0]) for name in _PAGES)
        return Room(size * pages, size * free)

    def remove(self, *, last: int = MAX_INT64, before_ns: int = MAX_INT64) -> Removed:
        """Delete the oldest blocks with everything made of them, one transaction's worth; see `Removal.oldest`.

        Raises:
            StoreError: the file cannot be written; nothing was deleted.
        """
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            removed = self._removal.oldest(last, before_ns)
            counters = dict(self._counters)
            counters["requests"] -= removed.requests
            for signal, items in removed.items.items():
                counters[ITEMS[signal]] -= items
            self._set_counters(counters)
            self._connection.execute("COMMIT")
            self.changes.settle()
        except BaseException as error:
            self._roll_back()
            if isinstance(error, OSError | sqlite3.Error):
                raise self._in_words(error) from error
            raise
        self._counters = counters
        self._series.clear()  # names that nothing speaks of any more have no number
        self._filing.forget(removed.streams)
        return removed

    def vacuum(self) -> None:
        """Give free space back to the disk. Takes as long as what is kept needs to be copied twice, and as much room beside the file.

        Raises:
            StoreError: it cannot be done, for want of room or since the file is being read; nothing is lost.
        """
        try:
            # Deprecated, but SQLite would else copy into a directory of its own choice, often a small one in memory.
            directory = str(self._path.parent).replace("'", "''")
            self._connection.execute(f"PRAGMA temp_store_directory = '{directory}'")
            self._copying = True
            self._connection.execute("VACUUM")
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        except sqlite3.Error as error:
            raise self._in_words(error) from error
        finally:
            self._copying = False

    def interrupt_vacuum(self) -> None:
        """Break a `vacuum` off, from any thread; it then fails, and nothing is lost."""
        if self._copying:
            self._connection.interrupt()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file if it has grown; called when nothing waits. It does not block readers."""
        if self._log.exists() and self._log.stat().st_size > _IDLE_CHECKPOINT_BYTES:
            self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

    def close(self) -> None:
        """Release the file; SQLite moves what is left of the log into it."""
        self._connection.close()

    def _write(self, blocks: Sequence[Block], arrived_ns: int) -> dict[str, int]:
        """Write blocks with all that is made of them; the counters as they are then."""
        counters = dict(self._counters)
        many = self._connection.executemany
        counted: list[Sequence[Any]] = []
        for block in blocks:
            number, first = counters["block"], counters["request"]
            request = first + len(block.requests)
            inserted = self._insert(self._rows(block, first))
            counted += inserted
            ids = (first, request - 1) if block.requests else (None, None)
            self._connection.execute(
                statement("insert_block"), (number, block.signal, arrived_ns, block.first_ns, block.last_ns, block.items, *ids)
            )
            self._connection.execute(statement("insert_payload"), (number, block.digests, block.zstd))
            many(statement("insert_trace"), [(key, number) for key in trace_keys(counters["filed"], block.trace_ids)])
            counters["filed"] += len(block.trace_ids)
            self._filing.add(number, arrived_ns, block)
            counters["block"], counters["request"] = number + 1, request
            counters["requests"] += len(inserted)
            counters[ITEMS[block.signal]] += block.items
        self._rollups.add(counted)
        self._set_counters(counters)
        return counters

    def _set_counters(self, counters: Mapping[str, int]) -> None:
        self._connection.executemany(statement("set_counter"), [{"name": name, "value": value} for name, value in counters.items()])

    def _rows(self, block: Block, first: int) -> list[tuple[Any, ...]]:
        """The requests of a block as `insert_request` takes them, numbered from `first`."""
        judgements = {row[2] for row in block.requests}
        series = {judgement: self._series[judgement.party] for judgement in judgements}
        ending = {judgement: self._endings[judgement.ending] for judgement in judgements}
        return [
            (number, start, duration, series[how], ending[how], chunk, read, wrote, error, words, bytearray(trace), bytearray(span), *told)
            for number, (start, duration, how, chunk, read, wrote, error, words, trace, span, told) in enumerate(block.requests, first)
        ]

    def _insert(self, rows: Sequence[tuple[Any, ...]]) -> Sequence[tuple[Any, ...]]:
        """Add requests; gives those that were not there already."""
        if self._connection.executemany(statement("insert_request"), rows).rowcount in (len(rows), -1):
            return rows
        ids = {"first": rows[0][0], "last": rows[-1][0]}
        new = {number for (number,) in self._connection.execute(statement("requests_between"), ids)}
        return [row for row in rows if row[0] in new]

    def _roll_back(self) -> None:
        self._series.clear()
        self._endings.clear()
        self._rollups.forget()
        self._filing.settle(committed=False)
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        self.changes.settle()

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
