"""Commands that end: a script that starts the server, and commands that stop or restart it."""

import asyncio
import os
import shlex
import signal

import pytest
from support.unhurried import growing

from venom_otel.control import Action
from venom_otel.errors import ActionError
from venom_otel.runtimes.model import Reading, Reason, State

from .conftest import eventually, gone

SERVICE = """#!/usr/bin/env bash
# As scripts/llm/ollama_service.sh in short.
set -eu
case $1 in
    start)
        {session} {server} </dev/null &
        pid=$!
        stat=$(</proc/$pid/stat)
        set -- ${{stat##*) }}
        mkdir -p run
        printf '%s\\n%s %s\\n' $pid "${{20}}" "$(</proc/sys/kernel/random/boot_id)" >run/ollama.pid
        echo "started $pid"
        {then}
        ;;
    stop)
        read -r pid <run/ollama.pid
        kill $pid
        ;;
esac
"""


@pytest.fixture
def service(place):
    """Writes the script; gives a controller with its commands."""

    def write(*options, session="", then="", stop=True, **more):
        path = place.directory / "service.sh"
        path.write_text(SERVICE.format(server=place.tiny(*options), session=session, then=then), encoding="utf-8")
        path.chmod(0o755)
        return place.controller(start="./service.sh start", stop="./service.sh stop" if stop else "", **more)

    return write


async def failing(place, controller, action):
    with pytest.raises(ActionError) as failed:
        await place.act(controller, action)
    return str(failed.value)


@pytest.mark.parametrize("then", ["", "while ! grep -q listening logs/ollama.log; do :; done"])
@pytest.mark.parametrize("session", ["", "exec setsid"])
async def test_a_script_starts_it_and_writes_its_pid(place, service, session, then):
    """It ends before the server is online, or waits for that itself."""
    controller = service(session=session, then=then)
    await place.act(controller, Action.START)
    life = await eventually(lambda: controller.life(place.runtime), "no life")
    assert place.pid_file.read_text().startswith(f"{life.pid}\n")
    assert f"started {life.pid}" in place.log
    assert (await place.look()).state.status == "online"
    await place.act(controller, Action.STOP)
    assert gone(life.pid)
    assert list((place.directory / "run").iterdir()) == []
    assert "starting: `./service.sh start`" in place.said
    assert "stopping: `./service.sh stop`" in place.said


@pytest.mark.parametrize("session", ["", "exec setsid"])
async def test_without_a_stop_command_a_signal_ends_what_a_script_started(place, service, session):
    child_file = place.directory / "child"
    controller = service("--child", child_file, session=session, stop=False)
    await place.act(controller, Action.START)
    life = controller.life(place.runtime)
    await place.act(controller, Action.STOP)
    assert gone(life.pid)
    assert gone(int(child_file.read_text()))


async def test_a_server_that_dies_after_its_script_has_ended(place, service):
    died = ("--gate", place.pid_file, "--die", "7", "--print", "no weights")
    controller = service(*died, then="while kill -0 $(head -1 run/ollama.pid) 2>/dev/null; do :; done")
    words = await failing(place, controller, Action.START)
    pid = next(line for line in place.log.splitlines() if line.startswith("started")).split()[1]
    assert words.startswith(f"the process {pid} of Ollama has ended before it was online. The end of ")
    assert "no weights" in words
    assert not place.pid_file.exists()


async def test_a_script_that_fails_while_its_server_lives(place, service):
    controller = service("--gate", place.directory / "gate", then="echo it does not answer; exit 4")
    words = await failing(place, controller, Action.START)
    assert words.startswith("OLLAMA_START_COMMAND ended with status 4 before Ollama was online.")
    assert words.endswith("it does not answer")
    assert controller.life(place.runtime) is not None
    await place.act(controller, Action.STOP)


async def test_a_script_that_starts_nothing(place, time_goes_by_looks):
    words = await failing(place, place.controller(start="true", limit_s=0.2), Action.START)
    assert words.startswith("Ollama is not online within 0.2 s (its port does not answer yet); no process of it is known. ")


async def test_a_stop_command_that_fails(place):
    controller = place.controller(start=place.tiny(), stop="sh -c 'echo not allowed; exit 5'")
    await place.act(controller, Action.START)
    words = await failing(place, controller, Action.STOP)
    assert words.startswith("OLLAMA_STOP_COMMAND ended with status 5. The end of ")
    assert words.endswith(":\nnot allowed")
    assert controller.life(place.runtime) is not None
    assert "stop failed: OLLAMA_STOP_COMMAND ended with status 5." in place.log


async def test_a_stop_command_that_stops_nothing(place, time_goes_by_looks):
    await place.act(place.controller(start=place.tiny()), Action.START)
    controller = place.controller(stop="true", limit_s=0.2)
    pid = controller.life(place.runtime).pid
    assert await failing(place, controller, Action.STOP) == f"Ollama does not end: after 0.2 s its process {pid} still lives."


async def test_a_server_that_was_not_started_from_here(place, time_goes_by_looks):
    """No process of it is known, so nobody can tell whose it is that answers."""
    await place.act(place.controller(start=place.tiny()), Action.START)
    place.pid_file.unlink()
    controller = place.controller(stop="true", limit_s=0.2)
    words = await failing(place, controller, Action.STOP)
    assert words == f"Ollama does not end: after 0.2 s 127.0.0.1:{place.port} still answers."


async def test_another_server_in_its_place(place, time_goes_by_looks):
    await place.act(place.controller(start=place.tiny()), Action.START)
    pid = place.controller().life(place.runtime).pid
    controller = place.controller(stop=f"kill {pid}", limit_s=0.5)

    async def look():
        await eventually(lambda: gone(pid), "it lives")
        place.looks += 1
        return Reading(State.READY)

    with pytest.raises(ActionError) as failed:
        await controller.act(place.runtime, Action.STOP, say=lambda _: None, look=look)
    where = f"127.0.0.1:{place.port}"
    words = f"Ollama does not end: after 0.5 s {where} still answers: another process is there, which was not started from here."
    assert str(failed.value) == words


async def test_a_stop_of_which_nobody_can_tell(place, time_goes_by_looks):
    controller = place.controller(stop="true", limit_s=0.1)

    async def look():
        place.looks += 1
        return Reading(State.UNREACHABLE, Reason.TIMEOUT, "no answer within 2 s.")

    with pytest.raises(ActionError) as failed:
        await controller.act(place.runtime, Action.STOP, say=lambda _: None, look=look)
    assert str(failed.value) == "Ollama does not end: after 0.1 s it is not known whether it has ended: no answer within 2 s."


async def test_a_command_that_hangs_is_ended(place):
    for limit_s in growing(0.3):
        controller = place.controller(stop="sh -c 'echo working; sleep 600; true'", limit_s=limit_s)
        words = await failing(place, controller, Action.STOP)
        if "printed nothing" not in words:
            break
    assert words.startswith(f"OLLAMA_STOP_COMMAND has not ended within {limit_s:g} s, and was ended. The end of ")
    assert words.endswith(":\nworking")
    await eventually(lambda: not place.processes(), "it goes on")


async def test_a_cancelled_stop_command_goes_on(place):
    gate = shlex.quote(str(place.directory / "gate"))
    done = place.directory / "done"
    controller = place.controller(stop=f"sh -c 'until [ -e {gate} ]; do :; done; touch done'")
    stopping = asyncio.ensure_future(place.act(controller, Action.STOP))
    await eventually(lambda: place.processes(), "it is not run")
    stopping.cancel()
    await asyncio.wait({stopping})
    assert stopping.cancelled()
    (place.directory / "gate").touch()
    await eventually(done.exists, "it was ended")
    assert "venom-otel stop: nobody waits for it any more; what was begun goes on" in place.log


async def test_restart_by_command(place, service):
    restart = f"sh -c 'kill $(head -1 run/ollama.pid); exec {place.directory}/service.sh start'"
    controller = service()
    await place.act(controller, Action.START)
    before = controller.life(place.runtime)
    both = place.controller(restart=restart)
    assert Action.RESTART not in both.unsupported(place.runtime)
    await place.act(both, Action.RESTART)
    after = both.life(place.runtime)
    assert after is not None
    assert after.pid != before.pid
    assert gone(before.pid)


async def test_a_restart_command_that_fails(place):
    words = await failing(place, place.controller(restart="sh -c 'echo no; exit 1'"), Action.RESTART)
    assert words.startswith("OLLAMA_RESTART_COMMAND ended with status 1. The end of ")


async def test_restart_of_what_is_not_running_is_a_start(place, service):
    controller = service()
    await place.act(controller, Action.RESTART)
    pid = controller.life(place.runtime).pid
    assert not any(words.startswith("stopping") for words in place.said)
    await place.act(controller, Action.RESTART)
    assert "stopping: `./service.sh stop`" in place.said
    assert controller.life(place.runtime).pid != pid
    os.kill(controller.life(place.runtime).pid, signal.SIGKILL)
