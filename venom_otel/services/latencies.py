"""How fast each model server answered of late, in memory, at a bounded size.

The store keeps how long whole looks took, as sums of 15 seconds; a line of a server's own latency cannot be had from those, nor need it
outlive the process: so this is noted as it is seen.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from venom_otel.services.figures import SECOND

STEP_NS: Final = 30 * SECOND
STEPS: Final = 60
"""That are kept: half an hour."""


class Step(NamedTuple):
    """The looks at one server within one step."""

    number: int
    """Steps since the epoch."""
    slowest_s: float | None
    """None where none was answered."""
    unanswered: bool
    """Whether one was not."""


class Latencies:
    """Of each server by its name. Noted in one thread, read in any."""

    def __init__(self) -> None:
        self._steps: dict[str, tuple[Step, ...]] = {}

    def note(self, name: str, at_ns: int, latency_s: float | None) -> None:
        """Note a look at a server; None where it did not answer."""
        steps = self._steps.get(name, ())
        step = Step(at_ns // STEP_NS, latency_s, latency_s is None)
        if steps and steps[-1].number == step.number:
            *earlier, last = steps
            known = [each for each in (last.slowest_s, latency_s) if each is not None]
            step = Step(step.number, max(known, default=None), last.unanswered or step.unanswered)
        else:
            earlier = list(steps)
        self._steps[name] = tuple(each for each in (*earlier, step) if each.number > step.number - STEPS)

    def of(self, name: str) -> tuple[Step, ...]:
        """The steps of the last half hour before its newest look, oldest first; those without a look are left out."""
        return self._steps.get(name, ())
