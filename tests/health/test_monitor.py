"""The monitor's own thread: when it looks, what it remembers, whom it tells, how it ends."""

import asyncio
import threading
import time

import pytest
from support.patience import WAIT_S
from support.scripted_health import READY, Servers, runtime, wait_for

from venom_otel.errors import SettingsError
from venom_otel.health import Monitor
from venom_otel.runtimes.model import Reading, Reason, State

STOPPED = Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")
SILENCE = Reading(State.UNREACHABLE, Reason.TIMEOUT, "no answer in time")
OTHER = runtime("ollama", "http://127.0.0.1:11434", "ollama")


def test_what_is_known_of_a_server():
    servers = Servers(runtime())
    with servers.monitor() as monitor:
        begin = time.time_ns()
        monitor.look().result(WAIT_S)
        (server,) = monitor.servers()
    assert (server.runtime, server.reading, server.condition.state) == (runtime(), READY, State.READY)
    assert begin - 10**9 < server.condition.since_ns <= server.checked_ns <= time.time_ns()
    assert 0 <= server.probe_s < WAIT_S


def test_it_looks_again_and_again_and_tells_of_each_change_once():
    servers = Servers(runtime())
    with servers.monitor():
        servers.wait_for(lambda: len(servers.heard) >= 3)
        servers.readings["vllm"] = STOPPED
        servers.wait_for(lambda: len([look for look in servers.heard if look.server.reading is STOPPED]) >= 3)
        servers.readings["vllm"] = READY
        servers.wait_for(lambda: len([look for look in servers.heard if look.changed]) == 3)
    changes = [(look.before and look.before.state, look.server.condition.state) for look in servers.heard if look.changed]
    assert changes == [(None, State.READY), (State.READY, State.STOPPED), (State.STOPPED, State.READY)]


def test_a_server_that_hangs_delays_no_other():
    servers = Servers(runtime(), OTHER)
    servers.hanging = {"vllm"}
    with servers.monitor() as monitor:
        servers.wait_for(lambda: servers.looks["ollama"] >= 20)
        assert [server.runtime.name for server in monitor.servers()] == ["ollama"]
    assert servers.looks["vllm"] == 1


def test_never_two_looks_at_one_server_at_a_time():
    servers = Servers(runtime())
    with servers.monitor(interval_s=0.001) as monitor:
        for _ in range(50):
            asking = [monitor.look(0) for _ in range(20)]
            for each in asking:
                each.result(WAIT_S)
    assert servers.most_at_once == 1


async def test_all_who_ask_during_a_look_share_it():
    looks, go = [], asyncio.Event()

    async def find():
        return [runtime()]

    async def read(found):
        looks.append(found)
        await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(go.wait(), here))
        return READY

    here = asyncio.get_running_loop()
    with Monitor(find, interval_s=3600, read=read, least_interval_s=lambda _: 0) as monitor:
        asking = [asyncio.wrap_future(monitor.look(0)) for _ in range(20)]
        async with asyncio.timeout(WAIT_S):
            while not looks:  # noqa: ASYNC110 - another thread fills it
                await asyncio.sleep(0.001)
            asking += [asyncio.wrap_future(monitor.look(0)) for _ in range(20)]
            # Whoever asked has been heard, for the loop of the monitor takes one after the other.
            await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(asyncio.sleep(0), monitor._loop))
            go.set()
            await asyncio.gather(*asking)
    assert len(looks) == 1


def test_who_asks_before_the_first_look_waits_for_it():
    servers = Servers(runtime(), OTHER)
    with servers.monitor(interval_s=3600) as monitor:
        monitor.look().result(WAIT_S)
        assert [server.runtime.name for server in monitor.servers()] == ["vllm", "ollama"]
        monitor.look().result(WAIT_S)
        assert servers.looks == {"vllm": 1, "ollama": 1}


def test_who_wants_fresh_news_gets_them():
    servers = Servers(runtime())
    with servers.monitor(interval_s=3600) as monitor:
        monitor.look().result(WAIT_S)
        servers.readings["vllm"] = STOPPED
        monitor.look(60).result(WAIT_S)
        assert monitor.servers()[0].condition.state is State.READY
        monitor.look(0).result(WAIT_S)
        assert monitor.servers()[0].condition.state is State.STOPPED


def test_but_not_more_often_than_the_server_likes():
    servers = Servers(runtime())
    with servers.monitor(interval_s=0.001, least_interval_s=lambda _: 3600) as monitor:
        for _ in range(10):
            monitor.look(0).result(WAIT_S)
    assert servers.looks == {"vllm": 1}


def test_a_doubt_is_settled_soon():
    servers = Servers(runtime())
    with servers.monitor(interval_s=3600) as monitor:
        monitor.look().result(WAIT_S)
        servers.readings["vllm"] = SILENCE
        monitor.look(0).result(WAIT_S)
        servers.wait_for(lambda: len(servers.heard) == 3)
    assert [look.server.condition.state for look in servers.heard] == [State.READY, State.DEGRADED, State.UNREACHABLE]


def test_servers_that_come_later_and_those_that_say_at_last_who_they_are(monkeypatch):
    monkeypatch.setattr("venom_otel.health.monitor.FIND_S", 0.01)
    unknown = runtime("local", "http://127.0.0.1:9000/v1", "unknown")
    known = runtime("llamacpp", "http://127.0.0.1:9000/v1", "llamacpp")
    servers = Servers(unknown)
    with servers.monitor() as monitor:

        def names():
            return [server.runtime.name for server in monitor.servers()]

        servers.wait_for(lambda: names() == ["local"])
        servers.found = [known, OTHER]
        servers.wait_for(lambda: names() == ["llamacpp", "ollama"])
        looked = servers.looks["local"]
        servers.found = [unknown]  # it is down, and no longer says who it is; the other is gone
        looks = servers.looks["llamacpp"]
        servers.wait_for(lambda: servers.looks["llamacpp"] > looks + 5)
        assert names() == ["llamacpp", "ollama"]
        assert servers.looks["local"] == looked
        servers.found = [runtime("ollama", "http://127.0.0.1:11435", "ollama")]  # the same name, at another place
        servers.wait_for(lambda: [server.runtime.endpoint.port for server in monitor.servers()] == [9000, 11435])


def test_a_listener_that_fails_or_has_left_harms_nobody(monkeypatch):
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    servers = Servers(runtime())
    monitor = servers.monitor()
    left = []
    leave = monitor.subscribe(left.append)
    leave()
    leave()

    def fail(_):
        raise ZeroDivisionError

    monitor.subscribe(fail)
    with monitor:
        servers.wait_for(lambda: len(servers.heard) >= 3)
    assert left == []
    assert failures[0].exc_type is ZeroDivisionError


def test_a_mistake_of_ours_is_reported_and_ends_nothing(monkeypatch):
    monkeypatch.setattr("venom_otel.health.monitor.FIND_S", 0.01)
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    outcomes = iter([KeyError("find"), KeyError("read"), READY])

    async def find():
        if isinstance(outcome := next(outcomes, None) if not failures else None, Exception):
            raise outcome
        return [runtime()]

    async def read(_):
        if isinstance(outcome := next(outcomes, READY), Exception):
            raise outcome
        return READY

    seen = []
    changed = threading.Semaphore(0)
    monitor = Monitor(find, interval_s=0.02, read=read, least_interval_s=lambda _: 0)
    monitor.subscribe(lambda look: (seen.append(look), changed.release()) if look.changed else None)
    with monitor:
        for _ in range(2):
            assert changed.acquire(timeout=WAIT_S)
    assert [(look.server.condition.state, look.server.condition.reason) for look in seen] == [
        (State.UNREACHABLE, Reason.INTERNAL),
        (State.READY, None),
    ]
    assert [str(failure.exc_value) for failure in failures] == ["'find'", "'read'"]


class NoInterval:
    """An adapter of somebody who has not read the whole protocol."""


@pytest.mark.parametrize("adapter", [NoInterval(), None], ids=["without the attribute", "of no use"])
def test_an_adapter_that_does_not_say_how_often_costs_no_server(monkeypatch, adapter):
    monkeypatch.setattr("venom_otel.health.monitor.FIND_S", 0.01)
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    servers = Servers(runtime(), OTHER)

    def least_interval_s(runtime):
        if runtime.provider == "ollama":
            return 0.0
        return adapter if adapter is None else adapter.least_interval_s

    with servers.monitor(least_interval_s=least_interval_s) as monitor:
        servers.wait_for(lambda: min(servers.looks["vllm"], servers.looks["ollama"]) >= 3)
        assert [server.runtime.name for server in monitor.servers()] == ["vllm", "ollama"]
        servers.found.append(runtime("later", "http://127.0.0.1:9001", "ollama"))
        servers.wait_for(lambda: servers.looks["later"])
    assert {failure.exc_type for failure in failures} == {TypeError if adapter is None else AttributeError}


def test_who_cannot_say_whether_it_was_meant_ends_no_looking(monkeypatch):
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    servers = Servers(runtime())

    def meant(_):
        raise ZeroDivisionError

    with servers.monitor(meant=meant):
        servers.wait_for(lambda: servers.looks["vllm"])
        servers.readings["vllm"] = STOPPED
        servers.wait_for(lambda: servers.heard and servers.heard[-1].server.condition.state is State.STOPPED)
        servers.readings["vllm"] = READY
        servers.wait_for(lambda: servers.heard[-1].server.condition.state is State.READY)
    assert [failure.exc_type for failure in failures] == [ZeroDivisionError]


def test_a_look_that_brings_no_reading_is_made_again(monkeypatch):
    failures = []
    monkeypatch.setattr(threading, "excepthook", failures.append)
    servers = Servers(runtime(), OTHER)
    servers.readings["vllm"] = None
    with servers.monitor() as monitor:
        servers.wait_for(lambda: servers.looks["ollama"] >= 5)
        assert [server.runtime.name for server in monitor.servers()] == ["ollama"]
        servers.readings["vllm"] = READY
        servers.wait_for(lambda: len(monitor.servers()) == 2)
    assert {failure.exc_type for failure in failures} == {AttributeError}
    assert servers.looks["vllm"] < 2 * servers.looks["ollama"] + 10  # and not as fast as it can


def test_settings_that_cannot_be_used_are_said_once(caplog, monkeypatch):
    monkeypatch.setattr("venom_otel.health.monitor.FIND_S", 0.001)
    asked = threading.Semaphore(0)

    async def find():
        asked.release()
        raise SettingsError("VLLM_ENDPOINT: no address.")

    with Monitor(find, interval_s=1) as monitor:
        monitor.look().result(WAIT_S)
        for _ in range(3):
            assert asked.acquire(timeout=WAIT_S)
        assert monitor.servers() == ()
    assert [record.getMessage() for record in caplog.records] == ["venom_otel: no model server is watched: VLLM_ENDPOINT: no address."]


def test_it_ends_at_once_while_a_look_hangs():
    """The look would take an hour."""
    servers, before = Servers(runtime()), set(threading.enumerate())
    servers.hanging = {"vllm"}
    with servers.monitor() as monitor:
        waiting = monitor.look()
        wait_for(lambda: servers.looks["vllm"])
    wait_for(waiting.cancelled)
    assert not [thread for thread in set(threading.enumerate()) - before if thread.name == "venom-otel-monitor"]
    monitor.look().result(WAIT_S)
    monitor.close()


def test_a_look_anew_begins_after_it_was_asked_for():
    servers = Servers(runtime())
    with servers.monitor(interval_s=3600) as monitor:
        monitor.look().result(WAIT_S)
        for reading in (Reading(State.STOPPED, Reason.REFUSED, "nobody listens there"), READY):
            servers.readings["vllm"] = reading
            assert monitor.look_anew("vllm").result(WAIT_S).reading is reading
        assert servers.looks["vllm"] == 3
        first, second = monitor.look_anew("vllm"), monitor.look_anew("vllm")
        first.result(WAIT_S)
        second.result(WAIT_S)
        assert servers.most_at_once == 1
        assert monitor.look_anew("nobody").result(WAIT_S) is None
    assert monitor.look_anew("vllm").result(WAIT_S).reading is READY
    assert monitor.look_anew("nobody").result(WAIT_S) is None


async def test_a_look_that_is_under_way_will_not_do_for_a_look_anew():
    begun, go = asyncio.Event(), threading.Event()
    readings = [READY]
    here = asyncio.get_running_loop()

    async def find():
        return [runtime()]

    async def read(_):
        reading = readings[-1]
        if len(readings) == 1:
            here.call_soon_threadsafe(begun.set)
            assert await asyncio.to_thread(go.wait, WAIT_S)
        return reading

    with Monitor(find, interval_s=3600, read=read, least_interval_s=lambda _: 0) as monitor:
        await begun.wait()
        anew = asyncio.wrap_future(monitor.look_anew("vllm"))
        stopped = Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")
        readings.append(stopped)
        go.set()
        async with asyncio.timeout(WAIT_S):
            assert (await anew).reading is stopped


async def test_who_gives_up_waiting_ends_no_look():
    servers = Servers(runtime())
    servers.hanging = {"vllm"}
    with servers.monitor() as monitor:
        await asyncio.to_thread(wait_for, lambda: servers.looks["vllm"])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await asyncio.wrap_future(monitor.look())
        assert servers.at_once["vllm"] == 1


def test_a_server_that_was_told_to_stop_is_not_unsteady():
    servers, told = Servers(runtime()), []

    def meant(runtime):
        told.append(runtime.name)
        return True

    with servers.monitor(interval_s=3600, meant=meant) as monitor:
        for _ in range(4):
            for reading in (READY, Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")):
                servers.readings["vllm"] = reading
                seen = monitor.look_anew("vllm").result(WAIT_S)
                assert (seen.condition.state, seen.condition.reason) == (reading.state, reading.reason)
    assert told == ["vllm"] * 4
