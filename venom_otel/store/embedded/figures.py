"""What the roll-ups of some periods come to, as one question wants it: only those that match, by group."""

from __future__ import annotations

from collections import defaultdict
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from venom_otel.store.embedded.packed import Sum, add_up, distribution
from venom_otel.store.embedded.reads import NAMED, asked
from venom_otel.store.embedded.rollups import ALL_SERIES
from venom_otel.store.embedded.sql import statement
from venom_otel.store.generation import Generation, summed
from venom_otel.store.periods import MINUTE_NS
from venom_otel.store.protocol import Aggregate, Dimension

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Hashable, Mapping, Sequence
    from typing import Self

    from venom_otel.store.embedded.remembered import Span
    from venom_otel.store.protocol import RequestFilter

_SERIES_ASKED: Final = ("provider", "model", "endpoint", "service")
"""The fields of a filter that ask for series."""
_OF_ENDING: Final = frozenset({Dimension.STATUS, Dimension.ERROR_KIND, Dimension.FALLBACK, Dimension.COLD_START, Dimension.GAVE_WAY})
_Words = dict[int, dict[Dimension, str | None]]
_ALL: Final[_Words] = {ALL_SERIES: {}}
"""The one series of the roll-ups of all series together."""
_FIGURES_BYTES: Final = 200
"""Of memory, besides the sums."""

Group = tuple[str | None, ...]
"""The values of the dimensions asked for."""


class Figures(NamedTuple):
    """What the requests of one group in one period come to."""

    requests: int
    input_tokens: int
    output_tokens: int
    durations: Sum
    first_chunks: Sum
    generation: Generation

    @property
    def size(self) -> int:
        """About how many bytes of memory it takes."""
        return _FIGURES_BYTES + self.durations.size + self.first_chunks.size

    def compact(self) -> Self:
        """The same, quick to be added to others."""
        return self._replace(durations=self.durations.compact(), first_chunks=self.first_chunks.compact())


class Question:
    """One question, without its range of time, within one snapshot.

    Args:
        connection: with the snapshot.
        which: which requests; its times and cursors are not asked.
        by: what tells groups apart.
    """

    def __init__(self, connection: sqlite3.Connection, which: RequestFilter, by: tuple[Dimension, ...]) -> None:
        self._connection = connection
        self._which = which
        self._by = by
        self._together = _OF_ENDING.issuperset(by) and all(getattr(which, name) is None for name in _SERIES_ASKED)
        self._groups: dict[tuple[int, int], Group | None] = {}

    @property
    def key(self) -> Hashable:
        """The same for the same question, at any time."""
        return self._by, *(getattr(self._which, name) for name in NAMED)

    def read(self, span: Span) -> Mapping[int, Mapping[Group, Figures]]:
        """What periods come to, by their starts, then by group."""
        rows: defaultdict[int, defaultdict[Group, list[Sequence[Any]]]] = defaultdict(lambda: defaultdict(list))
        asked_for = {"together": self._together, "width": span.width, "first": span.first, "end": span.end}
        groups = self._groups
        for start, series, ending, *row in self._connection.execute(statement("rollups"), asked_for):
            if (series, ending) not in groups:
                groups[series, ending] = self._group(series, ending)
            group = groups[series, ending]
            if group is not None:
                rows[start][group].append(row)
        return {start: {group: _figures(parts) for group, parts in of_group.items()} for start, of_group in rows.items()}

    def aggregate(self, group: Group, minute: int, parts: Sequence[Figures]) -> Aggregate:
        """The answer for one group: parts added up."""
        requests, input_tokens, output_tokens, durations, first_chunks, generations = zip(*parts, strict=True)
        return Aggregate(
            dict(zip(self._by, group, strict=True)),
            minute * MINUTE_NS,
            sum(requests),
            sum(input_tokens),
            sum(output_tokens),
            distribution(durations),
            distribution(first_chunks),
            summed(generations),
        )

    def _group(self, series: int, ending: int) -> Group | None:
        """The group of a series and an ending; None where they are not asked for."""
        if series not in self._series or ending not in self._endings:
            return None
        return tuple(map((self._series[series] | self._endings[ending]).get, self._by))

    @cached_property
    def _series(self) -> _Words:
        return _ALL if self._together else self._words("series")

    @cached_property
    def _endings(self) -> _Words:
        return self._words("endings")

    def _words(self, kind: str) -> _Words:
        """What the numbers of the series or the endings that match mean."""
        rows = self._connection.execute(statement(f"matching_{kind}"), asked(self._which))
        columns = [Dimension(name) for name, *_ in rows.description[1:]]
        return {number: {column: word or None for column, word in zip(columns, words, strict=True)} for number, *words in rows}


def _figures(rows: Sequence[Sequence[Any]]) -> Figures:
    """Rows of roll-ups, from their count of requests on, as one."""
    requests, input_tokens, output_tokens, durations, first_chunks, *generation = zip(*rows, strict=True)
    arrived = [blob for blob in first_chunks if blob is not None]
    written = Generation(*map(sum, generation))
    return Figures(sum(requests), sum(input_tokens), sum(output_tokens), add_up(durations), add_up(arrived), written)
