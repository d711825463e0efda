"""What was read of roll-ups, kept in memory until the roll-up changes: a question that is asked again reads only what is new.

Questions about an hour, a day or a week read the roll-ups of some periods: at most 14 minutes, 3 quarters and 23 hours at either end, and
the days between. From one question to the next most of them are the same, though those of a busy period have hundreds of rows, one for each
series and ending. So what a period came to, as the question wants it (filtered and by group), is kept.

Nothing kept is ever too old or too new for the reader's snapshot. The writer numbers its transactions. Before one becomes visible, it notes
the number with every period whose roll-ups it wrote or deleted (`Changes.note`); after it became visible or was rolled back, it says so
(`Changes.settle`). A reader first asks which number is visible (`Changes.visible`), then opens its snapshot, then asks for each period in
which transaction it last changed (`Changes.of`):

- a number above the visible one: perhaps a change that the snapshot does not have yet. The file is read, and what is read is not kept.
- otherwise the snapshot has this change, and no later one: that would have been noted after the snapshot was opened and is no concern of
  it. What was kept under the same number is what the file holds.

Only the process that writes can know this; others have no `Remembered`. Nothing is kept across a restart.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from itertools import groupby
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

T = TypeVar("T")

_MAX_NOTED: Final = 16_384
"""Periods of which the last change is known by itself: 11 days of minutes that all came late."""
_MAX_PERIODS: Final = 2_048
"""Of one width in one question; a longer row of them is not worth its room."""
_OVERHEAD: Final = 300
"""Bytes of an entry besides its value."""


class Period(NamedTuple):
    """What the roll-ups of one width and start speak of; in minutes, the start since the epoch."""

    width: int
    start: int


class Span(NamedTuple):
    """Periods of one width that follow one another: from the first start to before the end."""

    width: int
    first: int
    end: int

    @property
    def starts(self) -> range:
        """Of its periods."""
        return range(self.first, self.end, self.width)


class _Noted(dict[Period, int]):
    """The transaction that changed a period last; of those not noted, none after a certain one has."""

    def __init__(self, others: int) -> None:
        super().__init__()
        self.others = others

    def __missing__(self, period: Period) -> int:
        return self.others


class Changes:
    """In which transaction the roll-ups of each period changed last. One thread writes, any may ask."""

    def __init__(self) -> None:
        self.visible = 0
        """Readers that open a snapshot now see the transactions up to this one."""
        self._noted = _Noted(0)

    def note(self, periods: Iterable[Period]) -> None:
        """The transaction that goes on writes or deletes roll-ups of these periods; called before it commits."""
        number = self.visible + 1
        if len(self._noted) > _MAX_NOTED:
            # A new one in one step, not the old one cleared: a reader must see either.
            self._noted = _Noted(number)
        self._noted.update(dict.fromkeys(periods, number))

    def settle(self) -> None:
        """The transaction has ended: it is visible, or never was."""
        self.visible += 1

    def of(self, period: Period) -> int:
        """The number of the last transaction that changed a period."""
        return self._noted[period]


class Remembered(Generic[T]):
    """What periods came to, of many questions; those asked for longest ago are forgotten first.

    Args:
        changes: noted by the writer of the file.
        size_of: bytes that a value needs, about.
        max_bytes: most bytes that are kept.
    """

    def __init__(self, changes: Changes, size_of: Callable[[T], int], max_bytes: int) -> None:
        self._changes = changes
        self._size_of = size_of
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[tuple[Hashable, Period], tuple[int, T | None, int]] = OrderedDict()
        """By question and period: the number of its last change, the value (None where the period has no roll-ups) and its size."""
        self.size_bytes = 0
        """Of all that is kept."""

    def read(self, question: Hashable, visible: int, span: Span, read: Callable[[Span], Mapping[int, T]]) -> Mapping[int, T]:
        """What the periods of a span came to, by start, those without any roll-ups left out.

        Args:
            question: all that values depend on besides the period.
            visible: `Changes.visible` before the snapshot was opened.
            span: which periods.
            read: reads the same from the snapshot.
        """
        if len(span.starts) > _MAX_PERIODS:
            return read(span)
        numbers = {start: self._changes.of(Period(span.width, start)) for start in span.starts}
        values = self._known(question, span.width, {start: number for start, number in numbers.items() if number <= visible})
        fresh: dict[int, T | None] = {}
        for run in _runs([start for start in numbers if start not in values], span.width):
            found = read(run)
            fresh.update({start: found.get(start) for start in run.starts})
        self._keep(question, span.width, {start: (numbers[start], value) for start, value in fresh.items() if numbers[start] <= visible})
        values |= fresh
        return {start: value for start in numbers if (value := values[start]) is not None}

    def _known(self, question: Hashable, width: int, numbers: Mapping[int, int]) -> dict[int, T | None]:
        known: dict[int, T | None] = {}
        with self._lock:
            for start, number in numbers.items():
                key = question, Period(width, start)
                kept = self._kept.get(key)
                if kept is not None and kept[0] == number:
                    known[start] = kept[1]
                    self._kept.move_to_end(key)
        return known

    def _keep(self, question: Hashable, width: int, values: Mapping[int, tuple[int, T | None]]) -> None:
        with self._lock:
            for start, (number, value) in values.items():
                key = question, Period(width, start)
                size = _OVERHEAD + (0 if value is None else self._size_of(value))
                replaced = self._kept.pop(key, None)
                self.size_bytes += size - (replaced[2] if replaced else 0)
                self._kept[key] = number, value, size
            while self.size_bytes > self._max_bytes:
                _, (_, _, size) = self._kept.popitem(last=False)
                self.size_bytes -= size


def _runs(starts: Sequence[int], width: int) -> Iterator[Span]:
    """Starts, in order, as spans of those that follow one another."""
    for _, run in groupby(enumerate(starts), lambda numbered: numbered[1] - numbered[0] * width):
        together = [start for _, start in run]
        yield Span(width, together[0], together[-1] + width)
