"""What the monitor measures, on its way into a store that cannot always take it."""

import logging
import time

import pytest
from support.cockpit import wait_for
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime

from venom_otel.cli import monitoring
from venom_otel.health.active import ActiveModels
from venom_otel.services.active_model import LastAnswered
from venom_otel.services.history import History
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import MetricFilter, Signal

NONE = MetricFilter()
NO_MODEL = ActiveModels(lambda: ("", ""))


@pytest.fixture(autouse=True)
def often(monkeypatch):
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")


async def test_a_full_disk_is_said_once_by_the_store_and_delays_nobody(tmp_path, caplog, monkeypatch):
    monkeypatch.setattr(monitoring, "END_S", 0.4)
    servers = Servers(runtime())
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=1 << 62) as store:
        monitor = servers.monitor()
        with caplog.at_level(logging.WARNING), monitoring.into(store, monitor, NO_MODEL), monitor:
            wait_for(lambda: caplog.records, "the warning")
            servers.wait_for(lambda: servers.looks["vllm"] >= 50)
            begin = time.monotonic()
        assert time.monotonic() - begin < WAIT_S / 4
        assert await store.metric_series(NONE, 10) == []
    assert [record.name for record in caplog.records] == ["venom_otel.store.embedded.ingest"]


async def test_what_was_seen_last_is_stored_at_the_end(tmp_path, monkeypatch):
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "3600000")
    servers = Servers(runtime())
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        monitor = servers.monitor(interval_s=3600)
        with monitoring.into(store, monitor, NO_MODEL), monitor:
            monitor.look().result(WAIT_S)
        found = await store.metric_series(MetricFilter(name="llm.runtime.up"), 10)
        assert [(series.service, series.attributes["llm.runtime.name"]) for series in found] == [("venom-otel-monitor", "vllm")]
        assert (await store.usage()).items[Signal.TRACES] == 0


def test_the_last_answer_is_remembered_where_the_store_fails(tmp_path):
    from support.otlp import chat, traces

    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        answered = LastAnswered(History(store))
        assert answered() is None
        store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
        known = answered()
        assert known is not None
    assert answered() == known  # it is closed
