"""Looking at what changes, again and again: nothing is missed, what comes at once is one look, and whoever leaves is told no more."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from support.patience import WAIT_S

from venom_otel.services.changes import Changes, Listeners, Queued

if TYPE_CHECKING:
    from collections.abc import Callable


class Reporting:
    """Reports to whoever has subscribed."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[int], None]] = []

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        self.listeners.append(listener)
        return lambda: self.listeners.remove(listener)

    def report(self, number: int) -> None:
        for listener in self.listeners:
            listener(number)


@pytest.fixture(params=[Changes, Queued])
def kind(request):
    return request.param


@pytest.fixture
def reporting():
    return Reporting()


@pytest.fixture
def listener(kind, reporting):
    return kind(reporting.subscribe)


@pytest.fixture
async def clock(monkeypatch):
    """The event loop's, which stands still until a test moves it: what a slow machine does to seconds is no matter."""

    class Clock:
        now = asyncio.get_running_loop().time()

    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: Clock.now)
    return Clock


async def due(listener, pause_s=0.0, idle_s=None):
    async with asyncio.timeout(WAIT_S):
        return await listener.look_due(pause_s, idle_s)


async def is_waiting(task):
    """Whether it goes on waiting when everybody else has had their turn."""
    for _ in range(10):
        await asyncio.sleep(0)
    return not task.done()


async def test_the_first_look_is_due_at_once(listener, reporting):
    with listener:
        reporting.report(1)
        assert await due(listener, pause_s=WAIT_S)


async def test_what_comes_during_a_look_leads_to_another_at_once(listener, reporting):
    with listener:
        assert await due(listener)
        await asyncio.to_thread(reporting.report, 1)  # while the look is under way, from where it happens
        assert await due(listener)


async def test_what_comes_between_the_look_and_the_wait_is_not_lost(listener, reporting):
    with listener:
        assert await due(listener)
        reporting.report(1)  # not in the listener's hands yet when it begins to wait
        assert await due(listener)


async def test_what_comes_within_the_pause_is_one_look(listener, reporting, clock):
    with listener:
        assert await due(listener)
        waiting = asyncio.create_task(due(listener, pause_s=0.1))
        for number in (1, 2, 3):
            reporting.report(number)
            assert await is_waiting(waiting)
        clock.now += 0.09
        assert await is_waiting(waiting)
        clock.now += 0.02
        assert await waiting
        waiting = asyncio.create_task(due(listener))
        assert await is_waiting(waiting)
        reporting.report(4)
        assert await waiting


async def test_what_a_look_has_seen_is_not_waiting_for_the_iteration(reporting):
    with Queued(reporting.subscribe) as queued:
        reporting.report(1)
        await asyncio.sleep(0)
        assert await due(queued)
        reporting.report(2)
        assert await asyncio.wait_for(anext(queued), WAIT_S) == 2


async def test_what_is_newest_is_known(reporting):
    with Changes(reporting.subscribe) as changes:
        assert await due(changes)
        assert changes.newest == 0
        for number in (3, 2):
            reporting.report(number)
        assert await due(changes)
        assert changes.newest == 3


async def test_a_look_is_due_though_nothing_happens(listener):
    with listener:
        assert await due(listener)
        assert await due(listener, idle_s=0.01)
        waiting = asyncio.create_task(due(listener))
        assert await is_waiting(waiting)
        listener.end()
        assert not await waiting


@pytest.mark.parametrize("pause_s", [0.0, 0.05], ids=["waiting", "pausing"])
async def test_the_end_ends_the_looks(kind, reporting, pause_s):
    listeners = Listeners()
    with listeners.add(kind(reporting.subscribe)) as listener:
        assert await due(listener)
        waiting = asyncio.create_task(due(listener, pause_s))
        assert await is_waiting(waiting)
        listeners.end()
        assert not await waiting
        reporting.report(1)
        assert not await due(listener, pause_s=WAIT_S)
    with listeners.add(kind(reporting.subscribe)) as later:
        assert await due(later)  # what is asked for at the very end is shown, once
        assert not await due(later)


async def test_whoever_leaves_is_told_no_more(listener, reporting):
    async def look():
        with listener:
            while await listener.look_due(0):
                pass

    looking = asyncio.create_task(look())
    assert await is_waiting(looking)
    assert len(reporting.listeners) == 1
    looking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await looking
    assert reporting.listeners == []
