"""What several ask at once is asked for once; who leaves takes the answer from nobody; errors are everybody's and are not kept."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest
from support.replay import ANYTHING_ELSE, Page, ReplayServer

from venom_otel.errors import StoreError
from venom_otel.store.prometheus import PrometheusStore
from venom_otel.store.protocol import RequestFilter, Search
from venom_otel.store.recent import Recent
from venom_otel.store.tempo import TempoStore

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from support.replay import Exchange

    Ask = Callable[[str], tuple[PrometheusStore | TempoStore, Callable[[], Awaitable[Any]]]]

AT_ONCE = 5
SOON_S = 30.0
NOTHING = Page(body=b'{"traces": [], "data": {"result": []}}')
REFUSED = Page("503 Service Unavailable", body=b"starting")


class Gate(ReplayServer):
    """Answers all questions alike, and only while it is open."""

    def __init__(self) -> None:
        super().__init__({ANYTHING_ELSE: self._behave})
        self.open = threading.Event()
        self.answer = NOTHING

    async def is_asked(self) -> None:
        """Wait until the first question is there."""
        deadline = time.monotonic() + SOON_S
        while not self.asked and time.monotonic() < deadline:  # noqa: ASYNC110 - asked in another thread
            await asyncio.sleep(0.005)
        assert self.asked

    def _behave(self, exchange: Exchange) -> None:
        while not self.open.wait(0.02):
            if exchange.closing.is_set():
                return
        exchange.send(self.answer.encode().replace(b"\r\n", b"\r\nConnection: close\r\n", 1))


@pytest.fixture
def gate() -> Iterator[Gate]:
    with Gate() as server:
        yield server


def figures(url: str) -> tuple[PrometheusStore, Callable[[], Awaitable[Any]]]:
    store = PrometheusStore(url, days=1)
    # A range that is over: where it ends now, each minute begins another question.
    now = time.time_ns()
    which = RequestFilter(since_ns=now - 7_200 * 10**9, until_ns=now - 3_600 * 10**9)
    return store, lambda: store.aggregates(which)


def a_list(url: str) -> tuple[TempoStore, Callable[[], Awaitable[Any]]]:
    store = TempoStore(url, days=1)
    return store, lambda: store.requests(RequestFilter(provider="vllm"), 10)


def a_search(url: str) -> tuple[TempoStore, Callable[[], Awaitable[Any]]]:
    store = TempoStore(url, days=1)
    return store, lambda: store.search(RequestFilter(), Search("404", {"a.b": "c"}), 10)


def a_trace(url: str) -> tuple[TempoStore, Callable[[], Awaitable[Any]]]:
    store = TempoStore(url, days=1)
    return store, lambda: store.trace("0" * 31 + "1")


every_question = pytest.mark.parametrize("ask", [figures, a_list, a_search, a_trace])


async def asked_by_one(gate: Gate, ask: Ask) -> int:
    """How many requests of HTTP the question takes; then the gate is shut again."""
    store, question = ask(gate.url)
    gate.open.set()
    with contextlib.closing(store):
        await question()
    gate.open.clear()
    asked = len(gate.asked)
    gate.asked.clear()
    assert asked
    return asked


@every_question
async def test_who_asks_at_once_shares_the_answer(gate: Gate, ask: Ask) -> None:
    once = await asked_by_one(gate, ask)
    store, question = ask(gate.url)
    with contextlib.closing(store):
        waiting = [asyncio.ensure_future(question()) for _ in range(AT_ONCE)]
        await gate.is_asked()
        waiting += [asyncio.ensure_future(question()) for _ in range(AT_ONCE)]
        gate.open.set()
        answers = await asyncio.gather(*waiting)
    assert all(answer == answers[0] for answer in answers)
    assert len(gate.asked) == once


@every_question
async def test_who_leaves_takes_the_answer_from_nobody(gate: Gate, ask: Ask) -> None:
    once = await asked_by_one(gate, ask)
    store, question = ask(gate.url)
    with contextlib.closing(store):
        first, second, third = [asyncio.ensure_future(question()) for _ in range(3)]
        await gate.is_asked()
        for leaving in (first, third):
            leaving.cancel()
            with pytest.raises(asyncio.CancelledError):
                await leaving
        gate.open.set()
        await second
    assert len(gate.asked) == once


@every_question
async def test_an_error_is_told_to_all_and_not_kept(gate: Gate, ask: Ask) -> None:
    once = await asked_by_one(gate, ask)
    gate.answer = REFUSED
    store, question = ask(gate.url)
    with contextlib.closing(store):
        waiting = [asyncio.ensure_future(question()) for _ in range(AT_ONCE)]
        await gate.is_asked()
        gate.open.set()
        for said in await asyncio.gather(*waiting, return_exceptions=True):
            assert isinstance(said, StoreError)
            assert "503 Service Unavailable: starting" in str(said)
        gate.answer = NOTHING
        await question()
    assert len(gate.asked) <= 2 * once


# -- without a server --------------------------------------------------------------------------------------------------------------


class Source:
    """What is asked: it counts, and answers once it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.given_up = 0
        self.may_answer = asyncio.Event()

    async def ask(self) -> int:
        self.asked += 1
        answer = self.asked
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.given_up += 1
            raise
        return answer


async def under_way(recent: Recent[str, int], source: Source, number: int) -> list[asyncio.Task[int]]:
    """Tasks that wait for the same answer."""
    tasks = [asyncio.create_task(recent.get("key", source.ask)) for _ in range(number)]
    asked = source.asked
    while source.asked == asked:  # noqa: ASYNC110 - the others have to begin to wait, too
        await asyncio.sleep(0)
    return tasks


async def test_what_nobody_waits_for_any_more_is_given_up() -> None:
    source, recent = Source(), Recent[str, int](fresh_s=60, room=10)
    tasks = await under_way(recent, source, 2)
    for task in tasks:
        assert source.given_up == 0
        task.cancel()
        await asyncio.wait([task])
    [again] = await under_way(recent, source, 1)
    assert (source.asked, source.given_up) == (2, 1)
    source.may_answer.set()
    assert await again == 2
    assert await recent.get("key", source.ask) == 2


async def test_who_asks_as_the_last_one_leaves_is_answered() -> None:
    source, recent = Source(), Recent[str, int](fresh_s=60, room=10)
    [leaving] = await under_way(recent, source, 1)
    leaving.cancel()
    coming = asyncio.create_task(recent.get("key", source.ask))
    await asyncio.wait([leaving])
    source.may_answer.set()
    assert await coming == source.asked


async def test_it_is_remembered_while_it_is_fresh() -> None:
    source = Source()
    source.may_answer.set()
    stale, fresh = Recent[str, int](fresh_s=0, room=10), Recent[str, int](fresh_s=60, room=10)
    assert [await stale.get("a", source.ask) for _ in range(2)] == [1, 2]
    assert [await fresh.get(key, source.ask) for key in ("a", "b", "a", "b")] == [3, 4, 3, 4]


async def test_it_is_bounded_the_newest_staying() -> None:
    async def answer(size: int) -> int:
        return size

    recent = Recent[str, int](fresh_s=60, room=10, size=lambda one: one)
    for key in "abc":
        await recent.get(key, lambda: answer(4))
    assert len(recent) == 2
    assert [await recent.get(key, lambda: answer(1)) for key in "cb"] == [4, 4]
    assert await recent.get("a", lambda: answer(11)) == 11  # too large for any room
    assert len(recent) == 0
