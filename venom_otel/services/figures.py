"""Requests summed up: how many, how they ended, how long they took and what they used, by group and step of time."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from venom_otel.store.distribution import Distribution
from venom_otel.store.generation import UNKNOWN, Generation, summed
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from venom_otel.store.protocol import Aggregate

SECOND: Final = 1_000_000_000
MINUTE: Final = 60 * SECOND
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

MAX_STEPS: Final = 1500
"""Most steps of one answer: a day of minutes, two months of hours."""

READABLE_STEPS: Final = 100
"""Most steps that `Window.readable` makes: a chart with more has bars that nobody can tell apart."""

_WIDTHS: Final = (MINUTE, 2 * MINUTE, 5 * MINUTE, 15 * MINUTE, HOUR, 2 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 7 * DAY, 28 * DAY)


@dataclass(frozen=True, slots=True)
class Window:
    """A range of time, cut into steps of one width or left whole."""

    since_ns: int
    until_ns: int
    step_ns: int | None = None

    def __post_init__(self) -> None:
        """Hold what the store's roll-ups can give.

        Raises:
            ValueError: the range is empty, or the step does not fit it; the message says what would do.
        """
        if self.until_ns <= self.since_ns:
            raise ValueError("`since` must be earlier than `until`")
        if self.step_ns is None:
            return
        whole, words = (HOUR, "hours, like 1h or 6h, for more than a day") if self.length_ns > DAY else (MINUTE, "minutes, like 1m or 15m")
        if self.step_ns <= 0 or self.step_ns % whole:
            raise ValueError(f"the step must be whole {words}")
        if self.length_ns > MAX_STEPS * self.step_ns:
            raise ValueError(f"at most {MAX_STEPS} steps: take a wider step or a shorter range")

    @classmethod
    def readable(cls, since_ns: int, until_ns: int) -> Self:
        """In steps that a chart can show: the last one is that in which the range ends, the first a whole one."""
        length = max(until_ns - since_ns, MINUTE)
        step = next((width for width in _WIDTHS if length <= READABLE_STEPS * width), _WIDTHS[-1])
        last = (until_ns - 1) // step * step
        first = max(last - (max(round(length / step), 1) - 1) * step, 0)
        return cls(first, max(until_ns, first + 1), step)

    @property
    def length_ns(self) -> int:
        """From begin to end."""
        return self.until_ns - self.since_ns

    def starts(self) -> range:
        """Where each step begins, in nanoseconds; the only one's is the window's own."""
        if self.step_ns is None:
            return range(self.since_ns, self.since_ns + 1)
        return range(self.since_ns // self.step_ns * self.step_ns, self.until_ns, self.step_ns)

    def seconds_of(self, start_ns: int) -> float:
        """How much of the step that begins at `start_ns` lies in the window."""
        end = self.until_ns if self.step_ns is None else min(start_ns + self.step_ns, self.until_ns)
        return max(end - max(start_ns, self.since_ns), 1) / SECOND


@dataclass(frozen=True, slots=True)
class Figures:
    """Some requests, summed up."""

    counts: Mapping[RequestStatus, int]
    input_tokens: int
    output_tokens: int
    duration: Distribution
    """Of all of them."""
    first_chunk: Distribution
    """Of those streams that brought a first chunk."""
    generation: Generation
    """Of the completed ones."""

    @classmethod
    def of(cls, part: Aggregate) -> Self:
        """What one aggregate says, which must be of one status."""
        status = RequestStatus(str(part.group[Dimension.STATUS]))
        completed = status is RequestStatus.COMPLETED
        return cls(
            {status: part.requests},
            part.input_tokens,
            part.output_tokens,
            part.duration,
            part.first_chunk,
            part.generation if completed else UNKNOWN,
        )

    @classmethod
    def together(cls, parts: Iterable[Figures]) -> Self:
        """The sum of all parts."""
        parts = list(parts)
        return cls(
            {status: sum(part.counts.get(status, 0) for part in parts) for status in RequestStatus},
            sum(part.input_tokens for part in parts),
            sum(part.output_tokens for part in parts),
            Distribution.merged(part.duration for part in parts),
            Distribution.merged(part.first_chunk for part in parts),
            summed(part.generation for part in parts),
        )

    @property
    def requests(self) -> int:
        """How many, however they ended."""
        return sum(self.counts.values())

    @property
    def error_rate(self) -> float | None:
        """Which share failed, 0 to 1; None without requests."""
        return self.counts.get(RequestStatus.FAILED, 0) / self.requests if self.requests else None

    @property
    def speed(self) -> float | None:
        """Tokens per second while they were written: see `store.generation`; None where that is not known of any."""
        return self.generation.speed


@dataclass(frozen=True, slots=True)
class Group:
    """The figures of one group within one step."""

    group: Mapping[Dimension, str | None]
    start_ns: int
    figures: Figures


@dataclass(frozen=True, slots=True)
class Overview:
    """The figures of a window; steps and groups without requests are left out."""

    window: Window
    groups: Sequence[Group]
    missing: str | None = None
    """What they leave out at the moment, and why, in words."""

    def by_start(self) -> Mapping[int, Figures]:
        """The figures of each step that has any, whatever the group."""
        steps: dict[int, list[Figures]] = defaultdict(list)
        for group in self.groups:
            steps[group.start_ns].append(group.figures)
        return {start: Figures.together(figures) for start, figures in steps.items()}


def overview(window: Window, by: Sequence[Dimension], aggregates: Iterable[Aggregate]) -> Overview:
    """Gather what the store counted, by `by` and by status, into one group for each value of `by` and step, by time."""
    parts: dict[tuple[int, tuple[str | None, ...]], list[Aggregate]] = defaultdict(list)
    for part in aggregates:
        start = window.since_ns if window.step_ns is None else part.start_ns
        parts[start, tuple(part.group[dimension] for dimension in by)].append(part)
    ordered = sorted(parts.items(), key=lambda item: (item[0][0], [value or "" for value in item[0][1]]))
    groups = [
        Group(dict(zip(by, values, strict=True)), start, Figures.together(map(Figures.of, found))) for (start, values), found in ordered
    ]
    return Overview(window, groups)
