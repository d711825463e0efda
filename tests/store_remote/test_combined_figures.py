"""Figures whose older part a real Prometheus gives and whose newer part is here: as if all were here, nothing twice and nothing lost."""

from __future__ import annotations

import contextlib
import functools
import random
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from support.told_twice import MINUTE, SECOND, Past, Request, minutes_ago

from venom_otel.services.compare import compare
from venom_otel.services.compared import Grouping
from venom_otel.services.figures import Window
from venom_otel.services.history import History
from venom_otel.store.combined import CombinedStore, asked
from venom_otel.store.prometheus import PrometheusStore
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.prometheus_server import PrometheusServer

    from venom_otel.store.embedded import EmbeddedStore
    from venom_otel.store.protocol import Aggregate

pytestmark = pytest.mark.timeout(600)

HOURS = 53
CUT = 51 * 60 + 25
"""The minute from which on telemetry is here: within an hour."""
BY = (Dimension.MODEL, Dimension.STATUS)


@pytest.fixture(scope="module")
def past() -> Past:
    """More than two days of requests."""
    past = Past(minutes_ago(HOURS * 60 + 10))
    dice = random.Random(9)
    for minute in range(0, HOURS * 60, 5):
        failed = {"outcome": "error", "error_type": "500", "error_kind": "server_error"} if dice.random() < 0.2 else {}
        past.add(Request(minute, model=dice.choice(("small", "large")), answered_by="x", **failed))
    return past


@pytest.fixture(scope="module")
def server(past: Past, prometheus_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """The metrics of all of them in a Prometheus."""
    with past.counted(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture(scope="module")
def whole(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The spans of all of them in an embedded store."""
    with past.stored(tmp_path_factory.mktemp("whole")) as store:
        yield store


@pytest.fixture(scope="module")
def late(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """Only the spans of those that began after the cut."""
    with past.stored(tmp_path_factory.mktemp("late"), since=CUT) as store:
        yield store


@pytest.fixture(autouse=True)
def arrival(past: Past, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is here is taken to have arrived when it began, and not just now."""

    async def oldest_ns(_: CombinedStore) -> int:
        return past.begin_ns + CUT * MINUTE + 7 * SECOND

    monkeypatch.setattr(CombinedStore, "_oldest_ns", oldest_ns)


@pytest.fixture
def both(late: EmbeddedStore, server: PrometheusServer) -> Iterator[CombinedStore]:
    """Both together."""
    with contextlib.closing(CombinedStore(late, figures=PrometheusStore(server.url, days=7))) as store:
        yield store


def table(found: Sequence[Aggregate]) -> dict[Any, Any]:
    """Aggregates by start and group, in comparable form."""
    return {(one.start_ns, *one.group.values()): (one.requests, one.duration.count, round(one.duration.sum_ns, -3)) for one in found}


@pytest.mark.parametrize("step_min", [None, 60, 360, 1440], ids=str)
@pytest.mark.parametrize(
    ("first", "end"),
    [
        (0, HOURS * 60),  # days of it older, by whole hours
        (CUT - 300, CUT + 90),  # within a day, by the minute
        (CUT - 20 * 60, HOURS * 60),
        (CUT + 1, CUT + 60),  # here alone
        (CUT, HOURS * 60),
        (100, 900),  # there alone
        (3, CUT),
        (CUT - 1, CUT),
    ],
)
async def test_as_if_all_were_here(
    past: Past, whole: EmbeddedStore, both: CombinedStore, first: int, end: int, step_min: int | None
) -> None:
    which = RequestFilter(since_ns=past.begin_ns + first * MINUTE, until_ns=past.begin_ns + end * MINUTE - 1)
    step_ns = None if step_min is None else step_min * MINUTE
    for by in (BY, ()):
        wanted = await whole.aggregates(which, by=by, step_ns=step_ns)
        assert table(await both.aggregates(which, by=by, step_ns=step_ns)) == table(wanted)
    assert await both.uncounted(which.since_ns or 0) is None


async def test_what_was_exported_after_the_cut_may_be_missing_and_nothing_counts_twice(
    prometheus_program: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most what an export interval holds: it began before the cut, where the store here does not count it, and was exported after it."""
    every, minutes = 5, 40
    past = Past(minutes_ago(2 * minutes))
    past.add(*(Request(minute) for minute in range(minutes)))
    with past.stored(tmp_path) as store, past.counted(tmp_path, every=every) as server:
        for cut in range(20, 27):
            monkeypatch.setattr(CombinedStore, "_oldest_ns", functools.partialmethod(_at, past.begin_ns + cut * MINUTE))
            with contextlib.closing(CombinedStore(store, figures=PrometheusStore(server.url, days=1))) as both:
                found = sum(one.requests for one in await both.aggregates(RequestFilter()))
            assert minutes - found == cut % every


async def _at(_: CombinedStore, ns: int) -> int:
    return ns


async def test_from_the_beginning_on(past: Past, both: CombinedStore) -> None:
    assert sum(one.requests for one in await both.aggregates(RequestFilter(), by=BY)) == len(past.requests)


async def test_what_the_page_asks(past: Past, whole: EmbeddedStore, both: CombinedStore) -> None:
    window = Window.readable(past.begin_ns, past.begin_ns + HOURS * 60 * MINUTE)
    found, wanted = [await History(store).overview(window, by=(Dimension.MODEL,)) for store in (both, whole)]
    assert [(one.start_ns, one.group, one.figures.counts) for one in found.groups] == [
        (one.start_ns, one.group, one.figures.counts) for one in wanted.groups
    ]
    compared, by_all = [await compare(History(store), Window(window.since_ns, window.until_ns), Grouping.MODEL) for store in (both, whole)]
    assert [(row.key, row.requests, row.error_kinds) for row in compared.rows] == [
        (row.key, row.requests, row.error_kinds) for row in by_all.rows
    ]
    choices = await History(both).choices()
    assert choices[Dimension.MODEL] == (await History(whole).choices())[Dimension.MODEL]


async def test_a_prometheus_that_does_not_answer(past: Past, late: EmbeddedStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "REST_S", 3_600.0)
    which = RequestFilter(since_ns=past.begin_ns, status=RequestStatus.COMPLETED)
    newer = await late.aggregates(which)
    with contextlib.closing(CombinedStore(late, figures=PrometheusStore("http://127.0.0.1:9", days=7))) as store:
        assert await store.uncounted(past.begin_ns) is None
        assert [one.requests for one in await store.aggregates(which)] == [one.requests for one in newer]
        words = await store.uncounted(past.begin_ns)
        assert words is not None
        assert words.startswith("Figures of what is older than the telemetry here are missing: Prometheus at http://127.0.0.1:9 cannot be")
        assert "check VENOM_OTEL_PROMETHEUS_URL" in words
        assert await store.uncounted(time.time_ns()) is None
        assert store.missing is None
        overview = await History(store).overview(Window(past.begin_ns, time.time_ns()))
        assert overview.missing == words


async def test_where_figures_begin_is_said_where_less_is_asked_for(past: Past, late: EmbeddedStore, server: PrometheusServer) -> None:
    back_ns = 36 * 60 * MINUTE
    with contextlib.closing(CombinedStore(late, figures=PrometheusStore(server.url, days=1.5))) as store:
        assert store.past == (0, back_ns)
        assert await store.uncounted(time.time_ns() - back_ns) is None
        before = minutes_ago(36 * 60)
        words = await store.uncounted(past.begin_ns)
        after = minutes_ago(36 * 60)
    assert words in {
        f"Figures begin {datetime.fromtimestamp(begin // SECOND, UTC):%Y-%m-%d %H:%M} UTC: "
        "Prometheus is asked as far back as VENOM_OTEL_PROMETHEUS_DAYS says."
        for begin in range(before, after + 1, MINUTE)
    }


async def test_without_one_it_is_said_where_figures_begin(past: Past, late: EmbeddedStore) -> None:
    with contextlib.closing(CombinedStore(late)) as store:
        words = await store.uncounted(past.begin_ns)
        assert words is not None
        assert words.startswith("Figures begin with the telemetry here, 20")
        assert words.endswith("those of older requests need VENOM_OTEL_PROMETHEUS_URL.")
        assert await late.uncounted(past.begin_ns) is None
