"""The history page with a Tempo or a Prometheus that does not answer: what is here, what is missing in words, and the way back to it."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from nicegui import ui
from nicegui.testing import user_simulation
from support import otlp
from support.patience import WAIT_S
from support.prometheus_server import PrometheusServer
from support.tempo_server import TempoServer
from support.tempo_traces import traces
from support.told_twice import Past, Request, minutes_ago

from venom_otel.cockpit import formats, texts
from venom_otel.cockpit.compare.choice import CompareAddress
from venom_otel.cockpit.compare.compare_page import ComparePage
from venom_otel.cockpit.history import history_page
from venom_otel.cockpit.history.address import ListAddress
from venom_otel.cockpit.history.history_page import HistoryPage
from venom_otel.cockpit.texts import compare as compare_texts
from venom_otel.services.history import History
from venom_otel.store.combined import CombinedStore, asked
from venom_otel.store.prometheus import PrometheusStore
from venom_otel.store.protocol import Signal
from venom_otel.store.tempo import TempoStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    from venom_otel.store.embedded import EmbeddedStore

RETRIES = 1000
"""Looks, 0.1 s apart and less."""


def page_over(history: History) -> Callable[[], None]:
    """What NiceGUI is to show: the history page alone."""

    def page() -> None:
        address = ListAddress(ui.context.client.sub_pages_router)

        async def show() -> None:
            await HistoryPage(history, "http://127.0.0.1:4318", address).show()

        ui.sub_pages({"/": show})

    return page


async def test_what_is_missing_is_said_and_fetched_later(empty: EmbeddedStore, begin_ns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "REST_S", 0.2)
    empty.write(Signal.TRACES, otlp.traces(otlp.span({"llm.provider": "vllm", "llm.model": "new-one"}, start_ns=time.time_ns()))).result()
    with TempoServer(traces(begin_ns)) as tempo:
        store = CombinedStore(empty, requests=TempoStore(tempo.url, days=2))
        tempo.refusal = (503, "starting")
        try:
            async with user_simulation(page_over(History(store, live=empty))) as user:
                await user.open("/")
                await user.should_see("503 Service Unavailable: starting", retries=RETRIES)
                await user.should_see(texts.OLDER, retries=RETRIES)
                tempo.refusal = None
                deadline = time.monotonic() + WAIT_S
                while store.missing is not None and time.monotonic() < deadline:
                    await user.should_see(texts.OLDER)
                user.find(texts.OLDER).click()
                await user.should_not_see("503 Service Unavailable", retries=RETRIES)
        finally:
            store.close()
        assert tempo.asked


async def test_figures_that_are_not_counted_are_said(
    empty: EmbeddedStore, begin_ns: int, prometheus_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While Prometheus is away; and once it is there, its requests are in the charts."""
    monkeypatch.setattr(asked, "REST_S", 0.2)
    monkeypatch.setattr(history_page, "CHARTS_IDLE_S", 0.2)
    past = Past(minutes_ago(90))
    past.add(*(Request(minute) for minute in range(40) for _ in range(26)))
    all_of_them = formats.count(1_041)  # a number that is no part of a time of day
    empty.write(Signal.TRACES, otlp.traces(otlp.span({"llm.provider": "vllm", "llm.model": "new-one"}, start_ns=time.time_ns()))).result()
    with PrometheusServer(tmp_path) as prometheus:
        past.send(prometheus.otlp)
        prometheus.kill()
        store = CombinedStore(empty, figures=PrometheusStore(prometheus.url, days=2))
        with contextlib.closing(store):
            async with user_simulation(page_over(History(store, live=empty))) as user:
                await user.open("/")
                await user.should_see(kind=ui.select, retries=RETRIES)
                [since] = [one for one in user.find(kind=ui.select).elements if one.props.get("aria-label") == texts.RANGE_FILTER]
                with user:
                    since.value = "24h"
                await user.should_see("Figures of what is older than the telemetry here are missing: Prometheus at", retries=RETRIES)
                await user.should_not_see(all_of_them)
                prometheus.start()
                await user.should_not_see("Figures of what is older", retries=RETRIES)
                await user.should_see(all_of_them, retries=RETRIES)


def comparison_over(history: History) -> Callable[[], None]:
    """What NiceGUI is to show: Compare alone."""

    def page() -> None:
        address = CompareAddress(ui.context.client.sub_pages_router)

        async def show() -> None:
            await ComparePage(history, None, "http://127.0.0.1:4318", address).show()

        ui.sub_pages({"/": show})

    return page


async def test_before_anything_is_here_compare_shows_what_prometheus_has(
    empty: EmbeddedStore, prometheus_program: Path, tmp_path: Path
) -> None:
    past = Past(minutes_ago(50 * 60))
    past.add(*(Request(minute) for minute in range(40)))
    with past.counted(tmp_path) as prometheus:
        store = CombinedStore(empty, figures=PrometheusStore(prometheus.url, days=90))
        with contextlib.closing(store):
            async with user_simulation(comparison_over(History(store, live=empty))) as user:
                await user.open("/")
                await user.should_see(compare_texts.NOTHING, retries=RETRIES)
                await user.should_not_see(compare_texts.THEN)
                [since] = [one for one in user.find(kind=ui.select).elements if one.props.get("aria-label") == texts.RANGE_FILTER]
                assert list(since.options.values()) == [*texts.RANGES.values(), texts.last_days(90)]
                user.find(compare_texts.longer(90)).click()
                await user.should_see(compare_texts.rows(1), retries=RETRIES)
                assert since.value == "90d"
