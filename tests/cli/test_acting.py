"""`venom-otel runtimes start`, `stop` and `restart`, through the real `venom-otel up`."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import signal
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from support.acting import Place
from support.cockpit import PROGRAM, Cockpit, command, environment, wait_for
from support.patience import WAIT_S
from support.terminal import shown

from venom_otel.cli.client import server_sent

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SERVERS = "/api/v1/system/llm-servers"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """Where a harmless server may be started."""
    with Place(tmp_path) as place:
        yield place


@contextlib.contextmanager
def cockpit(place: Place, **variables: str) -> Iterator[Cockpit]:
    """`venom-otel up` in the place's folder, which looks at the server there once an hour."""
    variables = {"OLLAMA_ENDPOINT": place.url, "VENOM_OTEL_PROBE_INTERVAL_S": "3600", "VENOM_OTEL_ACTION_TIMEOUT_S": "600", **variables}
    with Cockpit(place.folder, **variables) as running:
        yield running


def tell(place: Place, *arguments: str) -> subprocess.CompletedProcess[str]:
    return command("runtimes", *arguments, "--data-dir", str(place.folder / "data"), home=place.folder)


def server(cockpit: Cockpit) -> dict[str, object]:
    return httpx.get(f"{cockpit.page}{SERVERS}/ollama").raise_for_status().json()


def test_start_restart_and_stop(place):
    with cockpit(place, OLLAMA_START_COMMAND=place.command()) as running:
        started = tell(place, "start", "ollama")
        assert (started.returncode, started.stdout.startswith("start ollama: succeeded after ")) == (0, True), started.stderr
        assert f"starting: `{place.command()}`" in started.stderr.splitlines()
        assert server(running)["status"] == "online"
        (before,) = [each.pid for each in place.processes() if each.pid != running.process.pid]
        for _ in range(3):
            assert tell(place, "restart", "ollama").returncode == 0
        assert server(running)["state"] == "ready"  # and not one that comes and goes
        (after,) = [each.pid for each in place.processes() if each.pid != running.process.pid]
        assert before != after
        assert tell(place, "stop", "ollama").returncode == 0
        assert server(running)["state"] == "stopped"
        assert [each.pid for each in place.processes()] == [running.process.pid]


def test_a_start_that_fails(place):
    with cockpit(place, OLLAMA_START_COMMAND=place.command("--print", "no GPU here", "--die", "3")):
        failed = tell(place, "start", "ollama")
    assert (failed.returncode, failed.stdout) == (1, "")
    assert "start ollama: failed: OLLAMA_START_COMMAND ended with status 3" in failed.stderr
    assert "no GPU here" in failed.stderr


def test_what_cannot_be_begun_says_why(place):
    with cockpit(place):
        unsupported, unknown, nobody = tell(place, "start", "ollama"), tell(place, "stop", "../ollama"), tell(place, "stop", "x; rm")
    assert (unsupported.returncode, unknown.returncode, nobody.returncode) == (2, 2, 2)
    assert "there is no model server 'x; rm'" in nobody.stderr
    assert "set OLLAMA_START_COMMAND to what starts it" in unsupported.stderr
    assert "there is no model server '../ollama'" in unknown.stderr


def test_without_a_cockpit(place):
    ended = tell(place, "start", "ollama")
    assert ended.returncode == 2
    assert ended.stderr.startswith(f"venom-otel: no `venom-otel up` runs with its data in {place.folder / 'data'}")
    assert ended.stdout == ""


def test_ctrl_c_ends_the_waiting_and_not_the_operation(place):
    gate = place.folder / "gate"
    with cockpit(place, OLLAMA_START_COMMAND=place.command("--gate", gate)) as running:
        arguments = [PROGRAM, "runtimes", "start", "ollama", "--data-dir", str(place.folder / "data")]
        waiting = subprocess.Popen(arguments, env=environment(place.folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr.readline().startswith("starting: ")
        waiting.send_signal(signal.SIGINT)
        _, words = waiting.communicate(timeout=WAIT_S)
        assert waiting.returncode == 130
        assert "venom-otel up goes on with it: operation " in words
        gate.touch()
        wait_for(lambda: server(running)["status"] == "online", "the server")


def test_in_a_terminal_one_line_says_how_far_it_is(place):
    gate = place.folder / "gate"
    with cockpit(place, OLLAMA_START_COMMAND=place.command("--gate", gate)):
        controller, inside = pty.openpty()
        arguments = [PROGRAM, "runtimes", "start", "ollama", "--data-dir", str(place.folder / "data")]
        variables = environment(place.folder, TERM="xterm-256color", COLUMNS="200")
        process = subprocess.Popen(arguments, env=variables, stdin=inside, stdout=inside, stderr=inside)
        os.close(inside)
        seen = b""
        try:
            while b"its port does not answer yet" not in seen:
                seen += os.read(controller, 65536)
            gate.touch()
            words = shown(controller, seen)
            assert process.wait(WAIT_S) == 0
        finally:
            process.kill()
            process.wait()
            os.close(controller)
    last = words.replace("\r", "").split("\n")
    assert [line for line in last if "start ollama: succeeded after " in line]
    assert not [line for line in last if line.startswith("starting: ")]  # it was overwritten


def test_the_cockpit_ends_while_it_starts_a_server_which_lives_on_and_is_known_again(place):
    gate = place.folder / "gate"
    with cockpit(place, OLLAMA_START_COMMAND=place.command("--gate", gate)) as running:
        arguments = [PROGRAM, "runtimes", "start", "ollama", "--data-dir", str(place.folder / "data")]
        waiting = subprocess.Popen(arguments, env=environment(place.folder), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert waiting.stderr.readline().startswith("starting: ")
        wait_for(lambda: server(running)["state"] == "starting", "its process")
        status, _, words = running.stop()  # does not wait for what takes ten minutes
        assert (status, words) == (0, "")
        _, words = waiting.communicate(timeout=WAIT_S)
        assert (waiting.returncode, "start ollama: interrupted: venom-otel up has ended meanwhile" in words) == (1, True), words
        (process,) = place.processes()
        running.start()
        found = server(running)
        assert (found["state"], found["supports"]["stop"]) == ("starting", True)
        (operation,) = httpx.get(f"{running.page}/api/v1/operations").json()["items"]
        assert operation["state"] == "interrupted"
        gate.touch()
        wait_for(lambda: httpx.get(f"{running.page}{SERVERS}/ollama", params={"max_age": 0}).json()["status"] == "online", "the server")
        assert tell(place, "stop", "ollama").returncode == 0
        assert process not in place.processes()


def test_killed_in_the_middle_of_it(place):
    gate = place.folder / "gate"
    with cockpit(place, OLLAMA_START_COMMAND=place.command("--gate", gate)) as running:
        token = json.loads((place.folder / "data" / "up.json").read_text())["token"]
        begun = httpx.post(f"{running.page}{SERVERS}/ollama/start", headers={"Authorization": f"Bearer {token}"})
        assert begun.status_code == 202
        wait_for(lambda: server(running)["state"] == "starting", "its process")
        running.stop(signal.SIGKILL)
        (process,) = place.processes()
        running.start()
        with httpx.stream("GET", f"{running.page}{begun.json()['links']['stream']}") as reply:
            (end,) = server_sent(reply.iter_lines())
        assert (end.name, end.data["state"]) == ("finished", "interrupted")
        outcomes = [each["outcome"] for each in httpx.get(f"{running.page}/api/v1/audit").json()["items"]]
        assert outcomes == ["interrupted", "begun"]
        assert tell(place, "stop", "ollama").returncode == 0
        assert process not in place.processes()


def test_a_state_of_somebody_else_is_refused_in_words(place):
    (place.folder / "data").mkdir()
    (place.folder / "data" / "state.sqlite3").write_text("mine")
    with pytest.raises(RuntimeError, match=r"state\.sqlite3 is not a file of venom-otel and is left untouched"):
        Cockpit(place.folder).start()
    assert (place.folder / "data" / "state.sqlite3").read_text() == "mine"
