"""Figures over any window, filter and grouping, from the roll-ups alone."""

from __future__ import annotations

from collections import defaultdict
from functools import partial
from typing import TYPE_CHECKING, Final

from venom_otel.store.embedded.figures import Figures, Group, Question
from venom_otel.store.embedded.remembered import Remembered, Span
from venom_otel.store.embedded.rollups import WIDTHS, newest_starts
from venom_otel.store.embedded.sql import statement
from venom_otel.store.periods import DAY, MINUTE_NS, covered

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Mapping, Sequence

    from venom_otel.store.embedded.remembered import Changes
    from venom_otel.store.protocol import Aggregate, Dimension, RequestFilter

REMEMBERED_BYTES: Final = 16 * 1024 * 1024
"""Of what periods came to, and as much of finished steps: the page's questions need a few MiB."""
_AGGREGATE_BYTES: Final = 1_000
_BUCKET_BYTES: Final = 100
"""Of memory, of an aggregate and of each bucket of its distributions."""


class Aggregates:
    """Answers questions for figures, and remembers what periods came to.

    Args:
        changes: noted by the writer of the same file, in the same process.
    """

    def __init__(self, changes: Changes) -> None:
        self._changes = changes
        self._parts: Remembered[Mapping[Group, Figures]] = Remembered(changes, _size_of_parts, REMEMBERED_BYTES)
        self._steps: Remembered[Sequence[Aggregate]] = Remembered(changes, _size_of_steps, REMEMBERED_BYTES)

    def ask(
        self, connection: sqlite3.Connection, which: RequestFilter, by: Sequence[Dimension], step_ns: int | None
    ) -> Sequence[Aggregate]:
        """See `TelemetryStore.aggregates`; by start, then in the order in which groups were met first."""
        if step_ns is not None and (step_ns <= 0 or step_ns % MINUTE_NS):
            raise ValueError(f"a step is whole minutes, not {step_ns} ns")
        step = None if step_ns is None else step_ns // MINUTE_NS
        first, end = covered(which)
        question = Question(connection, which, tuple(by))
        finished: list[Aggregate] = []
        parts: defaultdict[tuple[int, Group], list[Figures]] = defaultdict(list)
        visible = self._changes.visible  # in this order: see remembered.py
        connection.execute("BEGIN")
        try:
            for span in _spans(connection, first, end, step):
                if span.width == step:
                    found = self._steps.read((question.key, step), visible, span, partial(_steps, question))
                    finished += [aggregate for aggregates in found.values() for aggregate in aggregates]
                    continue
                for start, groups in self._parts.read(question.key, visible, span, partial(_parts, question)).items():
                    minute = first if step is None else start // step * step
                    for group, figures in groups.items():
                        parts[minute, group].append(figures)
        finally:
            connection.execute("COMMIT")
        finished += [question.aggregate(group, minute, figures) for (minute, group), figures in parts.items()]
        return sorted(finished, key=lambda aggregate: aggregate.start_ns)


def _parts(question: Question, span: Span) -> Mapping[int, Mapping[Group, Figures]]:
    """Periods to be added up."""
    return {start: {group: figures.compact() for group, figures in groups.items()} for start, groups in question.read(span).items()}


def _steps(question: Question, span: Span) -> Mapping[int, Sequence[Aggregate]]:
    """Periods each of which is a step of its own."""
    return {
        start: [question.aggregate(group, start, [figures]) for group, figures in groups.items()]
        for start, groups in question.read(span).items()
    }


def _size_of_parts(groups: Mapping[Group, Figures]) -> int:
    return sum(figures.size for figures in groups.values())


def _size_of_steps(aggregates: Sequence[Aggregate]) -> int:
    return sum(_AGGREGATE_BYTES + _BUCKET_BYTES * (len(one.duration.buckets) + len(one.first_chunk.buckets)) for one in aggregates)


def _spans(connection: sqlite3.Connection, first: int, end: int, step: int | None) -> Iterator[Span]:
    """The roll-ups of a range that are there, of the widest widths that fit it and the step."""
    (oldest,) = connection.execute(statement("oldest_rollup")).fetchone()
    if oldest is None:
        return
    # Of each width there are all up to the newest.
    ends = {width: start + width for width, start in newest_starts(connection).items()}
    first, end = max(first, oldest // DAY * DAY), min(end, ends[WIDTHS[-1]])
    yield from _cut(first, end, [(width, ends[width]) for width in WIDTHS if step is None or step % width == 0])


def _cut(first: int, end: int, widths: Sequence[tuple[int, int]]) -> Iterator[Span]:
    """A range cut into spans of the widest widths that fit; each width comes with where it ends, the last one ends nowhere."""
    (width, last), *narrower = widths
    inner_first, inner_end = -(-first // width) * width, min(end // width * width, last)
    if not narrower:
        inner_first, inner_end = first, end
    if inner_first >= inner_end:
        if narrower and first < end:
            yield from _cut(first, end, narrower)
        return
    if first < inner_first:
        yield from _cut(first, inner_first, narrower)
    yield Span(width, inner_first, inner_end)
    if inner_end < end:
        yield from _cut(inner_end, end, narrower)
