"""What happened, summed up by minute and by hour as it is written: the source of every rate, percentile and token figure."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from venom_otel.store.distribution import bucket
from venom_otel.store.embedded.packed import pack, unpack_all
from venom_otel.store.embedded.sql import statement
from venom_otel.store.mapping import MAX_INT64

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

WIDTHS: Final = (60, 1)
"""Minutes that a roll-up spans, longest first; each is a multiple of the next."""
MINUTE_NS: Final = 60_000_000_000
_REMEMBERED: Final = 4_096


class Key(NamedTuple):
    """Which roll-up."""

    width: int
    start: int
    series: int
    ending: int


class Tally:
    """A roll-up that is being added to."""

    __slots__ = ("durations", "durations_ns", "first_chunks", "first_chunks_ns", "input_tokens", "output_tokens", "requests")

    def __init__(self) -> None:
        self.requests = self.input_tokens = self.output_tokens = self.durations_ns = self.first_chunks_ns = 0
        self.durations: Counter[int] = Counter()
        self.first_chunks: Counter[int] = Counter()

    @classmethod
    def of_row(cls, requests: int, input_tokens: int, output_tokens: int, durations: bytes, first_chunks: bytes | None) -> Tally:
        """A roll-up as it was stored."""
        tally = cls()
        tally.requests, tally.input_tokens, tally.output_tokens = requests, input_tokens, output_tokens
        of_durations, of_first_chunks = unpack_all([durations]), unpack_all([first_chunks] if first_chunks else [])
        tally.durations_ns, tally.durations = of_durations.sum_ns, Counter(of_durations.buckets)
        tally.first_chunks_ns, tally.first_chunks = of_first_chunks.sum_ns, Counter(of_first_chunks.buckets)
        return tally

    def add(self, other: Tally) -> None:
        """Count what the other counted."""
        self.requests += other.requests
        self.input_tokens += other.input_tokens
        self.output_tokens += other.output_tokens
        self.durations_ns += other.durations_ns
        self.first_chunks_ns += other.first_chunks_ns
        self.durations.update(other.durations)
        self.first_chunks.update(other.first_chunks)

    def row(self) -> tuple[int, int, int, bytes, bytes | None]:
        """What is stored of it."""
        return (
            self.requests,
            min(self.input_tokens, MAX_INT64),
            min(self.output_tokens, MAX_INT64),
            pack(self.durations_ns, self.durations),
            pack(self.first_chunks_ns, self.first_chunks) if self.first_chunks else None,
        )


class Rollups:
    """Adds requests to the roll-ups of their minute and their hour, inside the transaction that stores them."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._recent: dict[Key, Tally] = {}

    def add(self, requests: Iterable[Sequence[Any]]) -> None:
        """Count requests, given as rows of `insert_request`, each of which was stored just now."""
        added = _tallies(requests)
        if len(self._recent) + len(added) > _REMEMBERED:
            self._recent.clear()
        self._connection.executemany(statement("put_rollup"), [(*key, *self._with(key, tally).row()) for key, tally in added.items()])

    def forget(self) -> None:
        """Drop what is remembered of the file; for a transaction that failed."""
        self._recent.clear()

    def _with(self, key: Key, added: Tally) -> Tally:
        tally = self._recent.get(key)
        if tally is None:
            row = self._connection.execute(statement("find_rollup"), key).fetchone()
            tally = self._recent[key] = Tally.of_row(*row) if row else Tally()
        tally.add(added)
        return tally


def _tallies(requests: Iterable[Sequence[Any]]) -> dict[Key, Tally]:
    """Requests by minute and by hour."""
    tallies: defaultdict[Key, Tally] = defaultdict(Tally)
    for _, start_ns, duration_ns, series, ending, first_chunk_ns, input_tokens, output_tokens, *_ in requests:
        minute = start_ns // MINUTE_NS
        for width in WIDTHS:
            tally = tallies[Key(width, minute // width * width, series, ending)]
            tally.requests += 1
            tally.input_tokens += input_tokens or 0
            tally.output_tokens += output_tokens or 0
            tally.durations_ns += duration_ns
            tally.durations[bucket(duration_ns)] += 1
            if first_chunk_ns is not None:
                tally.first_chunks_ns += first_chunk_ns
                tally.first_chunks[bucket(first_chunk_ns)] += 1
    return tallies


class _BoundedSum:
    """SQL's sum of counts that ends at the greatest integer."""

    def __init__(self) -> None:
        self._sum = 0

    def step(self, value: int | None) -> None:
        self._sum += value or 0

    def finalize(self) -> int:
        return min(self._sum, MAX_INT64)


class _Packed:
    """The blob of all values that are not NULL; NULL without any."""

    def __init__(self) -> None:
        self._sum, self._buckets = 0, Counter[int]()

    def step(self, value: int | None) -> None:
        if value is not None:
            self._sum += value
            self._buckets[bucket(value)] += 1

    def finalize(self) -> bytes | None:
        return pack(self._sum, self._buckets) if self._buckets else None


def add_functions(connection: sqlite3.Connection) -> None:
    """Teach SQL to make roll-ups from requests: `bounded_sum` and `packed`."""
    connection.create_aggregate("bounded_sum", 1, _BoundedSum)
    connection.create_aggregate("packed", 1, _Packed)  # type: ignore[arg-type]  # its stub knows no result of bytes
