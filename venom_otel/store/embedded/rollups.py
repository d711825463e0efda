"""What happened, summed up by minute, quarter, hour and day: the source of every rate, percentile and token figure.

A request is counted in its minute as it is written. The minutes of a quarter are summed up when a later quarter begins, and so are the
quarters of an hour and the hours of a day: of each wider width there are all roll-ups up to the newest one, and none after it. What comes
later for a time that has been summed up is counted in every width.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from venom_otel.store.distribution import buckets
from venom_otel.store.embedded.packed import Histogram, unpack_all
from venom_otel.store.embedded.remembered import Period
from venom_otel.store.embedded.sql import statement
from venom_otel.store.generation import UNKNOWN, Generation, generated, summed
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.periods import MINUTE_NS

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Mapping, Sequence

    from venom_otel.store.embedded.remembered import Changes

WIDTHS: Final = (1440, 60, 15, 1)
"""Minutes that a roll-up spans, longest first; each is a multiple of the next. Whatever is asked, few hundreds of each series are read."""
_FOLDS: Final = ((15, 1), (60, 15), (1440, 60))
"""Each width with the one that it is summed up from, in this order."""
ALL_SERIES: Final = 0
"""Stands for all series together; no series has this number."""
_REMEMBERED: Final = 4_096
_NOT_SAID: Final = -1
"""Stands for a number of tokens; all others are 0 or more."""


class Key(NamedTuple):
    """Which roll-up."""

    together: int
    """1 for that of all series together, whose `series` is `ALL_SERIES`."""
    width: int
    start: int
    series: int
    ending: int

    @property
    def period(self) -> Period:
        """What it speaks of."""
        return Period(self.width, self.start)


class Measured(NamedTuple):
    """The measures of some requests."""

    requests: int
    input_tokens: int
    output_tokens: int
    durations_ns: int
    durations: Counter[int]
    """By bucket."""
    first_chunks_ns: int
    first_chunks: Counter[int]
    """By bucket, of those that brought one."""
    generation: Generation


class Tally:
    """A roll-up that is being added to.

    Args:
        requests: how many.
        input_tokens: read by them.
        output_tokens: written by them.
        durations: the stored blob.
        first_chunks: the stored blob.
        generation: how they wrote, in the order of its fields.
    """

    __slots__ = (
        "durations",
        "durations_ns",
        "first_chunks",
        "first_chunks_ns",
        "generation",
        "input_tokens",
        "output_tokens",
        "requests",
    )

    def __init__(
        self,
        requests: int = 0,
        input_tokens: int = 0,
        output_tokens: int = 0,
        durations: bytes | None = None,
        first_chunks: bytes | None = None,
        *generation: int,
    ) -> None:
        self.requests, self.input_tokens, self.output_tokens = requests, input_tokens, output_tokens
        self.durations_ns, self.durations = _stored(durations)
        self.first_chunks_ns, self.first_chunks = _stored(first_chunks)
        self.generation = Generation(*generation) if generation else UNKNOWN

    def add(self, some: Measured) -> None:
        """Count these requests."""
        self.requests += some.requests
        self.input_tokens += some.input_tokens
        self.output_tokens += some.output_tokens
        self.durations_ns += some.durations_ns
        self.durations.add(some.durations)
        if some.first_chunks:
            self.first_chunks_ns += some.first_chunks_ns
            self.first_chunks.add(some.first_chunks)
        self.generation = summed((self.generation, some.generation))

    def remove(self, some: Measured) -> None:
        """Count these requests no longer."""
        self.requests -= some.requests
        self.input_tokens = max(self.input_tokens - some.input_tokens, 0)
        self.output_tokens = max(self.output_tokens - some.output_tokens, 0)
        self.durations_ns = max(self.durations_ns - some.durations_ns, 0)
        self.durations.remove(some.durations)
        self.first_chunks_ns = max(self.first_chunks_ns - some.first_chunks_ns, 0)
        self.first_chunks.remove(some.first_chunks)
        left = zip(self.generation, some.generation, strict=True)
        self.generation = Generation(*(max(whole - part, 0) for whole, part in left))

    def row(self) -> tuple[int | bytes | None, ...]:
        """What is stored of it."""
        return (
            self.requests,
            min(self.input_tokens, MAX_INT64),
            min(self.output_tokens, MAX_INT64),
            self.durations.pack(self.durations_ns),
            self.first_chunks.pack(self.first_chunks_ns),
            *(min(number, MAX_INT64) for number in self.generation),
        )


def _stored(blob: bytes | None) -> tuple[int, Histogram]:
    """The sum and the values of a blob; none of None."""
    blobs = [] if blob is None else [blob]
    return unpack_all(blobs).sum_ns, Histogram(blobs)


class Rollups:
    """Counts requests in the roll-ups of their minute, quarter, hour and day, inside the transaction that stores or deletes them.

    Args:
        connection: the writer's.
        changes: where it is noted which periods change.
    """

    def __init__(self, connection: sqlite3.Connection, changes: Changes) -> None:
        self._connection = connection
        self._changes = changes
        self._recent: dict[Key, Tally] = {}
        self._starts: dict[int, int] | None = None

    @property
    def _newest(self) -> dict[int, int]:
        """As `newest_starts`, but later where roll-ups were deleted; the narrowest may be later than any."""
        if self._starts is None:
            self._starts = newest_starts(self._connection)
        return self._starts

    def add(self, requests: Iterable[Sequence[Any]]) -> None:
        """Count requests, given as rows of `insert_request`, each of which was stored just now."""
        touched: dict[Key, Tally] = {}
        for group, measured in _measured(requests).items():
            for key in self._keys(*group):
                tally = touched[key] = self._tally(key)
                tally.add(measured)
        self._write(touched)
        for width, narrower in _FOLDS:
            self._fold(width, narrower)

    def remove(self, requests: Iterable[Sequence[Any]]) -> None:
        """Count requests no longer, given as for `add`, each of which is deleted in this transaction; empty roll-ups go, too."""
        groups = _groups(requests)
        removed = Counter[Key]()
        for group, rows in groups.items():
            removed.update(dict.fromkeys(self._keys_of_request(*group), len(rows)))
        # Most minutes go whole, and need not be looked into.
        emptied = {key for key, count in removed.items() if self._delete(key, count)}
        self._changes.note({key.period for key in emptied})
        touched: dict[Key, Tally] = {}
        for group, rows in groups.items():
            if left := [key for key in self._keys_of_request(*group) if key not in emptied]:
                measured = _measure(rows)
                for key in left:
                    tally = touched[key] = self._tally(key)
                    tally.remove(measured)
        self._write(touched)

    def _delete(self, key: Key, count: int) -> bool:
        """Whether a roll-up counts no more than so many requests, and is gone then."""
        if self._connection.execute(statement("delete_rollup"), (*key, count)).fetchone() is None:
            return False
        self._recent.pop(key, None)
        return True

    def forget(self) -> None:
        """Drop what is remembered of the file; for a transaction that failed."""
        self._recent.clear()
        self._starts = None

    def _keys(self, minute: int, series: int, ending: int) -> list[Key]:
        """The roll-ups, of a series or of all of them, that count what happened in a minute."""
        together = int(series == ALL_SERIES)
        starts = ((width, minute // width * width) for width in WIDTHS)
        return [Key(together, width, start, series, ending) for width, start in starts if width == 1 or start <= self._newest[width]]

    def _keys_of_request(self, minute: int, series: int, ending: int) -> list[Key]:
        """Every roll-up that counts a request."""
        return [*self._keys(minute, series, ending), *self._keys(minute, ALL_SERIES, ending)]

    def _fold(self, width: int, narrower: int) -> None:
        """Sum up whatever has come to its end."""
        first, end = self._newest[width] + width, self._newest[1] // width * width
        if first >= end:
            return
        for together in (0, 1):
            parts: defaultdict[Key, list[Sequence[Any]]] = defaultdict(list)
            span = {"together": together, "width": narrower, "first": first, "end": end}
            for start, series, ending, *row in self._connection.execute(statement("rollups"), span):
                parts[Key(together, width, start // width * width, series, ending)].append(row)
            self._connection.executemany(statement("put_rollup"), [(*key, *_summed_up(rows)) for key, rows in parts.items()])
            self._changes.note({key.period for key in parts})
            for key in parts:
                self._newest[width] = max(self._newest[width], key.start)

    def _tally(self, key: Key) -> Tally:
        tally = self._recent.get(key)
        if tally is None:
            stored = None
            if key.start <= self._newest[key.width]:
                stored = self._connection.execute(statement("find_rollup"), key).fetchone()
            tally = self._recent[key] = Tally(*(stored or ()))
        return tally

    def _write(self, tallies: Mapping[Key, Tally]) -> None:
        self._connection.executemany(statement("put_rollup"), [(*key, *tally.row()) for key, tally in tallies.items()])
        self._changes.note({key.period for key in tallies})
        self._newest[1] = max(self._newest[1], max((key.start for key in tallies if key.width == 1), default=self._newest[1]))
        if len(self._recent) > _REMEMBERED:
            self._recent.clear()


def newest_starts(connection: sqlite3.Connection) -> dict[int, int]:
    """For each width the start of the newest roll-up, in minutes since the epoch; before any there is none of its width."""
    newest = statement("newest_rollup")
    found = {width: connection.execute(newest, {"width": width}).fetchone()[0] for width in WIDTHS}
    return {width: -width if start is None else start for width, start in found.items()}


def _summed_up(rows: Sequence[Sequence[Any]]) -> tuple[Any, ...]:
    """Rows of one roll-up after another, from their count of requests on, as one."""
    requests, input_tokens, output_tokens, durations, first_chunks, *generation = zip(*rows, strict=True)
    arrived = [blob for blob in first_chunks if blob is not None]
    return (
        sum(requests),
        min(sum(input_tokens), MAX_INT64),
        min(sum(output_tokens), MAX_INT64),
        Histogram(durations).pack(unpack_all(durations).sum_ns),
        Histogram(arrived).pack(unpack_all(arrived).sum_ns),
        *(min(sum(numbers), MAX_INT64) for numbers in generation),
    )


def _measured(requests: Iterable[Sequence[Any]]) -> Mapping[tuple[int, int, int], Measured]:
    """The measures of requests by minute, series and ending, those of all series together included."""
    groups = {group: _measure(rows) for group, rows in _groups(requests).items()}
    of_all: defaultdict[tuple[int, int, int], list[Measured]] = defaultdict(list)
    for (minute, _, ending), measured in groups.items():
        of_all[minute, ALL_SERIES, ending].append(measured)
    return groups | {group: _together(parts) for group, parts in of_all.items()}


def _groups(requests: Iterable[Sequence[Any]]) -> Mapping[tuple[int, int, int], Sequence[Sequence[Any]]]:
    """Requests by minute, series and ending."""
    groups: defaultdict[tuple[int, int, int], list[Sequence[Any]]] = defaultdict(list)
    for row in requests:
        groups[row[1] // MINUTE_NS, row[3], row[4]].append(row)
    return groups


def _measure(rows: Sequence[Sequence[Any]]) -> Measured:
    _, _, durations, _, _, first_chunks, input_tokens, output_tokens, *_, told = zip(*rows, strict=True)
    arrived = [value for value in first_chunks if value >= 0]
    return Measured(
        len(rows),
        sum(input_tokens) + input_tokens.count(_NOT_SAID),
        sum(output_tokens) + output_tokens.count(_NOT_SAID),
        sum(durations),
        Counter(buckets(durations)),
        sum(arrived),
        Counter(buckets(arrived)),
        summed(map(generated, output_tokens, durations, first_chunks, told)),
    )


def _together(parts: Sequence[Measured]) -> Measured:
    requests, input_tokens, output_tokens, durations_ns, durations, first_chunks_ns, first_chunks, generations = zip(*parts, strict=True)
    return Measured(
        sum(requests),
        sum(input_tokens),
        sum(output_tokens),
        sum(durations_ns),
        _added_up(durations),
        sum(first_chunks_ns),
        _added_up(first_chunks),
        summed(generations),
    )


def _added_up(counts: Iterable[Counter[int]]) -> Counter[int]:
    found: Counter[int] = Counter()
    for one in counts:
        found.update(one)
    return found


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
        self._values: list[int] = []

    def step(self, value: int | None) -> None:
        if value is not None:
            self._values.append(value)

    def finalize(self) -> bytes | None:
        histogram = Histogram()
        histogram.add(Counter(buckets(self._values)))
        return histogram.pack(sum(self._values))


def add_functions(connection: sqlite3.Connection) -> None:
    """Teach SQL to make roll-ups from requests: `bounded_sum` and `packed`."""
    connection.create_aggregate("bounded_sum", 1, _BoundedSum)
    connection.create_aggregate("packed", 1, _Packed)  # type: ignore[arg-type]  # its stub knows no result of bytes
