"""Model servers that a test plays itself: what a look brings is what the test said last."""

from __future__ import annotations

import asyncio
import threading
import time
from collections import Counter
from typing import TYPE_CHECKING

from support.patience import WAIT_S

from venom_otel.health import Monitor
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Reading, Runtime, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from venom_otel.health import Look

READY = Reading(State.READY, latency_s=0.004)


def runtime(name="vllm", url="http://127.0.0.1:8001/v1", provider="vllm"):
    """A server that somebody named."""
    return Runtime(name, provider, name.title(), parse(url), named_by="VLLM_ENDPOINT")


class Servers:
    """What `find` finds and `read` reads; `hang` lets looks at a server wait for ever. To be used from the test's thread."""

    def __init__(self, *runtimes: Runtime) -> None:
        self.found = list(runtimes)
        self.readings: dict[str, Reading] = {}
        self.hanging: set[str] = set()
        self.looks: Counter[str] = Counter()
        self.at_once: Counter[str] = Counter()
        self.most_at_once = 0
        self.heard: list[Look] = []
        self._changed = threading.Condition()

    def monitor(
        self,
        interval_s: float = 0.02,
        least_interval_s: Callable[[Runtime], float] = lambda _: 0.0,
        meant: Callable[[Runtime], bool] = lambda _: False,
    ) -> Monitor:
        """A monitor of them, not started."""
        monitor = Monitor(self._find, interval_s=interval_s, read=self._read, least_interval_s=least_interval_s, meant=meant)
        monitor.subscribe(self._hear)
        return monitor

    def wait_for(self, condition: Callable[[], object]) -> None:
        """Until a look has made it true."""
        with self._changed:
            assert self._changed.wait_for(condition, WAIT_S)

    async def _find(self) -> list[Runtime]:
        return self.found

    async def _read(self, runtime: Runtime) -> Reading:
        name = runtime.name
        self.looks[name] += 1
        self.at_once[name] += 1
        self.most_at_once = max(self.most_at_once, self.at_once[name])
        try:
            await asyncio.sleep(3600 if name in self.hanging else 0)
        finally:
            self.at_once[name] -= 1
        return self.readings.get(name, READY)

    def _hear(self, look: Look) -> None:
        with self._changed:
            self.heard.append(look)
            self._changed.notify_all()


def wait_for(condition, timeout=WAIT_S):
    """The first true value."""
    deadline = time.monotonic() + timeout
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.005)
    return found
