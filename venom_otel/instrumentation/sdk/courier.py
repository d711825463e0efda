"""A thread that delivers: every so often, early when much waits, and at once when somebody waits for it.

The SDK's batch processors are not used because their shutdown waits for an export for up to 30 s each and their `force_flush` ignores its
time-out (https://github.com/open-telemetry/opentelemetry-python/issues/4568), because they warn in the application's thread when their
queue is full, and because metrics of a parent process are sent again by its forked children.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.utils import suppress_instrumentation

from venom_otel.instrumentation import guard
from venom_otel.instrumentation.sdk import quiet

if TYPE_CHECKING:
    from collections.abc import Callable


class Courier:
    """Calls `deliver` in one daemon thread, never twice at a time.

    Args:
        name: the thread's name.
        period_s: seconds between two deliveries.
        deliver: delivers what there is; is told whether somebody waits for it, and returns whether nothing is left. What it raises is
            reported and counts as False.
        loggers: names of loggers that are muted in the thread besides OpenTelemetry's exporters' own.
    """

    def __init__(self, name: str, period_s: float, deliver: Callable[[bool], bool], loggers: tuple[str, ...] = ()) -> None:
        self._period_s = period_s
        self._deliver = deliver
        self._loggers = loggers
        self._changed = threading.Condition()
        self._early = self._stopped = False
        self._asked = self._done = 0
        self._nothing_left = True
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def wake(self) -> None:
        """Deliver early. Called on an application's path: takes a lock only where the thread is not woken already."""
        if not self._early:
            with self._changed:
                self._early = True
                self._changed.notify_all()

    def ask(self) -> int:
        """Ask for a delivery of all that is there now; `wait` waits for it."""
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            return self._asked

    def wait(self, asked: int, deadline: float) -> bool:
        """Wait for a delivery that was asked for, until `deadline` on the monotonic clock; whether all was delivered by then."""
        with self._changed:
            self._changed.wait_for(lambda: self._done >= asked or not self._thread.is_alive(), deadline - time.monotonic())
            return self._done >= asked and self._nothing_left

    def stop(self) -> None:
        """Let the thread end after the delivery it is at."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def join(self, deadline: float) -> bool:
        """Wait for the thread's end, until `deadline` on the monotonic clock."""
        self._thread.join(max(0.0, deadline - time.monotonic()))
        return not self._thread.is_alive()

    def _run(self) -> None:
        with quiet.muted(*self._loggers), suppress_instrumentation():
            while (asked := self._next()) is not None:
                nothing_left = False
                try:
                    nothing_left = self._deliver(asked > self._done)
                except Exception:
                    guard.report("sending telemetry")
                with self._changed:
                    self._done, self._nothing_left = asked, nothing_left
                    self._changed.notify_all()

    def _next(self) -> int | None:
        """Sleep until there is something to do; None when that is to end."""
        with self._changed:
            self._changed.wait_for(lambda: self._stopped or self._early or self._asked > self._done, self._period_s)
            self._early = False
            return None if self._stopped else self._asked
