"""Who waits for a start may leave, and the program that starts servers may end: they live on, and are known again."""

import asyncio
import contextlib
import os
import signal
import sys
import threading

import pytest
from support.patience import WAIT_S

from venom_otel.control import Action
from venom_otel.runtimes import reading

from .conftest import eventually, gone, online, wait_until

STARTER = "venom-otel-identity-blocking"
"""The thread in which a process is started."""


async def test_a_start_that_nobody_waits_for_goes_on(place):
    controller = place.controller(start=place.tiny("--gate", place.directory / "gate"))
    starting = asyncio.ensure_future(place.act(controller, Action.START))
    life = await eventually(lambda: controller.life(place.runtime), "it is not started")
    starting.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await starting
    assert "venom-otel start: nobody waits for it any more; what was begun goes on" in place.log
    (place.directory / "gate").touch()
    await online(place)
    later = place.controller()  # of another run, which has no command at all
    assert later.life(place.runtime) == life
    assert not place.pid_file.exists()
    await later.watching(reading.read)(place.runtime)
    assert not place.pid_file.exists(), "one that only looks writes nothing"
    await later.watching(reading.read, keeping=True)(place.runtime)
    assert place.pid_file.read_text().startswith(f"{life.pid}\n"), "scripts cannot see it"
    assert later.life(place.runtime) == life
    await place.act(later, Action.STOP)
    assert gone(life.pid)


def test_a_server_may_end_after_the_loop_that_started_it(place, caplog):
    controller = place.controller(start=place.tiny("--gate", place.directory / "gate"))

    async def begin():
        starting = asyncio.ensure_future(place.act(controller, Action.START))
        await eventually(lambda: any("lives" in words for words in place.said), "it is not waited for")
        starting.cancel()
        await asyncio.wait({starting})

    asyncio.run(begin())
    pid = controller.life(place.runtime).pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: all(each.name != f"venom-otel-child-{pid}" for each in threading.enumerate()), "nobody heard of its end")
    assert caplog.records == []


async def test_a_cancelled_start_leaves_no_unknown_process(place):
    """Whenever it is cancelled: what was started is known by its PID file."""
    controller = place.controller(start=place.tiny("--gate", place.directory / "gate"))
    known, turns = 0, 0
    while turns < 12 or not known:
        turns += 1
        starting = asyncio.ensure_future(place.act(controller, Action.START))
        for _ in range(turns):
            await asyncio.sleep(0)
        starting.cancel()
        await asyncio.wait({starting})
        assert starting.cancelled()

        wait_until(lambda: all(each.name != STARTER for each in threading.enumerate()), "it hangs")
        life = controller.life(place.runtime)
        assert place.processes() == ({life.pid} if life else set())
        known += life is not None
        if life is not None:
            await place.act(controller, Action.STOP)


STARTS = """
import asyncio, os, sys
from pathlib import Path
from venom_otel.control import Action, Controller
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes import reading
from venom_otel.runtimes.model import Runtime
from venom_otel.settings import CockpitSettings, load, RuntimeSettings

runtime = Runtime("ollama", "ollama", "Ollama", parse(sys.argv[1]), None, "OLLAMA_ENDPOINT")
controller = Controller(load(RuntimeSettings), CockpitSettings(), directory=Path.cwd())
asyncio.run(controller.act(runtime, Action.START, say=lambda _: None, look=lambda: reading.read(runtime)))
print("started", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT, signal.SIGHUP])
async def test_servers_outlive_us_and_are_adopted(place, number):
    """Also a Ctrl-C in the terminal, which reaches the whole group, and its end."""
    starter = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        STARTS,
        f"http://127.0.0.1:{place.port}",
        cwd=place.directory,
        env={**os.environ, "OLLAMA_START_COMMAND": place.tiny()},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        assert await asyncio.wait_for(starter.stdout.readline(), WAIT_S) == b"started\n"
        os.killpg(starter.pid, number)
        await asyncio.wait_for(starter.wait(), WAIT_S)
    finally:
        with contextlib.suppress(ProcessLookupError):
            starter.kill()
        starter.stdin.close()
        await starter.wait()
    assert (await place.look()).state.status == "online"
    controller = place.controller(start=place.tiny())
    pid = controller.life(place.runtime).pid
    assert not controller.unsupported(place.runtime)
    await place.act(controller, Action.RESTART)
    assert controller.life(place.runtime).pid != pid
    assert gone(pid)
    await place.act(controller, Action.STOP)
