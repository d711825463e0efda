"""A trace as a reader wants it: its spans as a tree, each with the log records written inside it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from venom_otel.store.protocol import LogRecord, Span

MAX_DEPTH: Final = 100
"""Deeper trees are cut flat there: nobody reads them, and neither a page nor a JSON encoder nests without end."""


@dataclass(frozen=True, slots=True)
class Step:
    """A span, what was logged inside it, and the spans it caused, by start time."""

    span: Span
    children: Sequence[Step]
    logs: Sequence[LogRecord] = field(default=())


@dataclass(frozen=True, slots=True)
class Trace:
    """Everything that is stored of a trace; false where nothing is."""

    steps: Sequence[Step] = ()
    """As trees: more than one where parents were never sent or have not arrived."""
    logs: Sequence[LogRecord] = ()
    """Records that name no span of it that is stored."""
    missing: str | None = None
    """What is left out, why, and what to do about it, in words."""

    def __bool__(self) -> bool:
        return bool(self.steps or self.logs)


def assembled(spans: Sequence[Span], logs: Sequence[LogRecord] = (), missing: str | None = None) -> Trace:
    """Everything of one trace: its spans as `tree` makes them, each with its log records by time."""
    of_span: dict[str | None, list[LogRecord]] = {span.span_id: [] for span in spans}
    loose: list[LogRecord] = []
    for record in sorted(logs, key=lambda record: (record.time_ns, record.sequence)):
        of_span.get(record.span_id, loose).append(record)
    return Trace(tree(spans, of_span), loose, missing)


def tree(spans: Sequence[Span], logs: Mapping[str | None, Sequence[LogRecord]] | None = None) -> Sequence[Step]:
    """The spans of one trace as trees, siblings by start time; a span whose parent is not among them is a root.

    No span is lost: of spans that name each other as parent the earliest becomes a root, and what lies deeper than `MAX_DEPTH` stands
    at that depth.
    """
    ordered = sorted(spans, key=lambda span: (span.start_ns, span.end_ns))
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    roots: list[Span] = []
    for span in ordered:
        if span.parent_span_id in known:
            children.setdefault(str(span.parent_span_id), []).append(span)
        else:
            roots.append(span)
    forest: list[Step] = []
    placed: set[str] = set()
    for start in (*roots, *ordered):
        pending = [(start, forest, 1)]
        while pending:
            span, siblings, depth = pending.pop()
            if span.span_id in placed:
                continue
            placed.add(span.span_id)
            own: list[Step] = []
            siblings.append(Step(span, own, (logs or {}).get(span.span_id, ())))
            below = own if depth < MAX_DEPTH else siblings
            pending.extend((child, below, depth + 1) for child in reversed(children.get(span.span_id, ())))
    return forest


def walk(steps: Sequence[Step]) -> Iterator[Step]:
    """Every step, in no particular order."""
    pending = list(steps)
    while pending:
        step = pending.pop()
        yield step
        pending.extend(step.children)
