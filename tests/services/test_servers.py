"""Changes of the model servers, as they are told to those who listen."""

import asyncio
import contextlib

import pytest
from support.acting import acting
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime, wait_for

from venom_otel.runtimes.model import Reading, Reason, State
from venom_otel.state.model import Kind, Wanted


@pytest.fixture
def over(tmp_path):
    """The servers over a monitor."""
    with contextlib.ExitStack() as stack:
        yield lambda monitor: stack.enter_context(acting(tmp_path, monitor)).servers


STOPPED = Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")


async def test_each_change_once_and_in_order(over):
    played = Servers(runtime())
    monitor = played.monitor()
    servers = over(monitor)
    with servers.changes() as changes, monitor:
        async with asyncio.timeout(WAIT_S):
            seen = [await anext(changes)]
            played.readings["vllm"] = STOPPED
            seen.append(await anext(changes))
            del played.readings["vllm"]
            seen.append(await anext(changes))
    assert [(look.before and look.before.state, look.server.condition.state) for look in seen] == [
        (None, State.READY),
        (State.READY, State.STOPPED),
        (State.STOPPED, State.READY),
    ]


async def test_changes_that_come_while_nobody_asks_are_not_lost(over):
    played = Servers(runtime())
    monitor = played.monitor()
    servers = over(monitor)
    with servers.changes() as changes, monitor:
        for reading in (STOPPED, None, STOPPED):
            await asyncio.to_thread(wait_for, lambda: monitor.servers())
            before = monitor.servers()[0].condition.state
            if reading is None:
                del played.readings["vllm"]
            else:
                played.readings["vllm"] = reading
            await asyncio.to_thread(wait_for, lambda state=before: monitor.servers()[0].condition.state is not state)
        async with asyncio.timeout(WAIT_S):
            states = [(await anext(changes)).server.condition.state for _ in range(4)]
    assert states == [State.READY, State.STOPPED, State.READY, State.STOPPED]


async def test_nobody_waits_once_the_program_ends(over):
    with Servers(runtime()).monitor(interval_s=3600) as monitor:
        servers = over(monitor)
        with servers.changes() as changes:
            asyncio.get_running_loop().call_later(0.05, servers.end_waiting)
            async with asyncio.timeout(WAIT_S):
                assert len([look async for look in changes]) <= 1
        with servers.changes() as later:
            assert [look async for look in later] == []


async def test_one_that_was_stopped_and_is_seen_online_is_meant_to_answer(tmp_path):
    """Whoever started it: told of by each look, not only by those that were asked for."""
    played = Servers(runtime())
    played.readings["vllm"] = STOPPED

    async def at_once(say):
        pass

    monitor = played.monitor()
    with acting(tmp_path, monitor) as parts:
        stop = parts.operations.begin(Wanted(Kind.STOP, "vllm", "vllm", None, "token"), at_once)
        assert [event.finished async for event in parts.operations.follow(stop.id)] == [True]
        with monitor:
            await asyncio.to_thread(played.wait_for, lambda: len(played.heard) > 1)
            assert parts.operations.stopped("vllm")
            del played.readings["vllm"]
            await asyncio.to_thread(wait_for, lambda: not parts.operations.stopped("vllm"))


async def test_one_by_its_name(over):
    with Servers(runtime()).monitor() as monitor:
        servers = over(monitor)
        found = await servers.one("vllm")
        assert found is not None
        assert found.runtime == runtime()
        assert await servers.one("other") is None


async def test_a_closed_monitor_tells_what_it_knew(over):
    with Servers(runtime()).monitor() as monitor:
        servers = over(monitor)
        known = await servers.all()
    assert [server.runtime for server in await servers.all(0)] == [server.runtime for server in known]
