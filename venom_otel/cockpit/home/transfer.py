"""How fast something comes, and when it will be there, by what was counted at times."""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from venom_otel.cockpit import formats
from venom_otel.cockpit.home.server_views import size
from venom_otel.cockpit.texts import models_panel as texts

WINDOW_S: Final = 10.0
"""Seconds of the past by which the rate is judged: long enough to be steady, short enough to follow a network that changes."""
LEAST_S: Final = 1.0
"""Seconds without which nobody can say how fast it is."""
_MINUTE_S: Final = 60


def whole_seconds(seconds: float) -> str:
    """How long something takes, no finer than anyone wants to know: `4 s`, `1 m 45 s`, `1 h 03 m`."""
    whole = round(seconds)
    return f"{whole} s" if whole < _MINUTE_S else formats.seconds(whole)


class _Sample(NamedTuple):
    at_s: float
    completed: int


class Transfer:
    """One transfer: bytes that are there, of how many."""

    def __init__(self) -> None:
        self.completed = 0
        self.total = 0
        self._samples: deque[_Sample] = deque()

    @property
    def part(self) -> float:
        """Of 1."""
        return self.completed / self.total if self.total else 0.0

    @property
    def rate(self) -> float | None:
        """Bytes a second; None where nobody can say yet, or nothing comes."""
        if not self._samples:
            return None
        seconds = self._samples[-1].at_s - self._samples[0].at_s
        came = self._samples[-1].completed - self._samples[0].completed
        return came / seconds if seconds >= LEAST_S and came > 0 else None

    @property
    def left_s(self) -> float | None:
        """Seconds until all is there, if it goes on like this; None where nobody can say."""
        rate = self.rate
        return (self.total - self.completed) / rate if rate is not None and self.completed < self.total else None

    def note(self, now_s: float, completed: int, total: int) -> None:
        """Take what was counted.

        Args:
            now_s: on the monotonic clock.
            completed: bytes that are there.
            total: of so many, as far as known; it may grow.
        """
        if completed < self.completed:  # it began anew
            self._samples.clear()
        self.completed, self.total = completed, total
        self._samples.append(_Sample(now_s, completed))
        while len(self._samples) > 2 and self._samples[1].at_s <= now_s - WINDOW_S:  # noqa: PLR2004 - two are needed to tell a rate
            self._samples.popleft()

    def in_words(self) -> str:
        """For people: `812 MB of 3.34 GB · 24.1 MB/s · 1 m 45 s left`."""
        rate, left = self.rate, self.left_s
        return texts.transfer(
            size(self.completed),
            size(self.total),
            size(round(rate)) if rate is not None else "",
            "" if left is None else texts.ALMOST if left < 1 else texts.left(whole_seconds(left)),
        )
