"""Alerts over a store, model servers that a test plays, and a state's file."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from typing import TYPE_CHECKING

import pytest
from support import otlp
from support.patience import WAIT_S

from venom_otel.services.alerts.keeping import StateKeeper
from venom_otel.services.alerts.watch import Alerts
from venom_otel.services.history import History
from venom_otel.state.store import State
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from pathlib import Path

    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.servers import LlmServers

NOW_NS = 1_800_000_000 * otlp.SECOND


class Rig:
    """A store to send to, and the alerts over it; `running` is one life of the program."""

    def __init__(self, store: EmbeddedStore, folder: Path) -> None:
        self.store = store
        self.history = History(store)
        self.now_ns = NOW_NS
        self._folder = folder

    def send(self, *spans: object) -> None:
        """Store spans, as the receiver does."""
        self.store.write(Signal.TRACES, otlp.traces(*spans)).result(WAIT_S)

    def failed(self, at_s: float, kind: str = "server_error", **more: object) -> object:
        """A request that failed so many seconds after now."""
        said = {"llm.outcome": "error", "llm.error.kind": kind, "error.type": "500"}
        return self.answered(at_s, **{"more": said, "status": 2, "message": "EngineCore encountered an issue.", **more})

    def answered(self, at_s: float, provider: str = "vllm", model: str = "gemma-3-4b-it", **more: object) -> object:
        """A request that was answered so many seconds after now."""
        start_ns = NOW_NS + round((at_s - 1) * otlp.SECOND)
        return otlp.chat(provider, model, start_ns=start_ns, duration_ns=otlp.SECOND, **more)

    @contextlib.contextmanager
    def state_refuses(self) -> Iterator[None]:
        """The state's file is locked by somebody else, so that nothing can be written."""
        with contextlib.closing(sqlite3.connect(self._folder / "state.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            yield

    @contextlib.asynccontextmanager
    async def running(self, servers: LlmServers | None = None, meant: Callable[[str], bool] = lambda _: False) -> AsyncIterator[Alerts]:
        """The alerts, watched."""
        with State(self._folder / "state.sqlite3") as state:
            alerts = Alerts(self.history, servers, StateKeeper(state), meant=meant, now_ns=lambda: self.now_ns)
            watching = asyncio.create_task(alerts.watch())
            try:
                yield alerts
            finally:
                watching.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await watching


async def until(alerts: Alerts, condition: Callable[[tuple[Alert, ...]], object]) -> tuple[Alert, ...]:
    """All alerts, once they are so."""
    with alerts.changes() as changes:
        async with asyncio.timeout(WAIT_S):
            while not condition(found := tuple(alerts.all())):
                await anext(changes)
    return found


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """An empty store and no alerts."""
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        yield Rig(store, tmp_path)
