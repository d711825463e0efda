"""Figures by group and step: equal to what plain computation over every request gives."""

import math
import random
import sqlite3
from collections import defaultdict
from contextlib import closing

import pytest
from support.otlp import SECOND, chat, span, traces
from support.patience import WAIT_S
from support.store_check import check_store

from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.embedded.schema import APPLICATION_ID
from venom_otel.store.embedded.sql import versions
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus, Signal

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
START = 1_790_000_000 * SECOND // DAY * DAY
OFF = 2 ** (1 / 64) - 1
"""How far a quantile may be from its value: 1.1 %."""


def some_requests(dice, number, over_ns):
    """Requests of every sort, spread over some time, not in its order."""
    sent = []
    for _ in range(number):
        outcome = dice.choice(["ok"] * 8 + ["error", "cancelled"])
        more = {"llm.outcome": outcome}
        if outcome == "error":
            more["llm.error.kind"] = dice.choice(["auth", "timeout"])
        if outcome == "ok" and dice.random() < 0.9:
            more |= {"gen_ai.usage.input_tokens": dice.randrange(5_000), "gen_ai.usage.output_tokens": dice.randrange(900)}
        if dice.random() < 0.4:
            more |= {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": dice.lognormvariate(-1, 1)}
        if dice.random() < 0.3:
            more["llm.timing.generation"] = dice.lognormvariate(0, 1)
        if dice.random() < 0.3:
            more |= {"llm.route.attempt": 1, "llm.route.fallback": dice.random() < 0.5}
            if outcome == "error":
                more["llm.route.gave_way"] = dice.random() < 0.5
        if dice.random() < 0.3:
            more["llm.cold_start"] = dice.random() < 0.5
        duration_ns = int(dice.lognormvariate(20.5, 1.2))
        start_ns = START + dice.randrange(over_ns)
        sent.append(chat(dice.choice(["ollama", "vllm"]), dice.choice("abc"), more=more, start_ns=start_ns, duration_ns=duration_ns))
    return sent


def write(store, sent, dice):
    while sent:
        some, sent = sent[:500], sent[500:]
        store.write(Signal.TRACES, traces(*some, service=dice.choice(["app", "batch"]))).result(WAIT_S)


@pytest.fixture(scope="module", params=["in any order", "as they come"])
def filled(request, tmp_path_factory):
    """A store with 6,000 requests over three days, which come long after they began or soon after, and through restarts."""
    path = tmp_path_factory.mktemp("aggregates") / "telemetry.db"
    dice = random.Random(4)
    sent = some_requests(dice, 6_000, 3 * DAY)
    if request.param == "as they come":
        sent.sort(key=lambda one: one.start_time_unix_nano + dice.randrange(40 * MINUTE))
    for first in range(0, len(sent), 1_500):
        with EmbeddedStore(path, min_free_bytes=0) as store:
            for start in range(first, first + 1_500, 60):
                write(store, sent[start : start + 60], dice)
        check_store(path)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        yield store
        check_store(path)


def expected(rows, by, step_ns, start_ns):
    groups = defaultdict(list)
    for row in rows:
        step = start_ns if step_ns is None else row.start_ns // step_ns * step_ns
        values = (getattr(row, dimension) for dimension in by)
        groups[step, tuple(str(value).lower() if isinstance(value, bool) else value for value in values)].append(row)
    return groups


def nearest_rank(values, q):
    return sorted(values)[max(math.ceil(q * len(values)), 1) - 1]


def assert_distribution(distribution, values):
    assert (distribution.count, distribution.sum_ns) == (len(values), sum(values))
    for q in (0, 0.25, 0.5, 0.95, 0.99, 1) if values else ():
        assert distribution.quantile(q) == pytest.approx(nearest_rank(values, q), rel=OFF)
    assert (distribution.quantile(0.5) is None) == (not values)


WINDOWS = [
    (None, None),
    (START + 5 * HOUR, START + 5 * HOUR + 20 * MINUTE),
    (START + 5 * HOUR + 17 * MINUTE, START + 29 * HOUR + 16 * MINUTE),
    (START + 59 * MINUTE, START + 2 * HOUR),
    (START, START + 3 * DAY),
    (START + HOUR, None),
    (None, START + 30 * HOUR - 1),
    (START - DAY, START - 1),
]
GROUPS = [
    (),
    (Dimension.PROVIDER,),
    (Dimension.MODEL, Dimension.STATUS),
    (Dimension.ERROR_KIND, Dimension.SERVICE),
    (Dimension.FALLBACK, Dimension.COLD_START),
    (Dimension.GAVE_WAY,),
    (Dimension.RESPONSE_MODEL,),
    tuple(Dimension),
]
FILTERS = [
    {},
    {"provider": "vllm"},
    {"model": "b", "service": "app"},
    {"status": RequestStatus.FAILED, "error_kind": "auth"},
    {"endpoint": "http://ollama:1/v1", "status": RequestStatus.CANCELLED},
    {"model": "nobody's"},
    {"fallback": True},
    {"fallback": False, "provider": "vllm", "status": (RequestStatus.COMPLETED, RequestStatus.FAILED)},
]


@pytest.mark.parametrize("window", WINDOWS, ids=str)
@pytest.mark.parametrize("step_ns", [None, MINUTE, 7 * MINUTE, HOUR, 6 * HOUR], ids=str)
async def test_every_window_and_step(filled, window, step_ns):
    since_ns, until_ns = window
    if (until_ns or START + 3 * DAY) - (since_ns or START) > DAY:  # whole hours
        asked_since = None if since_ns is None else since_ns // HOUR * HOUR
        asked_until = None if until_ns is None else -(-(until_ns + 1) // HOUR) * HOUR - 1
    else:
        asked_since, asked_until = since_ns, None if until_ns is None else (until_ns // MINUTE + 1) * MINUTE - 1
    rows = await filled.requests(RequestFilter(since_ns=asked_since, until_ns=asked_until), 10_000)
    found = await filled.aggregates(RequestFilter(since_ns=since_ns, until_ns=until_ns), step_ns=step_ns)
    groups = expected(rows, (), step_ns, found[0].start_ns if found else 0)
    assert [aggregate.start_ns for aggregate in found] == sorted(step for step, _ in groups)
    assert sum(aggregate.requests for aggregate in found) == len(rows)
    for aggregate in found:
        values = groups[aggregate.start_ns, ()]
        assert_distribution(aggregate.duration, [row.duration_ns for row in values])


@pytest.mark.parametrize("by", GROUPS, ids=lambda by: "+".join(by) or "all")
@pytest.mark.parametrize("which", FILTERS, ids=str)
async def test_every_filter_and_grouping(filled, which, by):
    rows = await filled.requests(RequestFilter(**which), 10_000)
    found = await filled.aggregates(RequestFilter(**which), by=by, step_ns=DAY)
    groups = expected(rows, by, DAY, 0)
    assert len(found) == len(groups)
    for aggregate in found:
        assert list(aggregate.group) == list(by)
        values = groups[aggregate.start_ns, tuple(aggregate.group.values())]
        assert aggregate.requests == len(values)
        assert aggregate.input_tokens == sum(row.input_tokens or 0 for row in values)
        assert aggregate.output_tokens == sum(row.output_tokens or 0 for row in values)
        assert_distribution(aggregate.duration, [row.duration_ns for row in values])
        assert_distribution(aggregate.first_chunk, [row.first_chunk_ns for row in values if row.first_chunk_ns is not None])
        speeds = [row.speed for row in values]
        assert aggregate.generation.requests == sum(map(bool, speeds))
        # The time that each answer took to be written follows from its speed; their sums make the group's.
        tokens = [row.output_tokens - 1 for row, speed in zip(values, speeds, strict=True) if speed]
        seconds = sum(count / speed for count, speed in zip(tokens, filter(None, speeds), strict=True))
        assert aggregate.generation.speed == (pytest.approx(sum(tokens) / seconds) if tokens else None)


async def test_an_empty_store_has_no_aggregates(store):
    assert await store.aggregates(RequestFilter(), by=tuple(Dimension), step_ns=HOUR) == []


@pytest.mark.parametrize("step_ns", [0, -MINUTE, MINUTE + 1, 1])
async def test_a_step_is_whole_minutes(store, step_ns):
    with pytest.raises(ValueError, match="whole minutes"):
        await store.aggregates(RequestFilter(), step_ns=step_ns)


async def test_a_request_counts_once_however_often_it_is_sent(store, path):
    one, other = chat(start_ns=START), chat(start_ns=START)
    for sent in ([one], [one, other], [other, one, other], [one, span()]):
        store.write(Signal.TRACES, traces(*sent)).result(WAIT_S)
    (found,) = await store.aggregates(RequestFilter())
    assert (found.requests, found.duration.count) == (2, 2)
    check_store(path)


def test_what_has_come_to_its_end_is_summed_up(store, path):
    def summed_up():
        with closing(sqlite3.connect(path)) as connection:
            rows = connection.execute("SELECT width, start * 60, requests FROM rollups WHERE together ORDER BY 1, 2").fetchall()
        return [(width, start - START // SECOND, requests) for width, start, requests in rows if width > 1]

    def request_at(after_ns):
        store.write(Signal.TRACES, traces(chat(start_ns=START + after_ns))).result(WAIT_S)

    request_at(MINUTE)
    assert summed_up() == []
    request_at(20 * MINUTE)
    assert summed_up() == [(15, 0, 1)]
    request_at(61 * MINUTE)
    assert summed_up() == [(15, 0, 1), (15, 900, 1), (60, 0, 2)]
    request_at(2 * MINUTE)
    assert summed_up() == [(15, 0, 2), (15, 900, 1), (60, 0, 3)]
    request_at(DAY)
    assert summed_up() == [(15, 0, 2), (15, 900, 1), (15, 3600, 1), (60, 0, 3), (60, 3600, 1), (1440, 0, 4)]
    check_store(path)


async def test_late_requests_count_in_the_minute_and_the_hour_they_started_in(store, path):
    for start_ns in (START + 40 * DAY, START, START + 59 * MINUTE, START + 40 * DAY, START):
        store.write(Signal.TRACES, traces(chat(start_ns=start_ns), chat(start_ns=start_ns))).result(WAIT_S)
    by_minute = await store.aggregates(RequestFilter(until_ns=START + HOUR), step_ns=MINUTE)
    assert [(found.start_ns, found.requests) for found in by_minute] == [(START, 4), (START + 59 * MINUTE, 2)]
    by_hour = await store.aggregates(RequestFilter(), step_ns=HOUR)
    assert [(found.start_ns, found.requests) for found in by_hour] == [(START, 6), (START + 40 * DAY, 4)]
    check_store(path)


async def test_absurd_values_are_counted_without_harm(store, path):
    most = {"gen_ai.usage.input_tokens": 2**63 - 1, "gen_ai.response.time_to_first_chunk": 1e300}
    odd = [chat(more=most, start_ns=start, duration_ns=0) for start in (0, 0, 2**64 - 1)]
    odd[1].end_time_unix_nano = 2**64 - 1
    store.write(Signal.TRACES, traces(*odd)).result(WAIT_S)
    store.write(Signal.TRACES, traces(chat(more=most, start_ns=0, duration_ns=2**63 - 1))).result(WAIT_S)
    found = await store.aggregates(RequestFilter(), step_ns=HOUR)
    assert [aggregate.requests for aggregate in found] == [3, 1]
    assert found[0].input_tokens == 2**63 - 1
    assert found[0].duration.quantile(1) == pytest.approx(2**63, rel=OFF)
    check_store(path)


async def test_figures_go_on_after_a_restart(path):
    for _ in range(3):
        with EmbeddedStore(path, min_free_bytes=0) as store:
            store.write(Signal.TRACES, traces(chat(start_ns=START), chat(start_ns=START))).result(WAIT_S)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        (found,) = await store.aggregates(RequestFilter())
    assert (found.requests, found.duration.count) == (6, 6)
    check_store(path)


async def test_a_group_that_could_not_be_stored_is_not_counted(store, path):
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("CREATE TRIGGER refuse BEFORE INSERT ON requests WHEN NEW.input_tokens = 13 BEGIN SELECT raise(ABORT, 'no'); END")
    sent = [traces(chat(start_ns=START, more={"gen_ai.usage.input_tokens": number})) for number in range(10, 20)]
    writes = [store.write(Signal.TRACES, one) for one in sent]
    assert sum(written.exception(WAIT_S) is None for written in writes) == 9
    (found,) = await store.aggregates(RequestFilter())
    assert (found.requests, found.input_tokens) == (9, sum(range(10, 20)) - 13)
    check_store(path)


async def test_a_store_from_before_roll_ups_has_them_after_its_upgrade(path):
    """The rows of the first layout, as it wrote them."""
    path.parent.mkdir(parents=True)
    dice = random.Random(5)
    with closing(sqlite3.connect(path, isolation_level=None)) as old:
        old.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        old.executescript(f"BEGIN; {versions()[0].ddl} PRAGMA user_version = 1; COMMIT")
        old.execute("INSERT INTO series VALUES(1, 'app', 'vllm', 'm', '', 'http://v', 1), (2, 'app', 'ollama', 'm', '', 'http://o', 0)")
        old.execute("INSERT INTO endings VALUES(1, 'COMPLETED', ''), (2, 'FAILED', 'auth')")
        rows = [
            (number, START + dice.randrange(5 * HOUR), dice.randrange(1, 10**10), dice.choice([1, 2]), dice.choice([1, 2]),
             dice.choice([None, 10**9]), dice.choice([None, 7]), 2**62, None, None, number.to_bytes(16, "big"), number.to_bytes(8, "big"))
            for number in range(1, 2_001)
        ]  # fmt: skip
        old.executemany("INSERT INTO requests VALUES(?,?,?,?,?,?,?,?,?,?,?,?)", rows)
        old.execute("UPDATE counters SET value = 2001 WHERE name = 'request'")
    with EmbeddedStore(path, min_free_bytes=0) as store:
        found = await store.aggregates(RequestFilter(), by=[Dimension.PROVIDER, Dimension.STATUS], step_ns=HOUR)
        assert sum(aggregate.requests for aggregate in found) == 2_000
        groups = expected(await store.requests(RequestFilter(), 3_000), [Dimension.PROVIDER, Dimension.STATUS], HOUR, 0)
        for aggregate in found:
            values = groups[aggregate.start_ns, tuple(aggregate.group.values())]
            assert_distribution(aggregate.duration, [row.duration_ns for row in values])
            assert_distribution(aggregate.first_chunk, [10**9 for row in values if row.first_chunk_ns])
            assert aggregate.input_tokens == sum(row.input_tokens or 0 for row in values)
            assert aggregate.output_tokens == min(len(values) * 2**62, 2**63 - 1)
