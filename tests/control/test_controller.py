"""Start, stop and restart of a server that is a command, on real processes and real sockets."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
import threading

import psutil
import pytest

from venom_otel.control import Action
from venom_otel.errors import ActionError, BusyError
from venom_otel.runtimes import reading

from .conftest import WAIT_S, eventually, gone, wait_until

STARTER = "venom-otel-identity-blocking"
"""The thread in which a process is started."""


async def failing(place, controller, action, **more):
    """The words with which an action fails."""
    with pytest.raises(ActionError) as failed:
        await place.act(controller, action, **more)
    return str(failed.value)


async def online(place):
    """Wait until it answers."""
    async with asyncio.timeout(WAIT_S):
        while True:
            if (await place.look()).state.status == "online":
                return
            await asyncio.sleep(0.01)


async def test_start_and_stop(place):
    controller = place.controller(start=place.tiny())
    assert set(controller.unsupported(place.runtime)) == {Action.STOP, Action.RESTART}
    await place.act(controller, Action.START)
    life = controller.life(place.runtime)
    assert life is not None
    assert place.pid_file.read_text().split("\n")[0] == str(life.pid)
    assert life.since_ns == pytest.approx(psutil.Process(life.pid).create_time() * 1e9)
    assert not controller.unsupported(place.runtime)
    assert (await place.look()).state.status == "online"
    await place.act(controller, Action.STOP)
    assert controller.life(place.runtime) is None
    assert (await place.look()).state == "stopped"
    assert list((place.directory / "run").iterdir()) == []
    assert place.said[0].startswith("starting: `")
    assert f"ending its process {life.pid} (SIGTERM)" in place.said


async def test_one_that_is_dead_is_restarted_by_what_starts_it(place):
    controller = place.controller(start=place.tiny())
    assert Action.RESTART in controller.unsupported(place.runtime), "it might run, and not be ours to stop"
    assert Action.RESTART not in controller.unsupported(place.runtime, await place.look())
    await place.act(controller, Action.RESTART)
    first = controller.life(place.runtime)
    assert first is not None
    psutil.Process(first.pid).kill()
    await asyncio.to_thread(wait_until, lambda: controller.life(place.runtime) is None, "it lives on")
    await place.act(controller, Action.RESTART)
    again = controller.life(place.runtime)
    assert again is not None
    assert again.pid != first.pid
    await place.act(controller, Action.STOP)


async def test_one_that_runs_and_is_not_ours_is_not_restarted(place):
    other = place.controller(start=place.tiny())
    await place.act(other, Action.START)
    named = place.pid_file.read_text()
    place.pid_file.unlink()
    words = await failing(place, place.controller(start=place.tiny()), Action.RESTART)
    assert "no process of it is known" in words
    assert (await place.look()).state.status == "online"
    place.pid_file.write_text(named)
    await place.act(other, Action.STOP)


async def test_fifty_rounds_leave_nothing(place):
    """Neither a process, dead or alive, nor a descriptor, nor a thread."""
    me = psutil.Process()
    controller = place.controller(start=place.tiny())

    async def once():
        await place.act(controller, Action.START)
        await place.act(controller, Action.STOP)

    def here():
        return {child.pid for child in me.children(recursive=True)}, me.num_fds(), me.num_threads()

    def nothing_more():  # what other tests have left may end meanwhile
        return here()[0] <= before[0] and here()[1] <= before[1] and here()[2] <= before[2]

    await once()  # what is opened once and kept
    before = here()
    for _ in range(50):
        await once()
    wait_until(nothing_more, f"{here()} is more than {before}")
    assert place.processes() == set()


async def test_a_server_that_dies_is_no_zombie_and_can_be_started_again(place):
    controller = place.controller(start=place.tiny())
    await place.act(controller, Action.START)
    pid = controller.life(place.runtime).pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), "it stays as a zombie")
    assert controller.life(place.runtime) is None
    await place.act(controller, Action.START)
    assert controller.life(place.runtime).pid != pid


async def test_what_a_crashed_server_leaves_is_ended_before_the_next_start(place):
    """Ollama's runner or vLLM's engine, which keep their memory, and their port."""
    child_file = place.directory / "child"
    controller = place.controller(start=place.tiny("--child", child_file))
    await place.act(controller, Action.START)
    orphan = int(child_file.read_text())
    os.kill(controller.life(place.runtime).pid, signal.SIGKILL)
    wait_until(lambda: controller.life(place.runtime) is None, "it lives")
    assert not gone(orphan)
    await place.act(controller, Action.START)
    assert "ending what its last process has left behind" in place.said
    wait_until(lambda: gone(orphan), "what was left behind lives")


@pytest.mark.parametrize("options", [[], ["--ignore-term"]])
async def test_stop_ends_descendants_too(place, options):
    child_file = place.directory / "child"
    controller = place.controller(start=place.tiny("--child", child_file, *options), grace_s=0.2)
    await place.act(controller, Action.START)
    child, server = int(child_file.read_text()), controller.life(place.runtime).pid
    await place.act(controller, Action.STOP)
    assert gone(child)
    assert gone(server)
    assert any("SIGKILL" in words for words in place.said) == bool(options)
    assert ("stop: SIGKILL" in place.log) == bool(options)


# -- refusals and failures --------------------------------------------------------------------------------------------------------------


async def test_an_online_server_is_not_started_again(place):
    controller = place.controller(start=place.tiny())
    await place.act(controller, Action.START)
    assert await failing(place, controller, Action.START) == "Ollama is online already."
    assert place.log.count("venom-otel start: ") == 1


async def test_a_server_whose_process_lives_is_not_started_again(place):
    controller = place.controller(start=place.tiny("--gate", place.directory / "gate"), limit_s=0.2)
    words = await failing(place, controller, Action.START)
    pid = controller.life(place.runtime).pid
    assert words.startswith(
        f"Ollama is not online within 0.2 s (its port does not answer yet); its process {pid} lives on. VENOM_OTEL_ACTION_TIMEOUT_S "
        f"gives it more time."
    )
    assert [f"its process {pid} lives; its port does not answer yet" in said for said in place.said].count(True) == 1, "said at each look"
    words = await failing(place, controller, Action.START)
    assert words.startswith(f"Ollama runs already: its process {pid} lives, and is not online yet (its port does not answer yet). ")
    assert "stop it first" in words
    await place.act(controller, Action.STOP)
    assert gone(pid)


async def test_a_command_that_fails_says_its_status_and_its_last_words(place, monkeypatch):
    monkeypatch.setenv("SOME_API_KEY", "horse-battery-staple")
    start = place.tiny("--die", 3, "--print", "no room: SOME_API_KEY is horse-battery-staple", "--api-key", "tr0ub4dor")
    controller = place.controller(start=start)
    words = await failing(place, controller, Action.START)
    log = place.directory / "logs" / "ollama.log"
    assert words == (
        f"OLLAMA_START_COMMAND ended with status 3 before Ollama was online. The end of {log}:\nno room: SOME_API_KEY is ***\n***"
    )
    assert controller.log_tail(place.runtime, 3)[:2] == ["no room: SOME_API_KEY is ***", "***"]
    assert "tr0ub4dor" not in "".join(place.said)
    head = place.log.splitlines()[0]
    assert head.endswith("--api-key ***")
    assert "horse" not in head
    assert controller.life(place.runtime) is None


async def test_only_the_output_of_this_start_is_shown(place):
    for number in (1, 2):
        controller = place.controller(start=place.tiny("--die", number, "--print", f"failure {number}"))
        words = await failing(place, controller, Action.START)
        assert words.endswith(f"ollama.log:\nfailure {number}")
    words = await failing(place, place.controller(start=place.tiny("--die", 1)), Action.START)
    assert words.endswith(f" It printed nothing to {place.directory / 'logs' / 'ollama.log'}.")


async def test_a_process_that_is_killed_while_it_starts(place):
    controller = place.controller(start=place.tiny("--gate", place.directory / "gate"))
    starting = asyncio.ensure_future(failing(place, controller, Action.START))
    life = await eventually(lambda: controller.life(place.runtime), "it is not started")
    os.kill(life.pid, signal.SIGKILL)
    assert (await starting).startswith("OLLAMA_START_COMMAND was ended by SIGKILL before Ollama was online.")


async def test_a_port_that_is_taken_says_so(place):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        taken_by = await asyncio.start_server(lambda _, writer: writer.close(), sock=taken)
        async with taken_by:
            place.move(taken.getsockname()[1])
            words = await failing(place, place.controller(start=place.tiny()), Action.START)
    assert words.startswith("OLLAMA_START_COMMAND ended with status 1 before Ollama was online.")
    assert "Address already in use" in words


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-such-program serve", "OLLAMA_START_COMMAND: there is no program 'no-such-program': install it, or give its whole path."),
        ("scripts/none.sh start", "relative paths begin at "),
        ("~/bin/ollama serve", "no shell reads it, so write the whole path instead of `~`."),
        ("OLLAMA_DEBUG=1 ollama serve", "to set a variable, write `env OLLAMA_DEBUG=1 …`."),
        ("./plain", "OLLAMA_START_COMMAND: './plain' is not executable: `chmod +x` makes a file so."),
        ("./shapeless", "OLLAMA_START_COMMAND: './shapeless' is no program: a script begins with a line such as `#!/bin/sh`."),
        ("./rootless", "a script's first line must name a program that is there."),
    ],
)
async def test_a_program_that_cannot_be_run(place, command, words):
    (place.directory / "plain").write_text("", encoding="utf-8")
    for name, text in (("shapeless", "echo\n"), ("rootless", "#!/no/such/shell\n")):
        (place.directory / name).write_text(text, encoding="utf-8")
        (place.directory / name).chmod(0o755)
    said = await failing(place, place.controller(start=command), Action.START)
    assert said.startswith("OLLAMA_START_COMMAND: ")
    assert words in said
    assert said in place.log


async def test_a_directory_that_is_gone(place):
    controller = place.controller(start=place.tiny(), directory=place.directory / "gone", logs_dir=place.directory / "logs")
    said = await failing(place, controller, Action.START)
    assert said == f"OLLAMA_START_COMMAND cannot be run: its directory {place.directory / 'gone'} is not there."


async def test_nothing_is_started_without_a_log_or_a_pid_file(place):
    (place.directory / "file").write_text("", encoding="utf-8")
    child_file = place.directory / "descriptors"
    for broken, variable in (("logs_dir", "VENOM_OTEL_LOGS_DIR"), ("run_dir", "VENOM_OTEL_RUN_DIR")):
        controller = place.controller(start=place.tiny("--gate", child_file), **{broken: place.directory / "file" / "below"})
        assert variable in await failing(place, controller, Action.START)
    assert place.processes() == set()


async def test_one_action_at_a_time(place):
    controller = place.controller(start=place.tiny("--gate", place.directory / "gate"))
    starting = asyncio.ensure_future(place.act(controller, Action.START))
    await eventually(lambda: controller.life(place.runtime), "it is not started")
    with pytest.raises(BusyError, match="being told to start"):
        await place.act(controller, Action.STOP)
    (place.directory / "gate").touch()
    await starting
    await place.act(controller, Action.STOP)


async def test_one_restart_at_a_time(place):
    """From the first moment, while how it is now is still being looked at."""
    controller = place.controller(start=place.tiny())
    looks, looked = asyncio.Event(), asyncio.Event()

    async def look():
        looks.set()
        await looked.wait()
        return await place.look()

    first = asyncio.ensure_future(controller.act(place.runtime, Action.RESTART, say=lambda _: None, look=look))
    async with asyncio.timeout(WAIT_S):
        await looks.wait()
    with pytest.raises(BusyError, match="being told to restart"):
        await place.act(controller, Action.RESTART)
    looked.set()
    await first
    assert place.log.count("venom-otel start: ") == 1
    await place.act(controller, Action.STOP)


async def test_what_a_command_inherits(place, monkeypatch):
    """The environment with what is given on top; no descriptor, not even one that says it may be inherited; and no input."""
    monkeypatch.setenv("LLM_MODEL_NAME", "old")
    found = place.directory / "descriptors"
    controller = place.controller(start=place.tiny("--variable", "LLM_MODEL_NAME", "--descriptors", found))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        await place.act(controller, Action.START, environment={"LLM_MODEL_NAME": "gemma-3"})
    log = str(place.directory / "logs" / "ollama.log")
    assert json.loads(found.read_text()) == ["/dev/null", log, log]
    assert "LLM_MODEL_NAME=gemma-3" in place.log
    pid = controller.life(place.runtime).pid
    assert os.getsid(pid) == os.getpgid(pid) == pid


# -- cancelling -------------------------------------------------------------------------------------------------------------------------


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
    known = 0
    for turns in range(12):
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
    assert known, "each was cancelled too early to start anything"


# -- the program that starts them ends --------------------------------------------------------------------------------------------------

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
        assert await asyncio.wait_for(starter.stdout.readline(), 30) == b"started\n"
        os.killpg(starter.pid, number)
        await asyncio.wait_for(starter.wait(), 30)
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
