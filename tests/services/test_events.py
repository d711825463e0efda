"""One stream of all that happens, over a real store."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools

import pytest
from support import otlp
from support.acting import acting
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime

from venom_otel.runtimes import model as runtimes
from venom_otel.runtimes.model import Reading, Reason
from venom_otel.services import events as module
from venom_otel.services.alerts.keeping import StateKeeper
from venom_otel.services.alerts.watch import Alerts
from venom_otel.services.events import Answering, EventKind, Events, Missed, ModelChange
from venom_otel.services.history import History
from venom_otel.store.protocol import Signal


def send(store, *spans):
    store.write(Signal.TRACES, otlp.traces(*spans)).result(WAIT_S)


@contextlib.asynccontextmanager
async def watched(events):
    task = asyncio.create_task(events.watch())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def take(follower, number):
    async with asyncio.timeout(WAIT_S):
        return [await anext(follower) for _ in range(number)]


def said(events):
    return [(event.kind, event.item.model if event.kind is EventKind.REQUEST else event.item) for event in events]


async def begun(events, store):
    """Until requests are followed: what is sent from then on is told. The last that answered is then `first`."""
    follower = events.follow()
    for number in itertools.count():
        send(store, otlp.chat(model=f"probe {number}"))
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.5):
                await anext(follower)
                break
    send(store, otlp.chat(model="first"))
    async with asyncio.timeout(WAIT_S):
        async for event in follower:
            if event.kind is EventKind.ACTIVE_MODEL and event.item.now.model == "first":
                return


async def test_requests_and_who_answers(store, history):
    send(store, otlp.chat("ollama", "a"))
    events = Events(history)
    async with watched(events):
        await begun(events, store)
        follower = events.follow()
        failed = {"more": {"llm.outcome": "error"}, "status": 2}
        send(store, otlp.chat("ollama", "first"), otlp.chat("vllm", "b", **failed), otlp.chat("openai", "c"), otlp.chat("openai", "c"))
        told = await take(follower, 5)
    assert [event.kind for event in told] == [*[EventKind.REQUEST] * 3, EventKind.ACTIVE_MODEL, EventKind.REQUEST]
    assert [event.item.model for event in told if event.kind is EventKind.REQUEST] == ["first", "b", "c", "c"]
    change = told[3].item
    assert isinstance(change, ModelChange)
    assert change.before == Answering("ollama", "first", "http://ollama:1/v1")
    assert change.now == Answering("openai", "c", "http://openai:1/v1")
    assert change.request == told[2].item


async def test_who_comes_back_is_told_what_came_since(store, history):
    events = Events(history)
    async with watched(events):
        await begun(events, store)
        first = events.follow()
        send(store, *(otlp.chat(model="first") for _ in range(5)))
        told = await take(first, 5)
        behind = events.follow(told[1].id)
        assert [event.id for event in await take(behind, 3)] == [event.id for event in told[2:]]
        at_the_end = events.follow(told[-1].id)
        send(store, otlp.chat(model="first"))
        assert (await take(at_the_end, 1))[0].id == (await take(behind, 1))[0].id
        for unknown in ("", "nonsense", "0000-3", told[0].id.rpartition("-")[0] + "-999999"):
            (reset,) = await take(events.follow(unknown), 1)
            assert reset.kind is EventKind.RESET


async def test_whoever_is_slow_is_told_to_read_anew_and_costs_no_memory(store, history, monkeypatch):
    monkeypatch.setattr(module, "ROOM", 10)
    events = Events(history)
    async with watched(events):
        await begun(events, store)
        slow, quick = events.follow(), events.follow()
        send(store, *(otlp.chat(model="first") for _ in range(25)))
        seen = await take(quick, 1)
        while seen[-1].kind is EventKind.REQUEST and len(seen) < 25:
            seen += await take(quick, 1)
        after = await take(slow, 1)
        assert after[0].kind is EventKind.RESET
        send(store, otlp.chat(model="last"))
        while after[-1].kind is not EventKind.REQUEST or after[-1].item.model != "last":
            after += await take(slow, 1)
        assert len(after) < 25


async def test_a_flood_is_told_as_such(store, history, monkeypatch):
    monkeypatch.setattr(module, "MAX_LIMIT", 5)
    events = Events(history)
    async with watched(events):
        await begun(events, store)
        follower = events.follow()
        send(store, *(otlp.chat(model="first") for _ in range(20)), otlp.chat("vllm", "other"))
        told = await take(follower, 7)
        newest = (await history.requests(limit=1)).newer
    assert [event.kind for event in told] == [*[EventKind.REQUEST] * 5, EventKind.REQUESTS_MISSED, EventKind.ACTIVE_MODEL]
    assert told[5].item == Missed(newest)
    assert told[6].item.now.provider == "vllm", "who answers is known all the same"


class Counting(History):
    """Counts what is read."""

    reads = 0

    async def requests(self, *arguments, **more):
        self.reads += 1
        return await super().requests(*arguments, **more)


async def test_nothing_is_read_while_nobody_follows(store, monkeypatch):
    monkeypatch.setattr(module, "GONE_S", 0.0)
    history = Counting(store)
    events = Events(history)
    async with watched(events):
        with history.changes() as changes:
            for number in range(3):
                send(store, otlp.chat(model=f"unheard {number}"))
                await anext(changes)
        assert history.reads == 0
        follower = events.follow()
        send(store, otlp.chat(model="heard"))
        told = await take(follower, 1)
        while told[-1].kind is not EventKind.ACTIVE_MODEL or told[-1].item.now.model != "heard":
            told += await take(follower, 1)
        assert "unheard 0" not in {event.item.model for event in told if event.kind is EventKind.REQUEST}
        last = told[-1].id
        assert history.reads > 0
        del follower
        gc.collect()
        send(store, otlp.chat(model="missed"))
        await idle(events, store, history)
        (reset,) = await take(events.follow(last), 1)
        assert reset.kind is EventKind.RESET


async def idle(events, store, history):
    """Until nothing is read any more when something arrives."""
    async with asyncio.timeout(WAIT_S):
        while True:
            reads = history.reads
            send(store, otlp.chat(model="missed"))
            await asyncio.sleep(2 * module.PAUSE_S)
            if history.reads == reads:
                break
    follower = events.follow()
    send(store, otlp.chat(model="missed"))
    await take(follower, 1)


async def test_servers_and_alerts(store, history, tmp_path):
    played = Servers(runtime())
    with played.monitor() as monitor, acting(tmp_path, monitor) as parts:
        servers = parts.servers
        alerts = Alerts(history, servers, StateKeeper(parts.state))
        events = Events(history, servers, alerts)
        follower = events.follow()
        async with watched(events), watched(alerts):
            played.wait_for(lambda: played.heard)
            played.readings["vllm"] = Reading(runtimes.State.STOPPED, Reason.REFUSED, "nobody listens there")
            states, alert = [], None
            while alert is None or runtimes.State.STOPPED not in states:
                (event,) = await take(follower, 1)
                if event.kind is EventKind.SERVER:
                    states.append(event.item.server.condition.state)
                else:
                    assert event.kind is EventKind.ALERT
                    alert = event.item
    assert alert.newest.words == "nobody listens there"


@pytest.mark.parametrize("before", [True, False])
async def test_nobody_waits_once_the_program_ends(history, before):
    events = Events(history)
    follower = events.follow() if before else None
    events.end_waiting()
    follower = follower or events.follow()
    assert [event async for event in follower] == []
