"""With what `venom-otel init` writes, the page's buttons work: they do what `venom-otel runtimes start` asks `venom-otel up` for."""

from __future__ import annotations

import httpx
import pytest
from scripts.conftest import SCRIPTS
from support.cockpit import Cockpit, command
from support.patience import WAIT_S

pytestmark = [pytest.mark.ollama, pytest.mark.slow]


@pytest.fixture
def running(ollama_service):
    """`venom-otel up` in a directory that `init` has filled; what cannot be in the file here comes by the environment."""
    assert command("init", home=ollama_service.folder).returncode == 0
    variables = {name: value for name, value in ollama_service.variables.items() if name.startswith("OLLAMA_")}
    variables |= {"VLLM_ENDPOINT": "http://127.0.0.1:9", "VLLM_COMMAND": "./no-such-program", "LLM_MODEL_NAME": "google/gemma-3-4b-it"}
    # Looks once an hour: what is seen is seen because of an action.
    with Cockpit(
        ollama_service.folder, VENOM_OTEL_PROBE_INTERVAL_S="3600", VENOM_OTEL_ACTION_TIMEOUT_S=str(WAIT_S), **variables
    ) as running:
        yield running


def tell(running, action, name):
    return command("runtimes", action, name, "--data-dir", str(running.folder / "data"), home=running.folder)


def server(running, name):
    return httpx.get(f"{running.page}/api/v1/system/llm-servers/{name}", params={"max_age": 0}).raise_for_status().json()


def test_ollama_by_the_page_and_by_hand(running, ollama_service):
    for name in ("ollama", "vllm"):
        found = server(running, name)
        assert (found["state"], found["supports"]) == ("stopped", {"start": True, "stop": True, "restart": True})
    assert (running.folder / "scripts" / "llm" / "ollama_service.sh").read_bytes() == (SCRIPTS / "ollama_service.sh").read_bytes()

    started = tell(running, "start", "ollama")
    assert started.returncode == 0, started.stderr
    first = ollama_service.pid()
    assert server(running, "ollama")["status"] == "online"
    assert f"running (process {first})" in ollama_service.run("status")  # by hand

    assert tell(running, "restart", "ollama").returncode == 0
    assert ollama_service.pid() != first
    ollama_service.kill()
    assert server(running, "ollama")["state"] == "stopped"
    assert tell(running, "start", "ollama").returncode == 0
    assert tell(running, "stop", "ollama").returncode == 0
    assert server(running, "ollama")["state"] == "stopped"
    assert "not running" in ollama_service.run("status", status=3)

    ollama_service.run("start")  # by hand, and by the page no more
    assert server(running, "ollama")["status"] == "online"
    assert tell(running, "stop", "ollama").returncode == 0
    assert [process.pid for process in ollama_service.processes()] == [running.process.pid]


def test_why_vllm_does_not_start_is_said(running):
    failed = tell(running, "start", "vllm")
    assert failed.returncode == 1
    assert "VLLM_START_COMMAND ended with status 5" in failed.stderr
    assert "vllm: vLLM is not installed: there is no program ./no-such-program" in failed.stderr
    assert "set VLLM_COMMAND=" in failed.stderr
