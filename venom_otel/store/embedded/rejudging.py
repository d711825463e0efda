"""Requests that were stored before a span's attributes said something more are judged again when the store is opened, newest block first.

Only `llm.cold_start` is new to these, so a block without its name needs no second look. A counter says how far it came.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

import zstandard

from venom_otel import semconv
from venom_otel.errors import PayloadError
from venom_otel.store.embedded.blocks import unpack
from venom_otel.store.embedded.sql import statement
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from venom_otel.store.embedded.decode import Decoder
    from venom_otel.store.embedded.names import Names
    from venom_otel.store.embedded.rollups import Rollups
    from venom_otel.store.mapping import Ending

_logger: Final = logging.getLogger(__name__)

COUNTER: Final = "unjudged"
"""The greatest number of a block that may hold requests which have to be judged again; 0 where none does."""
_SAYS_MORE: Final = semconv.LLM_COLD_START.encode()
_REQUESTS: Final = 20_000
"""Of one transaction, about."""


class Rejudging:
    """Judges stored requests again through the writer's connection, inside its transactions.

    Args:
        connection: the writer's.
        decoder: takes their spans apart.
        endings: the numbers of endings.
        rollups: where they are counted.
    """

    def __init__(self, connection: sqlite3.Connection, decoder: Decoder, endings: Names[Ending], rollups: Rollups) -> None:
        self._connection = connection
        self._decoder = decoder
        self._endings = endings
        self._rollups = rollups

    def some(self, unjudged: int) -> int:
        """Judge requests again until there are enough for one transaction; the number to go on from, 0 at the end.

        Raises:
            sqlite3.Error: the file cannot be written.
        """
        seen = 0
        before: list[Sequence[Any]] = []
        after: list[Sequence[Any]] = []
        for block, first, last, zstd in self._connection.execute(statement("unjudged_blocks"), {"unjudged": unjudged}):
            if seen >= _REQUESTS:
                unjudged = block
                break
            if endings := self._endings_of(block, zstd):
                seen += last - first + 1
                self._compare(first, last, endings, before, after)
        else:
            unjudged = 0
        self._connection.executemany(statement("set_ending"), [(row[4], row[0]) for row in after])
        self._rollups.remove(before)
        self._rollups.add(after)
        self._connection.execute(statement("set_counter"), {"name": COUNTER, "value": unjudged})
        return unjudged

    def _endings_of(self, block: int, zstd: bytes) -> dict[tuple[bytes, bytes], Ending]:
        """How the requests of a block ended, by trace and span id; none where nothing more is said of them."""
        try:
            raw = unpack(zstd)
            if _SAYS_MORE not in raw:
                return {}
            requests = self._decoder.decode(Signal.TRACES, raw).requests
        except (zstandard.ZstdError, PayloadError):
            _logger.exception("block %d of the store cannot be read: what it says of cold starts is not counted", block)
            return {}
        return {(trace_id, span_id): judgement.ending for _, _, judgement, *_, trace_id, span_id, _ in requests}

    def _compare(
        self,
        first: int,
        last: int,
        endings: dict[tuple[bytes, bytes], Ending],
        before: list[Sequence[Any]],
        after: list[Sequence[Any]],
    ) -> None:
        """Note the rows that end otherwise than is stored, as they are and as they are to be."""
        ids = {"first": first, "last": last}
        named = {number: endings.get((trace_id, span_id)) for number, trace_id, span_id in self._run("identities_between", ids)}
        for row in self._run("measures_between", ids):
            ending = named[row[0]]
            if ending is not None and (number := self._endings[ending]) != row[4]:
                before.append(row)
                after.append((*row[:4], number, *row[5:]))

    def _run(self, name: str, arguments: dict[str, int]) -> list[Any]:
        return self._connection.execute(statement(name), arguments).fetchall()
