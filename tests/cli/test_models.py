"""`venom-otel models`: by itself, and through a real `venom-otel up` with a stand-in for vLLM and a real Ollama."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from dotenv import dotenv_values
from support.acting import Place
from support.chat_server import ChatServer
from support.cockpit import PROGRAM, Application, Cockpit, command, environment, wait_for
from support.ollama_server import OllamaServer
from support.patience import WAIT_S
from support.replay import ReplayServer
from support.repository import ROOT
from support.servers import LLAMA_SERVER, OLLAMA
from support.terminal import shown

from tools import tiny_model

STANDIN = Path(__file__).parents[1] / "support" / "standin_vllm.py"


def at(home: Path) -> dict[str, str]:
    """Where the cockpit that the tests start keeps its data."""
    return {"VENOM_OTEL_DATA_DIR": str(home / "data")}


@pytest.fixture
def home(tmp_path):
    """A working directory with a model in a folder."""
    shutil.copytree(tiny_model.build() / "tiny-hf", tmp_path / "models" / "tiny-hf")
    return tmp_path


@pytest.fixture
def run(home):
    """Runs the command; what it printed, and how it ended."""

    def run(*arguments: str, status: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
        ended = command("models", *arguments, home=home, **at(home), **variables)
        assert ended.returncode == status, ended.stderr
        return ended

    return run


@contextlib.contextmanager
def up(home: Path, env: str = "", **variables: str):
    """A cockpit in the directory, whose data other commands find."""
    (home / ".env").write_text(env)
    with Cockpit(home, VENOM_OTEL_PROBE_INTERVAL_S="1", OTEL_METRIC_EXPORT_INTERVAL="300", **variables) as cockpit:
        yield cockpit


def lines(output: str) -> list[dict[str, str]]:
    heading, *found = output.splitlines()
    return [dict(zip(heading.split("\t"), line.split("\t"), strict=True)) for line in found]


def in_a_terminal(home: Path, *arguments: str, **variables: str) -> str:
    """What the command shows there."""
    controller, inside = pty.openpty()
    environ = environment(home, TERM="xterm-256color", COLUMNS="160", **at(home), **variables)
    process = subprocess.Popen([PROGRAM, "models", *arguments], env=environ, cwd=home, stdin=inside, stdout=inside, stderr=inside)
    os.close(inside)
    seen = shown(controller)
    os.close(controller)
    assert process.wait(WAIT_S) == 0, seen
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", seen)


def test_without_a_cockpit_the_servers_are_asked(run):
    with ReplayServer(OLLAMA) as ollama:
        found = lines(run(OLLAMA_ENDPOINT=ollama.url, VLLM_ENDPOINT="http://127.0.0.1:9", LLM_MODEL_NAME="gemma3:tiny").stdout)
    assert [(row["provider"], row["server"], row["name"]) for row in found] == [
        ("vllm", "", "models/tiny-hf"),
        ("ollama", "ollama", "gemma3:tiny"),
    ]
    folder, installed = found
    assert (folder["parameters"], folder["context_tokens"], folder["folder"], folder["loaded"]) == (
        "459K",
        "1024",
        "models/tiny-hf",
        "false",
    )
    assert (installed["configured"], installed["answered"], installed["friendly_name"]) == ("true", "false", "Gemma3 Tiny")


def test_json_says_that_a_cockpit_is_needed_to_do_something(run):
    (line,) = run("--json", VLLM_ENDPOINT="http://127.0.0.1:9").stdout.splitlines()
    one = json.loads(line)
    assert (one["architecture"], one["dtype"], one["parameters_from"]) == ("LlamaForCausalLM", "float32", "headers")
    assert one["supports"] == {"activate": False, "remove": False}
    assert "start it" in one["unsupported"]["activate"]


def test_in_a_terminal(home):
    (home / "models/half").mkdir()
    (home / "models/half/config.json").write_text("{}")
    with ReplayServer(OLLAMA) as ollama:
        shown = in_a_terminal(
            home, OLLAMA_ENDPOINT=ollama.url, VLLM_ENDPOINT="http://127.0.0.1:9", LLM_MODEL_NAME="gemma3:tiny"
        ).splitlines()
        label = f"Gemma3 Tiny (Ollama @ {ollama.port})"
    assert shown[0] == f"In use: {label}, online"
    assert shown[1].split() == ["NAME", "SERVER", "PARAMETERS", "QUANTIZATION", "SIZE", "CONTEXT", "STATE"]
    assert re.fullmatch(r" +models/half +vllm +cannot be served", shown[2])
    assert shown[3] == "    there are no weights in it: `hf download` fetches what is missing"
    assert re.fullmatch(r" +models/tiny-hf +vllm +459K +1\.8 MB +1024 +in its folder", shown[4])
    assert re.match(r"→ +gemma3:tiny +ollama +459K +unknown +1\.9 MB", shown[5])
    assert shown[6].startswith("vLLM is stopped: nobody listens at 127.0.0.1:9")


def test_there_is_no_cockpit(run):
    for arguments in (["activate", "x"], ["install", "x"], ["remove", "x", "--yes"]):
        assert "start it first" in run(*arguments, status=2).stderr


def test_words_of_what_cannot_be(home, run):
    with ReplayServer(OLLAMA) as ollama, ReplayServer(LLAMA_SERVER) as llama:
        variables = {"OLLAMA_ENDPOINT": ollama.url, "LLAMACPP_ENDPOINT": llama.url, "VLLM_ENDPOINT": "http://127.0.0.1:9"}
        with up(home, **variables):
            assert "there is no model 'nothing': `venom-otel models` lists" in run("activate", "nothing", status=2).stderr
            said = run("activate", "tiny-hf", status=2).stderr
            assert "models/tiny-hf cannot be activated: another model is served, and set VLLM_START_COMMAND" in said
            said = run("install", "google/gemma-3-4b-it", "--provider", "vllm", status=2).stderr
            assert "hf download google/gemma-3-4b-it --local-dir models/gemma-3-4b-it" in said
            assert "--yes: there is nobody here to ask" in run("remove", "gemma3:tiny", status=2).stderr
            said = run("remove", "tiny-hf", "--yes", status=2).stderr
            assert "rm -r models/tiny-hf" in said


def test_the_environment_overrules_the_file(home, run):
    with (
        ReplayServer(LLAMA_SERVER) as llama,
        up(home, "LLM_MODEL_NAME=old\n", LLAMACPP_ENDPOINT=llama.url, LLM_MODEL_NAME="from-the-shell"),
    ):
        said = run("activate", "Gemma 3", status=2).stderr
    assert "LLM_MODEL_NAME is set in the environment in which `venom-otel up` was started" in said
    assert (home / ".env").read_text() == "LLM_MODEL_NAME=old\n"


def active(cockpit):
    """The configured model by the metric that the cockpit stores, as (model, server) with the value 1."""
    series = httpx.get(f"{cockpit.page}/api/v1/metrics", params={"name": "llm.active_model"}).json()["items"]
    found = set()
    for one in series:
        points = httpx.get(f"{cockpit.page}/api/v1/metrics/{one['id']}/points").json()["items"]
        if points[-1]["value"] == 1 and one["attributes"]["llm.source"] == "configured":
            found.add((one["attributes"]["llm.model"], one["attributes"]["llm.provider"]))
    return found


def test_vllm_by_its_script(home, run):
    """The scripts that come with the package, a stand-in in the place of the program; the change lasts and is seen everywhere."""
    shutil.copytree(home / "models/tiny-hf", home / "models/another")
    with Place(home) as place:
        env = (
            f"# mine\nVLLM_ENDPOINT={place.url}/v1\nVLLM_START_COMMAND={ROOT}/scripts/llm/vllm_service.sh start\n"
            f"VLLM_STOP_COMMAND={ROOT}/scripts/llm/vllm_service.sh stop\n"
            f"VLLM_COMMAND='{shlex.join([sys.executable, str(STANDIN)])}'\nLLM_MODEL_NAME=models/tiny-hf\n"
        )
        with up(home, env) as cockpit:
            ended = run("activate", "Tiny Hf")
            assert re.fullmatch(r"activate models/tiny-hf on vllm: succeeded after \d+\.\d s\n", ended.stdout)
            assert "LLM_MODEL_NAME is models/tiny-hf" in ended.stderr
            run("activate", "another")
            assert (home / ".env").read_text() == env.replace("LLM_MODEL_NAME=models/tiny-hf", "LLM_MODEL_NAME='models/another'")
            found = {row["name"]: row for row in lines(run().stdout)}
            assert (found["models/another"]["server"], found["models/another"]["configured"]) == ("vllm", "true")
            assert (found["models/tiny-hf"]["server"], found["models/tiny-hf"]["configured"]) == ("", "false")
            wait_for(lambda: active(cockpit) == {("models/another", "vllm")}, "the metric")
            shown = httpx.get(f"{cockpit.page}/api/v1/models").json()["active"]["configured"]
            assert (shown["label"], shown["status"]) == (f"Another (vLLM @ {place.port})", "online")
        # The server lives on, and whoever starts now knows what was configured.
        assert lines(run().stdout)[0]["configured"] == "true"
        assert dotenv_values(home / ".env")["LLM_MODEL_NAME"] == "models/another"


@pytest.mark.ollama
def test_a_real_ollama(home, run, ollama_program):
    with OllamaServer(home / "ollama") as ollama:
        with up(home, f"OLLAMA_ENDPOINT={ollama.url}\n") as cockpit, Application(cockpit.otlp) as application:
            assert "activate gemma3:tiny on ollama: succeeded" in run("activate", "gemma3 tiny").stdout
            assert [model["name"] for model in httpx.get(f"{ollama.url}/api/ps").json()["models"]] == ["gemma3:tiny"]
            wait_for(lambda: active(cockpit) == {("gemma3:tiny", "ollama")}, "the metric")
            application.request("gemma3:tiny", endpoint=f"{ollama.url}/v1")
            wait_for(lambda: lines(run().stdout)[-1]["answered"] == "true", "the answer")
            shown = in_a_terminal(home)
            assert f"In use: Gemma3 Tiny (Ollama @ {ollama.port}), online\n" in shown
            assert f"Answered last: Gemma3 Tiny (Ollama @ {ollama.port}), online\n" in shown

            said = run("install", "http://127.0.0.1:9/library/none:latest", status=1).stderr
            assert "install http://127.0.0.1:9/library/none:latest on ollama: failed: " in said
            assert "connection refused" in said
            assert "it is the configured model" in run("remove", "gemma3:tiny", "--yes", status=2).stderr
            assert "succeeded" in run("remove", "gemma3:tiny", "--yes", "--force").stdout
            assert httpx.get(f"{ollama.url}/api/tags").json()["models"] == []
        assert (home / ".env").read_text().endswith("LLM_MODEL_NAME='gemma3:tiny'\n")


def test_a_bar_where_bytes_are_counted(home):
    async def pulls(exchange):
        await exchange.begin(200, "application/x-ndjson")
        for done in range(0, 1001, 250):
            part = {"status": "pulling a1b2", "digest": "sha256:a1b2", "total": 1000, "completed": done}
            await exchange.send(json.dumps(part) + "\n")
        await exchange.send('{"status": "success"}\n')
        await exchange.end()

    def persona(path):
        pages = {"/": (b"Ollama is running", "text/plain"), "/api/version": (b'{"version": "0.17.4"}', "application/json")}
        body, kind = pages.get(path, (b'{"models": []}', "application/json"))
        return 200, kind, body

    with ChatServer(persona) as ollama, up(home, OLLAMA_ENDPOINT=ollama.url):
        ollama.play(pulls)
        shown = in_a_terminal(home, "install", "gemma3:4b")
    assert "install gemma3:4b on ollama: succeeded after" in shown
    assert ollama.requests[0].body == {"model": "gemma3:4b"}


async def goes_on(exchange):
    """A pull without an end."""
    await exchange.begin(200, "application/x-ndjson")
    await exchange.send('{"status": "pulling manifest"}\n')
    await exchange.until_closed()


def persona(path):
    """An Ollama without models."""
    return 200, "application/json", b'{"models": [], "version": "0.17.4"}'


def test_an_interrupt_ends_the_waiting_alone(home):
    with ChatServer(persona) as ollama, up(home, OLLAMA_ENDPOINT=ollama.url) as cockpit:
        ollama.play(goes_on)
        process = subprocess.Popen(
            [PROGRAM, "models", "install", "gemma3:4b"],
            env=environment(home, **at(home)),
            cwd=home,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stderr.readline() == "pulling manifest\n"
        process.send_signal(signal.SIGINT)
        words = process.communicate(timeout=WAIT_S)[1]
        assert process.returncode == 130
        assert re.fullmatch(
            r"ollama goes on fetching gemma3:4b, as operation [0-9a-f]+; `venom-otel models cancel gemma3:4b` ends it\.\n", words
        )
        (operation,) = httpx.get(f"{cockpit.page}/api/v1/operations").json()["items"]
        assert operation["state"] == "running"
        assert cockpit.stop()[0] == 0  # does not wait for what has no end
        assert ollama.requests[0].closed_early.wait(WAIT_S)  # which ends the pull on the server


def fetching(home, cockpit, name, server="ollama"):
    """`install` in a process of its own, once the server is at it."""
    arguments = [PROGRAM, "models", "install", name, "--server", server]
    process = subprocess.Popen(
        arguments, env=environment(home, **at(home)), cwd=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr.readline() == "pulling manifest\n"
    return process


def test_fetching_is_given_up(home, run):
    with ChatServer(persona) as ollama, up(home, OLLAMA_ENDPOINT=ollama.url) as cockpit:
        assert "no model is being fetched" in run("cancel", status=2).stderr
        ollama.play(goes_on)
        waiting = fetching(home, cockpit, "gemma3:4b")
        assert "'other:1b' is not being fetched; gemma3:4b on ollama is" in run("cancel", "other:1b", status=2).stderr
        assert run("cancel").stdout == (
            "gemma3:4b on ollama: given up; what has come stays, and `venom-otel models install gemma3:4b` goes on with it\n"
        )
        words = waiting.communicate(timeout=WAIT_S)[1]
        assert waiting.returncode == 1
        assert "install gemma3:4b on ollama: cancelled: " in words
        assert ollama.requests[0].closed_early.wait(WAIT_S)
        (operation,) = httpx.get(f"{cockpit.page}/api/v1/operations").json()["items"]
        assert operation["state"] == "cancelled"


def test_which_fetching_is_meant(home, run):
    with (
        ChatServer(persona) as first,
        ChatServer(persona) as second,
        up(home, OLLAMA_ENDPOINT=f"{first.url},big={second.url}") as cockpit,
    ):
        for server in (first, second):
            server.play(goes_on)
        waiting = [fetching(home, cockpit, name, server) for name, server in (("gemma3:4b", "ollama"), ("qwen3:8b", "big"))]
        words = run("cancel", status=2).stderr
        assert "several models are being fetched, gemma3:4b on ollama and qwen3:8b on big: name one." in words
        assert "qwen3:8b on big: given up" in run("cancel", "qwen3:8b").stdout
        waiting.append(fetching(home, cockpit, "gemma3:4b", "big"))
        assert "say where it is meant with --server" in run("cancel", "gemma3:4b", status=2).stderr
        assert "gemma3:4b on big: given up" in run("cancel", "gemma3:4b", "--server", "big").stdout
        assert "gemma3:4b on ollama: given up" in run("cancel", "gemma3:4b").stdout
        assert [each.communicate(timeout=WAIT_S) and each.returncode for each in waiting] == [1, 1, 1]
