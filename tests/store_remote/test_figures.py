"""Figures out of a real Prometheus are those of the embedded store over the same requests."""

from __future__ import annotations

import contextlib
import random
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from support.told_twice import MINUTE, SECOND, Past, Request, minutes_ago

from venom_otel import semconv
from venom_otel.store.distribution import bucket
from venom_otel.store.prometheus import PrometheusStore
from venom_otel.store.prometheus import store as prometheus_store
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from support.prometheus_server import PrometheusServer

    from venom_otel.store.distribution import Distribution
    from venom_otel.store.embedded import EmbeddedStore
    from venom_otel.store.protocol import Aggregate

pytestmark = pytest.mark.timeout(600)

HOURS = 26
QUIET = 40
"""Minutes in which nobody asks anything, but the applications go on exporting."""
BOUNDS = [bucket(round(bound * SECOND)) for bound in semconv.DURATION_BUCKETS]
PLACE = (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT)
ENDING = (Dimension.STATUS, Dimension.ERROR_KIND, Dimension.COLD_START, Dimension.GAVE_WAY)

NOT_FOUND = {"provider": "vllm", "model": "qwen2.5", "outcome": "error", "error_type": "404"}
KINDS: Sequence[dict[str, Any]] = (
    {"answered_by": "llama3.1:8b", "first_chunk_s": 0.1, "input_tokens": 7, "output_tokens": 30, "cold": False},
    {"answered_by": "llama3.1:8b", "input_tokens": 5, "output_tokens": 3, "cold": True, "duration_s": 12.0},
    NOT_FOUND | {"error_kind": "model_not_found", "fallback": False, "gave_way": True},
    NOT_FOUND | {"error_kind": "wrong_path", "fallback": False, "gave_way": False},
    NOT_FOUND | {"error_kind": "wrong_path", "fallback": True, "gave_way": True},
    {"provider": "openai", "model": "gpt-4o", "answered_by": "gpt-4o-2024-08-06", "fallback": True, "input_tokens": 9, "output_tokens": 11},
    {"provider": "vllm", "model": "qwen2.5", "service": "desk", "outcome": "cancelled", "duration_s": 3.0},
    {"provider": "vllm", "model": "qwen2.5", "service": "desk", "outcome": "abandoned", "first_chunk_s": 0.3, "duration_s": 1.0},
    {
        "provider": "vllm",
        "model": "qwen2.5",
        "service": "desk",
        "first_chunk_s": 0.5,
        "input_tokens": 2,
        "output_tokens": 400,
        "duration_s": 7.0,
    },
    {"provider": None, "model": "claude", "service": "other", "input_tokens": 1, "output_tokens": 2},
    {"provider": None, "model": "claude", "service": "other", "outcome": "error", "error_type": "500"},
)


@pytest.fixture(scope="module")
def past() -> Past:
    """A day and more of requests of three applications, of which one was started anew."""
    past = Past(minutes_ago(HOURS * 60 + 30))
    dice = random.Random(8)
    for minute in range(HOURS * 60):
        if minute % 60 < QUIET:
            continue
        for _ in range(dice.randrange(3) or int(minute % 60 == QUIET)):
            kind = dice.choice(KINDS)
            scatter = dice.choice((0.7, 0.9, 1.2))  # so that no duration is near the bound of a bucket
            past.add(Request(minute, **kind | {"duration_s": kind.get("duration_s", 0.6) * scatter}))
    past.restarts = {("shop", 100), ("shop", 900)}
    return past


@pytest.fixture(scope="module")
def here(past: Past, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """The spans in the embedded store."""
    with past.stored(tmp_path_factory.mktemp("here")) as store:
        yield store


@pytest.fixture(scope="module")
def server(past: Past, prometheus_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """The metrics in a Prometheus."""
    with past.counted(tmp_path_factory.mktemp("prometheus")) as server:
        yield server


@pytest.fixture
def there(server: PrometheusServer) -> Iterator[PrometheusStore]:
    """Our questions to it."""
    store = PrometheusStore(server.url, days=3)
    yield store
    store.close()


def spread(values: Distribution) -> list[int]:
    """How many values lie at or below each bound of the histograms."""
    return [sum(count for index, count in values.buckets.items() if index <= bound) for bound in BOUNDS]


def table(found: Sequence[Aggregate], by: Sequence[Dimension]) -> dict[Any, Any]:
    """Aggregates by start and group, in comparable form; a sum to the microsecond."""
    return {
        (one.start_ns, *(one.group[dimension] for dimension in by)): (
            one.requests,
            one.input_tokens,
            one.output_tokens,
            *((values.count, round(values.sum_ns, -3), spread(values)) for values in (one.duration, one.first_chunk)),
        )
        for one in found
    }


async def same(here: EmbeddedStore, there: PrometheusStore, which: RequestFilter, by: Sequence[Dimension], step_min: int | None) -> None:
    """Hold both answers against each other."""
    step_ns = None if step_min is None else step_min * MINUTE
    wanted = table(await here.aggregates(which, by=by, step_ns=step_ns), by)
    assert wanted
    assert table(await there.aggregates(which, by=by, step_ns=step_ns), by) == wanted


@pytest.fixture
def since(past: Past) -> int:
    """Within a minute, a quarter and an hour, before the first of them."""
    return past.begin_ns + 11 * MINUTE + 5 * SECOND


@pytest.mark.parametrize("by", [(), PLACE, (Dimension.SERVICE,), (Dimension.RESPONSE_MODEL,), (Dimension.FALLBACK,)], ids=str)
@pytest.mark.parametrize("step_min", [None, 7, 60, 720], ids=str)
async def test_by_group_and_step(
    since: int, here: EmbeddedStore, there: PrometheusStore, by: tuple[Dimension, ...], step_min: int | None
) -> None:
    await same(here, there, RequestFilter(since_ns=since, until_ns=since + 20 * 60 * MINUTE), by, step_min)


@pytest.mark.parametrize("step_min", [None, 60], ids=str)
async def test_more_than_a_day_is_asked_for_by_the_hour(
    since: int, here: EmbeddedStore, there: PrometheusStore, step_min: int | None
) -> None:
    await same(here, there, RequestFilter(since_ns=since, until_ns=since + 25 * 60 * MINUTE), PLACE, step_min)


@pytest.mark.parametrize("minutes", [1, 3, 59])
async def test_a_few_minutes(past: Past, here: EmbeddedStore, there: PrometheusStore, minutes: int) -> None:
    begin = past.begin_ns + (5 * 60 + QUIET) * MINUTE
    await same(here, there, RequestFilter(since_ns=begin, until_ns=begin + minutes * MINUTE - 1), (), None)
    await same(here, there, RequestFilter(since_ns=begin, until_ns=begin + minutes * MINUTE - 1), (), 15)


@pytest.mark.parametrize(
    "which",
    [
        RequestFilter(provider="ollama"),
        RequestFilter(provider=("vllm", "aws.bedrock")),
        RequestFilter(model=("gpt-4o", "claude")),
        RequestFilter(endpoint="http://vllm:1/v1"),
        RequestFilter(endpoint=("bedrock:443", "http://openai:1/v1")),
        RequestFilter(service="desk", provider="vllm"),
        RequestFilter(fallback=True),
        RequestFilter(fallback=False),
        RequestFilter(status=RequestStatus.FAILED),
        RequestFilter(error_kind="wrong_path"),
        RequestFilter(error_kind=("wrong_path", "model_not_found"), service="shop"),
    ],
    ids=str,
)
async def test_filters(since: int, here: EmbeddedStore, there: PrometheusStore, which: RequestFilter) -> None:
    await same(here, there, replace(which, since_ns=since, until_ns=since + 20 * 60 * MINUTE), (), None)


async def test_what_no_request_has_matches_nothing(since: int, there: PrometheusStore) -> None:
    for which in (RequestFilter(provider="vll."), RequestFilter(model='"} or vector(1) #'), RequestFilter(error_kind="auth")):
        assert not await there.aggregates(replace(which, since_ns=since))


async def test_how_requests_ended(since: int, here: EmbeddedStore, there: PrometheusStore) -> None:
    """What is told apart by that is as exact; tokens and first chunks, whose metrics do not tell it, are those of the completed ones."""
    which, by = RequestFilter(since_ns=since, until_ns=since + 20 * 60 * MINUTE), (*PLACE, *ENDING)
    wanted, found = [table(await store.aggregates(which, by=by), by) for store in (here, there)]
    assert {key: (one[0], one[3]) for key, one in found.items()} == {key: (one[0], one[3]) for key, one in wanted.items()}
    for position, sums in ((1, True), (2, True), (4, False)):
        told: list[Counter[Any]] = [Counter(), Counter()]
        for counter, one in zip(told, (wanted, found), strict=True):
            for key, values in one.items():
                counter[key[:4]] += values[position] if sums else values[position][0]
        assert told[0] == told[1]
    assert all(values[1:3] == (0, 0) and values[4][0] == 0 for key, values in found.items() if RequestStatus.COMPLETED not in key)


async def test_how_fast_answers_were_written(since: int, here: EmbeddedStore, there: PrometheusStore) -> None:
    """Of streams it is known, but for what the metrics do not tell: which of them had an end; of what came whole, or mixed, it is not."""
    asked = RequestFilter(since_ns=since, until_ns=since + 20 * 60 * MINUTE)
    streams = replace(asked, service="desk")
    wanted, found = [
        next(one for one in await store.aggregates(streams, by=(Dimension.STATUS,)) if one.group[Dimension.STATUS] == "COMPLETED")
        for store in (here, there)
    ]
    assert found.generation.speed == pytest.approx(wanted.generation.speed, rel=0.05)
    for provider in ("ollama", "openai"):  # of Ollama's requests some are streams
        for one in await there.aggregates(replace(asked, provider=provider), by=(Dimension.STATUS,)):
            assert one.generation == (0, 0, 0)


async def test_an_answer_is_remembered(since: int, there: PrometheusStore, monkeypatch: pytest.MonkeyPatch) -> None:
    which = RequestFilter(since_ns=since, until_ns=since + 20 * 60 * MINUTE)
    asked: list[str] = []
    monkeypatch.setattr(there._prometheus, "get", lambda path, *_: asked.append(path) or {"data": {"result": []}})
    assert await there.aggregates(which, step_ns=7 * MINUTE) == []
    first = len(asked)
    assert first
    assert await there.aggregates(which, step_ns=7 * MINUTE) == []
    assert len(asked) == first
    await there.aggregates(which, step_ns=8 * MINUTE)
    assert len(asked) > first


async def test_what_is_remembered_is_bounded(since: int, server: PrometheusServer, monkeypatch: pytest.MonkeyPatch) -> None:
    async def ask(store: PrometheusStore, minutes: int) -> int:
        found = await store.aggregates(RequestFilter(since_ns=since, until_ns=since + minutes * MINUTE))
        return sum(len(one.duration.buckets) + len(one.first_chunk.buckets) for one in found)

    with contextlib.closing(PrometheusStore(server.url, days=3)) as store:
        sizes = [await ask(store, minutes) for minutes in (600, 601, 602)]
        assert len(store._recent) == 3
    monkeypatch.setattr(prometheus_store, "REMEMBERED", sizes[1] + sizes[2])
    with contextlib.closing(PrometheusStore(server.url, days=3)) as store:
        assert [await ask(store, minutes) for minutes in (600, 601, 602)] == sizes
        assert len(store._recent) == 2


async def test_no_further_back_than_it_is_told(past: Past, server: PrometheusServer) -> None:
    def within_half_a_day() -> int:
        begin = minutes_ago(12 * 60 - 1)
        return sum(past.begin_ns + one.minute * MINUTE >= begin for one in past.requests)

    before = within_half_a_day()
    with contextlib.closing(PrometheusStore(server.url, days=0.5)) as store:
        [found] = await store.aggregates(RequestFilter())
    assert before >= found.requests >= within_half_a_day() > 0  # a minute may have passed
