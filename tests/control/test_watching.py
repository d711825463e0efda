"""What the monitor makes of a server whose process is known."""

import asyncio
import os
import re
import signal

from venom_otel.control import Action
from venom_otel.health import Monitor
from venom_otel.runtimes import reading
from venom_otel.runtimes.model import Reason, State, Status

from .conftest import eventually, gone


async def test_a_process_that_lives_while_its_port_refuses_is_starting(place):
    gate = place.directory / "gate"
    controller = place.controller(start=place.tiny("--gate", gate))
    look = controller.watching(reading.read)
    assert (await look(place.runtime)).state is State.STOPPED
    starting = asyncio.ensure_future(place.act(controller, Action.START))
    life = await eventually(lambda: controller.life(place.runtime), "it is not started")
    seen = await look(place.runtime)
    assert (seen.state, seen.reason) == (State.STARTING, Reason.REFUSED)
    log, where = place.directory / "logs" / "ollama.log", f"127.0.0.1:{place.port}"
    words = rf"its process {life.pid} lives for \d+ s, and {where} does not answer yet; {log} says what it does"
    assert re.fullmatch(words, seen.cause)
    gate.touch()
    await starting
    assert (await look(place.runtime)).state.status is Status.ONLINE
    os.kill(life.pid, signal.SIGKILL)
    await eventually(lambda: gone(life.pid), "it lives")
    assert (await look(place.runtime)).state is State.STOPPED


async def test_a_start_command_under_way_is_starting(place):
    """Before it has started anything, and seen by another controller too."""
    controller = place.controller(start=f"sh -c 'until [ -e {place.directory}/gate ]; do :; done; exit 1'")
    starting = asyncio.ensure_future(place.act(controller, Action.START))
    await eventually(lambda: controller.life(place.runtime), "it is not started")
    assert (await place.controller().watching(reading.read)(place.runtime)).state is State.STARTING
    (place.directory / "gate").touch()
    await asyncio.wait({starting})
    assert starting.exception() is not None
    assert (await controller.watching(reading.read)(place.runtime)).state is State.STOPPED


async def test_a_server_that_is_being_stopped_is_not_starting(place):
    start = place.tiny("--gate", place.directory / "gate", "--ignore-term", "--print", "ignores it")
    controller = place.controller(start=start, limit_s=0.2)
    await asyncio.wait({asyncio.ensure_future(place.act(controller, Action.START))})
    await eventually(lambda: "\nignores it\n" in place.log, "it does not begin")
    assert (await controller.watching(reading.read)(place.runtime)).state is State.STARTING
    stopping = asyncio.ensure_future(place.act(controller, Action.STOP))
    await eventually(lambda: any("SIGTERM" in words for words in place.said), "it is not stopped")
    life = controller.life(place.runtime)
    assert life is not None
    assert (await controller.watching(reading.read)(place.runtime)).state is State.STOPPED
    os.kill(life.pid, signal.SIGKILL)
    await stopping


async def test_in_the_monitor(place):
    """From its own thread, with the states one after the other."""
    gate = place.directory / "gate"
    controller = place.controller(start=place.tiny("--gate", gate))
    states = []

    async def find():
        return [place.runtime]

    def looked(look):
        state = look.server.condition.state
        state = state if state.status is Status.OFFLINE else state.status  # on a busy machine it may be slow
        if states[-1:] != [state]:
            states.append(state)

    with Monitor(find, interval_s=0.02, read=controller.watching(reading.read)) as monitor:
        monitor.subscribe(looked)
        await eventually(lambda: states[-1:] == ["stopped"], "never stopped")
        starting = asyncio.ensure_future(place.act(controller, Action.START))
        await eventually(lambda: states[-1] == "starting", states)
        assert "online" not in states
        gate.touch()
        await starting
        await eventually(lambda: states[-1] == "online", states)
        before = len(states)
        await place.act(controller, Action.STOP)
        await eventually(lambda: states[-1] == "stopped", states)
        assert "starting" not in states[before:]


async def test_its_log_is_kept_small(place, monkeypatch):
    monkeypatch.setattr("venom_otel.control.logs.MOST_BYTES", 1000)
    monkeypatch.setattr("venom_otel.control.controller.MOST_BYTES", 1000)
    controller = place.controller(start=place.tiny("--print", "x" * 2000))
    await place.act(controller, Action.START)
    await controller.watching(reading.read)(place.runtime)
    assert "x" * 2000 in place.log, "one that only looks leaves it as it is"
    await controller.watching(reading.read, keeping=True)(place.runtime)
    assert place.log == ""
    assert "x" * 2000 in (place.directory / "logs" / "ollama.log.1").read_text()
    await place.act(controller, Action.STOP)
    assert place.log.count("\n") == 2


async def test_other_causes_are_left_as_they_are(place):
    controller = place.controller(start=place.tiny())
    await place.act(controller, Action.START)
    seen = await place.look()

    async def slow(_):
        return seen

    assert await controller.watching(slow)(place.runtime) is seen
