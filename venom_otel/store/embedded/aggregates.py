"""Figures over any window, filter and grouping, from the roll-ups alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.store.embedded.packed import unpack_all
from venom_otel.store.embedded.reads import asked
from venom_otel.store.embedded.rollups import ALL_SERIES, MINUTE_NS, WIDTHS, newest_starts
from venom_otel.store.embedded.sql import statement
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import Aggregate, Dimension

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from venom_otel.store.protocol import RequestFilter

_HOUR: Final = 60
_DAY: Final = 24 * _HOUR
_END: Final = MAX_INT64 // MINUTE_NS + 1
_OF_SERIES: Final = (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT, Dimension.SERVICE)
_OF_ENDING: Final = (Dimension.STATUS, Dimension.ERROR_KIND)
_ALL: Final[dict[int, dict[Dimension, str | None]]] = {ALL_SERIES: {}}
"""The one series of the roll-ups of all series together."""


class _Sums:
    """An aggregate that is being added to."""

    __slots__ = ("durations", "first_chunks", "input_tokens", "output_tokens", "requests")

    def __init__(self) -> None:
        self.requests = self.input_tokens = self.output_tokens = 0
        self.durations: list[bytes] = []
        self.first_chunks: list[bytes] = []


def aggregates(connection: sqlite3.Connection, which: RequestFilter, by: Sequence[Dimension], step_ns: int | None) -> Sequence[Aggregate]:
    """See `TelemetryStore.aggregates`; by start, then in the order in which groups were met first."""
    if step_ns is not None and (step_ns <= 0 or step_ns % MINUTE_NS):
        raise ValueError(f"a step is whole minutes, not {step_ns} ns")
    step = None if step_ns is None else step_ns // MINUTE_NS
    first, end = _range(which)
    connection.execute("BEGIN")
    try:
        together = set(by).issubset(_OF_ENDING) and all(getattr(which, name) is None for name in _OF_SERIES)
        series = _ALL if together else _words(connection, "series", which, _OF_SERIES)
        endings = _words(connection, "endings", which, _OF_ENDING)
        groups: dict[tuple[int, int], tuple[str | None, ...] | None] = {}
        found: dict[tuple[int, tuple[str | None, ...]], _Sums] = {}
        newest = newest_starts(connection)
        # The narrowest goes on without an end; of the others, later ones are not summed up yet.
        ends = {width: end if width == WIDTHS[-1] else start + width for width, start in newest.items()}
        widths = [(width, ends[width]) for width in WIDTHS if step is None or step % width == 0]
        for width, start, stop in _spans(first, end, widths):
            rows = connection.execute(statement("rollups"), {"together": together, "width": width, "first": start, "end": stop})
            for minute, one, ending, requests, input_tokens, output_tokens, durations, first_chunks in rows:
                if (one, ending) not in groups:
                    asked_for = one in series and ending in endings
                    groups[one, ending] = tuple(map((series[one] | endings[ending]).get, by)) if asked_for else None
                group = groups[one, ending]
                if group is None:
                    continue
                key = first if step is None else minute // step * step, group
                sums = found.get(key)
                if sums is None:
                    sums = found[key] = _Sums()
                sums.requests += requests
                sums.input_tokens += input_tokens
                sums.output_tokens += output_tokens
                sums.durations.append(durations)
                if first_chunks is not None:
                    sums.first_chunks.append(first_chunks)
    finally:
        connection.execute("COMMIT")
    return [
        Aggregate(
            dict(zip(by, group, strict=True)),
            minute * MINUTE_NS,
            sums.requests,
            sums.input_tokens,
            sums.output_tokens,
            unpack_all(sums.durations),
            unpack_all(sums.first_chunks),
        )
        for (minute, group), sums in sorted(found.items(), key=lambda item: item[0][0])
    ]


def _range(which: RequestFilter) -> tuple[int, int]:
    """The first minute asked for and the first that is not, on whole hours for more than a day."""
    first = 0 if which.since_ns is None else min(max(which.since_ns // MINUTE_NS, 0), _END)
    end = _END if which.until_ns is None else min(max(which.until_ns // MINUTE_NS + 1, 0), _END)
    if end - first > _DAY + 1:  # a day to the second still touches one minute more
        first, end = first // _HOUR * _HOUR, -(-end // _HOUR) * _HOUR
    return first, end


def _spans(first: int, end: int, widths: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int, int]]:
    """The range cut into pieces, each as a width of roll-ups, its first minute and the first after it: the widest that fit.

    `widths` come with where each one ends; the last one covers everything.
    """
    (width, last), *narrower = widths
    inner_first, inner_end = -(-first // width) * width, min(end // width * width, last)
    if not narrower:
        inner_first, inner_end = first, end
    if inner_first >= inner_end:
        if narrower and first < end:
            yield from _spans(first, end, narrower)
        return
    if first < inner_first:
        yield from _spans(first, inner_first, narrower)
    yield width, inner_first, inner_end
    if inner_end < end:
        yield from _spans(inner_end, end, narrower)


def _words(
    connection: sqlite3.Connection, kind: str, which: RequestFilter, dimensions: Sequence[Dimension]
) -> dict[int, dict[Dimension, str | None]]:
    """What the numbers of the series or the endings that match mean."""
    rows = connection.execute(statement(f"{kind}_in_words"), asked(which, dimensions))
    columns = [Dimension(name) for name, *_ in rows.description[1:]]
    return {number: {column: word or None for column, word in zip(columns, words, strict=True)} for number, *words in rows}
