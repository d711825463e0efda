"""Figures of parts of a range, each by the store that has it, as those of the whole."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING

from venom_otel.store.distribution import Distribution
from venom_otel.store.generation import summed
from venom_otel.store.periods import DAY, END, HOUR, MINUTE_NS
from venom_otel.store.protocol import Aggregate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from venom_otel.store.protocol import RequestFilter


def parts(which: RequestFilter, first: int, end: int) -> Iterator[RequestFilter]:
    """Questions that cover the minutes from `first` up to `end` and no more: a store widens more than a day to whole hours."""
    whole, last = -(-first // HOUR) * HOUR, end // HOUR * HOUR
    cuts = [first, end] if end - first <= DAY else sorted({first, whole, last, end})
    for begin, until in pairwise(cuts):
        yield replace(which, since_ns=begin * MINUTE_NS, until_ns=None if until >= END else until * MINUTE_NS - 1)


def joined(found: Iterable[Aggregate], start_ns: int | None) -> Sequence[Aggregate]:
    """Aggregates of parts of a range, those of one group and step put together, by start.

    Args:
        found: of parts that share no minute.
        start_ns: where the only step begins; None where there are several, which begin where each aggregate says.
    """
    gathered: defaultdict[tuple[object, ...], list[Aggregate]] = defaultdict(list)
    for one in found:
        start = one.start_ns if start_ns is None else start_ns
        gathered[start, *one.group.values()].append(replace(one, start_ns=start))
    return sorted((_one(same) for same in gathered.values()), key=lambda one: one.start_ns)


def _one(same: Sequence[Aggregate]) -> Aggregate:
    first, *others = same
    if not others:
        return first
    return Aggregate(
        first.group,
        first.start_ns,
        sum(one.requests for one in same),
        sum(one.input_tokens for one in same),
        sum(one.output_tokens for one in same),
        Distribution.merged(one.duration for one in same),
        Distribution.merged(one.first_chunk for one in same),
        summed(one.generation for one in same),
    )
