"""What cannot be started, stopped or restarted, and what is said of it: refusals, failures, and one action at a time."""

import asyncio
import json
import os
import signal
import socket

import pytest
from support.patience import WAIT_S

from venom_otel.control import Action
from venom_otel.errors import BusyError

from .conftest import eventually, failing, gone


async def test_an_online_server_is_not_started_again(place):
    controller = place.controller(start=place.tiny())
    await place.act(controller, Action.START)
    assert await failing(place, controller, Action.START) == "Ollama is online already."
    assert place.log.count("venom-otel start: ") == 1


async def test_a_server_whose_process_lives_is_not_started_again(place, time_goes_by_looks):
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
