"""The traces of the recordings, in the embedded store and in a Tempo."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from support.patience import WAIT_S
from support.tempo_server import TempoServer
from support.tempo_traces import traces

from venom_otel.store import backend
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal
from venom_otel.store.tempo import TempoStore

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3_600 * 10**9


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """A Tempo and a Prometheus may take long to answer."""
    for limit in ("QUESTION_S", "CONNECT_S"):
        monkeypatch.setattr(backend, limit, WAIT_S)


@pytest.fixture(scope="module")
def begin_ns() -> int:
    """When the first of the traces began: before now, within the hour's edge of the first window that is asked for."""
    return time.time_ns() - HOUR - 20 * 10**9


@pytest.fixture(scope="module")
def tempo(begin_ns: int) -> Iterator[TempoServer]:
    """A Tempo that holds them."""
    with TempoServer(traces(begin_ns)) as server:
        yield server


@pytest.fixture
def remote(tempo: TempoServer) -> Iterator[TempoStore]:
    """Our questions to it."""
    tempo.asked.clear()
    store = TempoStore(tempo.url, days=2)
    yield store
    store.close()


@pytest.fixture(scope="module")
def embedded(begin_ns: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The same traces here."""
    with EmbeddedStore(tmp_path_factory.mktemp("embedded") / "telemetry.db", min_free_bytes=0) as store:
        store.write(Signal.TRACES, traces(begin_ns).SerializeToString()).result()
        yield store


@pytest.fixture
def empty(tmp_path: Path) -> Iterator[EmbeddedStore]:
    """A store with nothing in it."""
    with EmbeddedStore(tmp_path / "data" / "telemetry.db", min_free_bytes=0) as store:
        yield store
