"""A model is fetched by a real Ollama, told so by the API and by the command, and then used: from the list to an answer."""

from __future__ import annotations

import json

import httpx
import pytest
from dotenv import dotenv_values
from support.cockpit import Cockpit, command, wait_for
from support.model_registry import ModelRegistry
from support.ollama_server import OllamaServer

pytestmark = pytest.mark.ollama


@pytest.fixture
def registry(tmp_path):
    with ModelRegistry(tmp_path / "registry") as running:
        yield running


@pytest.fixture
def ollama(ollama_program, registry, tmp_path):
    """One without a model, that trusts the registry."""
    with OllamaServer(tmp_path / "ollama", environment=registry.environment) as server:
        httpx.request("DELETE", f"{server.url}/api/delete", json={"model": server.model}).raise_for_status()
        yield server


@pytest.fixture
def cockpit(ollama, tmp_path):
    with Cockpit(tmp_path, VENOM_OTEL_PROBE_INTERVAL_S="1", OLLAMA_ENDPOINT=ollama.url) as running:
        yield running


@pytest.fixture
def api(cockpit, tmp_path):
    token = (tmp_path / "data/token").read_text().strip()
    with httpx.Client(base_url=f"{cockpit.page}/api/v1", headers={"Authorization": f"Bearer {token}"}, timeout=60) as client:
        yield client


def run(home, *arguments):
    """What `venom-otel models` says."""
    return command("models", *arguments, home=home, VENOM_OTEL_DATA_DIR=str(home / "data"))


def test_by_the_api(api, registry):
    assert api.get("/models").json()["providers"]["ollama"]["models"] == []
    begun = api.post("/models/ollama/install", json={"model": registry.model})
    assert begun.status_code == 202
    steps, ended = [], {}
    with api.stream("GET", begun.json()["links"]["stream"].removeprefix("/api/v1")) as stream:
        kind = ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            kind = value if name == "event" else kind
            if name == "data" and kind == "progress":
                steps.append(json.loads(value))
                if steps[-1]["total"] == registry.size and steps[-1]["completed"] == 0:
                    registry.give(0.5)
                elif (steps[-1]["completed"] or 0) >= registry.size // 2:
                    registry.give(1)
            elif name == "data" and kind == "finished":
                ended = json.loads(value)
                break
    assert ended["state"] == "succeeded"
    assert any(registry.size // 2 <= (step["completed"] or 0) < registry.size for step in steps)
    assert steps[-1]["completed"] == steps[-1]["total"] > registry.size
    (model,) = api.get("/models").json()["providers"]["ollama"]["models"]
    assert (model["name"], model["size_bytes"] > registry.size) == (registry.model, True)


def test_given_up_and_asked_for_again(api, registry):
    """What has come stays with Ollama, so that it goes on from there."""
    registry.give(0.5)
    begun = api.post("/models/ollama/install", json={"model": registry.model}).json()
    path = begun["links"]["operation"].removeprefix("/api/v1")
    wait_for(lambda: registry.sent >= registry.size // 2, "half of it")
    assert api.delete(path, headers={"Authorization": "Bearer wrong"}).status_code == 401
    answer = api.delete(path)
    assert (answer.status_code, answer.headers["location"]) == (202, begun["links"]["operation"])
    ended = wait_for(lambda: next((one for one in [api.get(path).json()] if one["finished_at"]), None), "its end")
    assert (ended["state"], ended["error"]) == ("cancelled", "by token")
    assert api.delete(path).status_code == 409
    assert api.delete("/operations/nothing").status_code == 404
    registry.wait_until_left()
    assert api.get("/models").json()["providers"]["ollama"]["models"] == []
    registry.give(1)
    again = api.post("/models/ollama/install", json={"model": registry.model}).json()["links"]["operation"].removeprefix("/api/v1")
    wait_for(lambda: api.get(again).json()["state"] == "succeeded", "the model")
    assert registry.sent < 1.1 * registry.size


def test_by_the_command(cockpit, ollama, registry, tmp_path):
    registry.give(1)
    fetched = run(tmp_path, "install", registry.model)
    assert fetched.returncode == 0, fetched.stderr
    assert f"install {registry.model} on ollama: succeeded after" in fetched.stdout
    used = run(tmp_path, "activate", "Tiny Pulled")
    assert used.returncode == 0, used.stderr
    assert dotenv_values(tmp_path / ".env") == {"LLM_MODEL_NAME": registry.model}
    asked = {"model": registry.model, "messages": [{"role": "user", "content": "hello"}]}
    said = httpx.post(f"{ollama.url}/v1/chat/completions", json=asked, timeout=60).json()
    assert said["choices"][0]["message"]["content"].strip()
    gone = run(tmp_path, "remove", registry.model, "--yes", "--force")
    assert gone.returncode == 0, gone.stderr
    assert httpx.get(f"{ollama.url}/api/tags").json()["models"] == []
