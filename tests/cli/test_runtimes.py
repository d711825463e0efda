"""`venom-otel runtimes`: for a program, for a terminal, watching, and explaining."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from typing import TYPE_CHECKING

import pytest
from support import servers
from support.cockpit import PROGRAM, command, environment
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, Page, ReplayServer
from support.repository import ROOT

from venom_otel.cli.runtimes import Look
from venom_otel.settings import RuntimeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

KEY = "Zx9-planted.KEY~42"
HERE = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
"""For a checkout that is not the one that is installed."""


@pytest.fixture
def run(tmp_path):
    """Runs the command with variables; what it printed, which lines, and how it ended."""

    def run(*arguments: str, status: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        ended = command("runtimes", *arguments, home=tmp_path, **HERE, **variables)
        assert ended.returncode == status, ended.stderr
        return ended

    return run


@contextlib.contextmanager
def terminal(home: Path, *arguments: str, **variables: str) -> Iterator[tuple[subprocess.Popen[bytes], Callable[..., str]]]:
    """The command in a terminal of its own, and what reads its screen until some words are there, or to the end."""
    controller, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
    variables = environment(home, TERM="xterm-256color", **HERE, **variables)
    process = subprocess.Popen([PROGRAM, "runtimes", *arguments], env=variables, cwd=home, stdin=inside, stdout=inside, stderr=inside)
    os.close(inside)

    def screen(until: str | None = None) -> str:
        seen, deadline = b"", time.monotonic() + WAIT_S
        while until is None or until.encode() not in seen:
            assert time.monotonic() < deadline, seen
            if select.select([controller], [], [], 0.1)[0]:
                try:
                    seen += os.read(controller, 65536)
                except OSError:  # the program has ended
                    break
        return seen.decode()

    try:
        yield process, screen
    finally:
        process.kill()
        process.wait()
        os.close(controller)


def rows(output: str) -> list[dict[str, str]]:
    heading, *lines = output.splitlines()
    return [dict(zip(heading.split("\t"), line.split("\t"), strict=True)) for line in lines]


def test_lines_for_a_program(run):
    with ReplayServer(servers.OLLAMA) as ollama, ReplayServer(servers.VLLM) as vllm:
        ended = run(OLLAMA_HOST=ollama.url, VLLM_ENDPOINT=f"gpu={vllm.url}/v1", VLLM_API_KEY=KEY)
        first, second = rows(ended.stdout)
        assert float(first.pop("latency_ms")) > 0
        assert first == {
            "name": "ollama",
            "provider": "ollama",
            "endpoint": ollama.url,
            "status": "online",
            "state": "ready",
            "version": "0.17.4",
            "models_loaded": "gemma3:tiny",
            "requests_running": "",
            "requests_waiting": "",
            "error_message": "",
        }
    assert (second["name"], second["provider"], second["requests_running"]) == ("gpu", "vllm", "0")
    assert ended.stderr == ""


def test_one_that_is_offline_is_said_by_the_exit_status(run):
    with ReplayServer(servers.OLLAMA) as ollama:
        ended = run(OLLAMA_ENDPOINT=ollama.url, VLLM_ENDPOINT="http://127.0.0.1:9", status=1)
    assert [row["status"] for row in rows(ended.stdout)] == ["online", "offline"]
    assert (
        rows(ended.stdout)[1]["error_message"] == "nobody listens at 127.0.0.1:9 (connection refused): start vLLM, or correct its address"
    )


def test_json(run):
    with ReplayServer(servers.VLLM) as vllm:
        (line,) = run("--json", VLLM_ENDPOINT=vllm.url, VLLM_API_KEY=KEY).stdout.splitlines()
    one = json.loads(line)
    assert (one["name"], one["status"], one["state"], one["configured_by"]) == ("vllm", "online", "ready", "VLLM_ENDPOINT")
    assert one["error_message"] is one["reason"] is one["memory_bytes"] is None
    assert (one["models_loaded"], one["models"][0]["context_tokens"], one["requests_waiting"]) == (["gemma-3"], 256, 0)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", one["checked_at"])
    assert "exchanges" not in one
    assert KEY not in line


def test_explain(run):
    hostile = Page("200 OK", (("Content-Type", "text/html"),), b"<html><title>\x1b[2J Log in</title>")
    with ReplayServer({ANYTHING_ELSE: hostile}) as server:
        url = server.url
        text = run("--explain", VLLM_ENDPOINT=url, VLLM_API_KEY=KEY, status=1).stdout
        one = json.loads(run("--explain", "--json", VLLM_ENDPOINT=url, status=1).stdout)
    assert f"GET {url}/v1/models  200, " in text
    assert f"GET {url}/health  200, " in text
    assert "→ a web page titled" in text
    assert "→ no model server known here says who it is" in text
    assert "\x1b" not in text
    assert KEY not in text
    assert [each["request"] for each in one["exchanges"][:2]] == [f"GET {url}/version", f"GET {url}/v1/models"]
    assert one["reason"] == "wrong_server"


def test_dotenv_names_servers(run, tmp_path):
    with ReplayServer(servers.OLLAMA) as ollama:
        (tmp_path / ".env").write_text(f"OLLAMA_ENDPOINT={ollama.url}\n")
        assert [row["endpoint"] for row in rows(run().stdout)] == [ollama.url]


def test_the_example_of_a_dotenv_names_every_variable_and_can_be_used(tmp_path):
    example = (ROOT / ".env.example").read_text()
    of_the_scripts = set(re.findall(r"(?m)^\| `([A-Z_]+)`", (ROOT / "docs" / "scripts.md").read_text()))
    known = {name.upper() for name in RuntimeSettings.model_fields} | of_the_scripts
    assert set(re.findall(r"(?m)^(?:# )?([A-Z_]+)=", example)) == known
    (tmp_path / ".env").write_text(example)
    assert {row["name"] for row in rows(command("runtimes", home=tmp_path, **HERE).stdout)} == {"ollama", "vllm"}


def test_a_variable_that_cannot_be_used(run):
    ended = run(VLLM_ENDPOINT="ftp://x", status=2)
    assert ended.stdout == ""
    assert ended.stderr.startswith("venom-otel: VLLM_ENDPOINT: ")


def test_in_a_terminal(tmp_path):
    with ReplayServer(servers.OLLAMA) as ollama:
        url = ollama.url
        with terminal(tmp_path, OLLAMA_ENDPOINT=ollama.url, VLLM_ENDPOINT="http://127.0.0.1:9") as (process, screen):
            shown = screen()
            assert process.wait(WAIT_S) == 1
        plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown).replace("\r\n", "\n").splitlines()
    assert re.fullmatch(r"NAME +STATE +ENDPOINT +VERSION +LATENCY +REQUESTS +MODELS", plain[0])
    assert re.fullmatch(rf"ollama +ready +{re.escape(url)} +0\.17\.4 +\d+ ms +gemma3:tiny", plain[1])
    assert re.fullmatch(r"vllm +stopped +http://127\.0\.0\.1:9", plain[2])
    assert plain[3] == "    nobody listens at 127.0.0.1:9 (connection refused): start vLLM, or correct its address"


def test_watching_in_a_pipe_tells_what_changes(tmp_path):
    with ReplayServer(servers.OLLAMA) as ollama:
        arguments = [PROGRAM, "runtimes", "--watch", "--json"]
        variables = environment(tmp_path, OLLAMA_ENDPOINT=ollama.url, **HERE)
        process = subprocess.Popen(arguments, env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            assert json.loads(process.stdout.readline())["state"] == "ready"
            ollama.pages = servers.ALL_FAILING
            assert json.loads(process.stdout.readline())["state"] == "failing"
            ollama.stop()
            # The look that was under way may have seen a connection break off.
            assert any(json.loads(line)["state"] == "stopped" for line in process.stdout)
            process.send_signal(signal.SIGINT)
            rest, errors = process.communicate(timeout=WAIT_S)
        finally:
            process.kill()
            process.communicate()
    assert (process.returncode, rest, errors) == (0, "", "")


def test_watching_in_a_terminal(tmp_path):
    with ReplayServer(servers.OLLAMA) as ollama, terminal(tmp_path, "--watch", OLLAMA_ENDPOINT=ollama.url) as (process, screen):
        assert "ready" in screen(until="ready")
        ollama.pages = servers.ALL_FAILING
        assert "failing" in screen(until="failing")
        process.send_signal(signal.SIGINT)
        assert process.wait(WAIT_S) == 0


def test_a_name_server_that_does_not_answer_holds_nothing_up(run, tmp_path):
    """The lookup of one name takes minutes; the interpreter's own `socket.getaddrinfo` is what hangs."""
    (tmp_path / "sitecustomize.py").write_text(
        "import socket, time\n"
        "ask = socket.getaddrinfo\n"
        "socket.getaddrinfo = lambda host, *more, **named: time.sleep(600) if 'slow' in str(host) else ask(host, *more, **named)\n"
    )
    where = os.pathsep.join([str(tmp_path), *HERE.values()])
    ended = command("runtimes", home=tmp_path, PYTHONPATH=where, VLLM_ENDPOINT="http://slow.invalid:8000")
    assert ended.returncode == 1, ended.stderr
    assert "does not answer within 3 s" in rows(ended.stdout)[0]["error_message"]


def test_a_local_endpoint_keeps_its_name_once_it_has_said_who_it_is(monkeypatch, kept):
    for name in RuntimeSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    look = Look(RuntimeSettings(llm_local_endpoint=f"http://127.0.0.1:{kept}/v1"), "")

    def names() -> list[tuple[str, str]]:
        return [(row.runtime.name, row.reading.state) for row in asyncio.run(look.take())]

    assert names() == [("local", "stopped")]
    with ReplayServer(servers.VLLM, kept):
        assert names() == [("vllm", "ready")]
    assert names() == [("vllm", "stopped")]


def test_a_cloud_is_looked_at_once_a_minute(monkeypatch):
    for name in RuntimeSettings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
    with ReplayServer(servers.GENERIC) as cloud, ReplayServer(servers.OLLAMA) as ollama:
        look = Look(RuntimeSettings(openai_base_url=f"{cloud.url}/v1", ollama_endpoint=ollama.url), "")
        for _ in range(3):
            assert [row.reading.state for row in asyncio.run(look.take())] == ["ready", "ready"]
        assert cloud.paths.count("/v1/models") == 1
        assert ollama.paths.count("/api/tags") == 3
