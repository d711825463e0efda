"""The request list: filters, cursors, and pages while new requests arrive."""

import asyncio
import random

import pytest
from support.otlp import SECOND, chat, traces
from support.patience import WAIT_S

from venom_otel.store.protocol import RequestFilter, RequestStatus, Signal

DAY = 86_400 * SECOND
START = 1_790_000_000 * SECOND


@pytest.fixture
async def filled(store):
    """Three hundred requests of every sort, in ten blocks, ten seconds apart."""
    dice = random.Random(1)
    for block in range(10):
        sent = []
        for number in range(30):
            outcome = dice.choice(["ok"] * 8 + ["error", "cancelled"])
            more = {"llm.outcome": outcome, "gen_ai.request.stream": dice.random() < 0.5}
            if outcome == "error":
                more["llm.error.kind"] = dice.choice(["auth", "timeout"])
            provider, model = dice.choice(["ollama", "vllm"]), dice.choice(["a", "b", "c"])
            sent.append(chat(provider, model, more=more, start_ns=START + (block * 30 + number) * 10 * SECOND))
        store.write(Signal.TRACES, traces(*sent, service=dice.choice(["app", "batch"]))).result(WAIT_S)
    return await store.requests(RequestFilter(), 1_000)


FILTERS = [
    {},
    {"provider": "ollama"},
    {"model": "b"},
    {"endpoint": "http://vllm:1/v1"},
    {"service": "batch"},
    {"status": RequestStatus.FAILED},
    {"status": RequestStatus.CANCELLED, "model": "a"},
    {"error_kind": "auth"},
    {"error_kind": "auth", "provider": "vllm", "model": "c", "service": "app"},
    {"provider": "nobody"},
    {"error_kind": "nothing"},
    {"since_ns": START + 1_000 * SECOND},
    {"until_ns": START + 1_000 * SECOND},
    {"since_ns": START + 500 * SECOND, "until_ns": START + 700 * SECOND},
    {"since_ns": START + 500 * SECOND, "until_ns": START + 700 * SECOND, "provider": "ollama"},
    {"since_ns": START - DAY, "until_ns": START - SECOND},
    {"since_ns": START + DAY},
    {"since_ns": -(2**70), "until_ns": 2**70},
]


def matches(which, item):
    return (
        all(getattr(item, name) == wanted for name, wanted in which.items() if not name.endswith("_ns"))
        and item.start_ns >= which.get("since_ns", item.start_ns)
        and item.start_ns <= which.get("until_ns", item.start_ns)
    )


@pytest.mark.parametrize("which", FILTERS, ids=str)
@pytest.mark.parametrize("limit", [7, 1_000])
async def test_pages_of_every_filter_in_both_directions_give_each_match_once(store, filled, which, limit):
    expected = [item for item in filled if matches(which, item)]
    assert len(filled) == 300
    backwards, before = [], None
    while page := await store.requests(RequestFilter(**which, before=before), limit):
        backwards += page
        before = page[-1].sequence
    assert backwards == expected
    forwards, after = [], 0
    while page := await store.requests(RequestFilter(**which, after=after), limit):
        forwards += page
        after = page[-1].sequence
    assert forwards == expected[::-1]


async def test_both_cursors_hold_together(store, filled):
    found = await store.requests(RequestFilter(after=100, before=110), 50)
    assert [item.sequence for item in found] == list(range(101, 110))
    assert [item.sequence for item in await store.requests(RequestFilter(after=-(2**70), before=2**70), 2)] == [1, 2]


async def test_late_and_wrongly_timed_requests_are_found_by_their_time(store, filled):
    late = chat(start_ns=START + 5 * SECOND)
    store.write(Signal.TRACES, traces(late, chat(start_ns=0))).result(WAIT_S)
    found = await store.requests(RequestFilter(since_ns=START + SECOND, until_ns=START + 9 * SECOND), 10)
    assert [item.span_id for item in found] == [late.span_id.hex()]
    assert [item.start_ns for item in await store.requests(RequestFilter(until_ns=SECOND), 10)] == [0]


async def test_pages_have_no_gaps_and_no_doubles_while_requests_arrive(store, filled):
    written = 0
    old = [item.sequence for item in filled if item.provider == "ollama"]

    async def write():
        nonlocal written
        while not following.done():
            await asyncio.wrap_future(store.write(Signal.TRACES, traces(*(chat() for _ in range(20)))))
            written += 20

    async def follow():
        seen, after = [], 300
        while len(seen) < 400:
            page = await store.requests(RequestFilter(after=after), 33)
            seen += [item.sequence for item in page]
            after = seen[-1] if seen else after
        return seen

    async def page_back():
        """Once and again, as long as requests arrive."""
        while not following.done():
            seen, before = [], None
            while page := await store.requests(RequestFilter(before=before, provider="ollama"), 10):
                seen += [item.sequence for item in page]
                before = seen[-1]
            assert seen == sorted(set(seen), reverse=True)
            assert seen[-len(old) :] == old

    following = asyncio.create_task(follow())
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(write(), page_back(), page_back())
    followed = await following
    assert followed == list(range(301, 301 + len(followed)))
    assert len(await store.requests(RequestFilter(), 100_000)) == 300 + written
