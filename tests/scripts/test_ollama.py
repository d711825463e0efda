"""ollama_service.sh with the real Ollama."""

from __future__ import annotations

import httpx
import pytest

pytestmark = [pytest.mark.ollama, pytest.mark.slow]


def version(service):
    return httpx.get(f"{service.url}/api/version", trust_env=False).json()["version"]


def test_from_start_to_stop(ollama_service):
    assert "not running" in ollama_service.run("status", status=3)
    assert f"127.0.0.1:{ollama_service.port} answers" in ollama_service.run("start")
    assert version(ollama_service)
    assert (ollama_service.folder / "store").is_dir()  # OLLAMA_MODELS
    first = ollama_service.pid()
    assert f"already running (process {first})" in ollama_service.run("start", status=1)
    assert "running" in ollama_service.run("status")
    ollama_service.run("restart")
    assert version(ollama_service)
    assert [process.pid for process in ollama_service.processes()] == [ollama_service.pid()] != [first]
    ollama_service.run("stop")
    assert ollama_service.processes() == []
    assert f"Listening on 127.0.0.1:{ollama_service.port}" in ollama_service.log.read_text()


def test_a_killed_one_is_started_again(ollama_service):
    ollama_service.run("start")
    ollama_service.kill()
    assert "dead" in ollama_service.run("status", status=1)
    ollama_service.run("start")
    assert version(ollama_service)
    assert [process.pid for process in ollama_service.processes()] == [ollama_service.pid()]


@pytest.mark.parametrize("host", ["127.0.0.1:{port}", "http://localhost:{port}", '"127.0.0.1:{port}"'])
def test_ollamas_own_variable(ollama_service, host):
    """In .env, where OLLAMA_ENDPOINT is not set."""
    (ollama_service.folder / ".env").write_text(f"OLLAMA_HOST={host.format(port=ollama_service.port)}\n")
    del ollama_service.variables["OLLAMA_ENDPOINT"]
    ollama_service.run("start")
    assert version(ollama_service)


def test_one_that_ends_at_once_is_heard(ollama_service):
    said = ollama_service.run("start", status=1, OLLAMA_MODELS="/dev/null/store")
    assert "/dev/null" in said
    assert said.endswith("ollama: Ollama ended at once\n")
    assert "not running" in ollama_service.run("status", status=3)
