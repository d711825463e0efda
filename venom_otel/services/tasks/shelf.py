"""Tasks that have ended and that are kept in memory with what was asked and answered, for those who come later."""

from __future__ import annotations

import time
from collections import OrderedDict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from venom_otel.services.tasks.limits import Limits
    from venom_otel.services.tasks.run import Run


class Shelf:
    """As many, and for as long, as the limits say; those that ended first go first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self.characters = 0
        """Of all that was asked and answered."""

    def __len__(self) -> int:
        return len(self._runs)

    def get(self, task_id: str) -> Run | None:
        """The task of that id."""
        return self._runs.get(task_id)

    def add(self, run: Run) -> None:
        """Keep one that has just ended."""
        self._runs[run.id] = run
        self.characters += _characters(run)
        self.forget_old()

    def forget_old(self) -> None:
        """Let go of what is too old or too much."""
        limits = self._limits
        oldest_ns = time.time_ns() - round(limits.kept_s * 1e9)
        while self._runs:
            oldest = next(iter(self._runs.values()))
            fits = len(self._runs) <= limits.kept and self.characters <= limits.answers
            if fits and (oldest.task.finished_ns or 0) > oldest_ns:
                return
            del self._runs[oldest.id]
            self.characters -= _characters(oldest)
            oldest.forget()


def _characters(run: Run) -> int:
    return run.characters + run.length
