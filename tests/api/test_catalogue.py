"""`/api/v1/models` of a real `venom-otel up`, over recorded servers and one that plays Ollama."""

from __future__ import annotations

import json
import re
import shutil

import httpx
import pytest
from support.chat_server import ChatServer
from support.cockpit import Cockpit, wait_for
from support.patience import WAIT_S
from support.replay import ReplayServer
from support.servers import LLAMA_SERVER

from tools import tiny_model
from venom_otel.api import catalogue_models
from venom_otel.api.problems import Problem

PATH = "/api/v1/models"
GETS = {
    "/": (b"Ollama is running", "text/plain"),
    "/api/version": (b'{"version": "0.17.4"}', "application/json"),
    "/api/tags": (b'{"models": [{"name": "gemma3:4b", "model": "gemma3:4b", "size": 3338801804}]}', "application/json"),
    "/api/ps": (b'{"models": []}', "application/json"),
    "/api/delete": (b"", "application/json"),
}


def persona(path):
    body, kind = GETS.get(path, (b"404 page not found", "text/plain"))
    return 200 if path in GETS else 404, kind, body


async def loads(exchange):
    await exchange.reply(200, {"done": True, "done_reason": "load"})


async def waits(exchange):
    await exchange.begin(200, "application/x-ndjson")
    await exchange.send('{"status": "pulling manifest"}\n')
    await exchange.until_closed()


@pytest.fixture(scope="module")
def ollama():
    with ChatServer(persona) as server:
        server.play(loads)
        yield server


@pytest.fixture(scope="module")
def client(tmp_path_factory, ollama):
    """A client of a cockpit that knows an Ollama, a llama.cpp and a folder; without the token."""
    home = tmp_path_factory.mktemp("home")
    shutil.copytree(tiny_model.build() / "tiny-hf", home / "models/tiny-hf")
    with ReplayServer(LLAMA_SERVER) as llama:
        endpoints = {"OLLAMA_ENDPOINT": ollama.url, "LLAMACPP_ENDPOINT": llama.url, "VLLM_ENDPOINT": "http://127.0.0.1:9"}
        with (
            Cockpit(home, VENOM_OTEL_PROBE_INTERVAL_S="1", **endpoints) as cockpit,
            httpx.Client(base_url=cockpit.page, timeout=WAIT_S) as made,
        ):
            made.env = home / ".env"
            made.token = json.loads((home / "data/up.json").read_text())["token"]
            yield made


@pytest.fixture
def told(client):
    """A function that sends a request with the token."""

    def tell(method, path, body=None, **query):
        content = None if body is None else json.dumps(body)  # in ASCII, whatever is in it
        headers = {"Authorization": f"Bearer {client.token}", "Content-Type": "application/json"}
        return client.request(method, f"{PATH}{path}", content=content, params=query or None, headers=headers)

    return tell


def problem(answer, status):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    return Problem.model_validate(answer.json()).detail


def ended(client, answer):
    """The operation that an answer has begun, once it is over, and what was said of it."""
    assert answer.status_code == 202, answer.text
    begun = answer.json()
    assert answer.headers["location"] == begun["links"]["operation"]
    events = client.get(begun["links"]["stream"]).text
    steps = [json.loads(line.removeprefix("data: ")) for line in events.splitlines() if line.startswith("data: ")]
    return steps[:-1], steps[-1]


def test_the_list(client):
    found = client.get(PATH).raise_for_status().json()
    assert list(found["providers"]) == ["vllm", "ollama", "llamacpp", "openai"]
    assert found["active"]["answered"] is None
    ollama, vllm, openai = (found["providers"][name] for name in ("ollama", "vllm", "openai"))
    assert (ollama["status"], ollama["supports"], ollama["servers"][0]["name"]) == ("online", {"install": True}, "ollama")
    (gemma,) = ollama["models"]
    assert (gemma["name"], gemma["friendly_name"], gemma["size_bytes"], gemma["loaded"]) == ("gemma3:4b", "Gemma3 4B", 3338801804, False)
    assert (vllm["status"], vllm["servers"][0]["state"]) == ("offline", "stopped")
    (tiny,) = vllm["models"]
    assert (tiny["name"], tiny["folder"], tiny["server"], tiny["parameters"]) == ("models/tiny-hf", "models/tiny-hf", None, "459K")
    assert tiny["supports"] == {"activate": False, "remove": False}
    assert "set VLLM_START_COMMAND" in tiny["unsupported"]["activate"]
    assert (openai["servers"], openai["models"], openai["supports"]) == ([], [], {"install": False})


def test_activating(client, told):
    steps, operation = ended(client, told("POST", "/ollama/activate", {"model": "Gemma3 4b"}))
    assert [step["words"] for step in steps] == ["Ollama loads gemma3:4b", "LLM_MODEL_NAME is gemma3:4b"]
    assert (operation["state"], operation["kind"], operation["server"], operation["model"]) == (
        "succeeded",
        "activate",
        "ollama",
        "gemma3:4b",
    )
    assert operation["by"] == "token"
    assert client.env.read_text() == "LLM_MODEL_NAME='gemma3:4b'\n"
    configured = client.get(PATH).json()["active"]["configured"]
    assert (configured["model"], configured["provider"], configured["server"], configured["status"]) == (
        "gemma3:4b",
        "ollama",
        "ollama",
        "online",
    )
    assert re.fullmatch(r"Gemma3 4B \(Ollama @ \d+\)", configured["label"])


def test_an_error_inside_a_200_ends_the_operation(client, told, ollama):
    async def fails(exchange):
        await exchange.reply(200, '{"status": "pulling manifest"}\n{"error": "pull model manifest: file does not exist"}\n')

    ollama.play(fails)
    steps, operation = ended(client, told("POST", "/ollama/install", {"model": "no-such-model"}))
    assert (steps[0]["words"], operation["state"]) == ("pulling manifest", "failed")
    assert operation["error"] == "Ollama does not get no-such-model: pull model manifest: file does not exist"
    ollama.play(loads)


def test_while_one_is_under_way_another_is_refused(client, told, ollama):
    ollama.play(waits)
    begun = told("POST", "/ollama/install", {"model": "gemma3:12b"}).json()
    assert begun["state"] == "running"
    (request,) = ollama.wait_for(1)
    assert request.body == {"model": "gemma3:12b"}
    for answer in (
        told("POST", "/ollama/install", {"model": "gemma3:12b"}),
        told("POST", "/ollama/activate", {"model": "gemma3:4b"}),
        told("DELETE", "/ollama/gemma3:4b", force=True),
    ):
        assert "ollama is busy: install of gemma3:12b" in problem(answer, 409)
        assert answer.json()["operation"] == begun["links"]["operation"]
    ollama.break_off()
    wait_for(lambda: client.get(begun["links"]["operation"]).json()["state"] == "failed", "the end")
    ollama.play(loads)


def test_removing(client, told, ollama):
    ended(client, told("POST", "/ollama/activate", {"model": "gemma3:4b"}))
    assert "it is the configured model" in problem(told("DELETE", "/ollama/gemma3:4b"), 409)
    _, operation = ended(client, told("DELETE", "/ollama/gemma3:4b", force=True))
    assert (operation["state"], operation["kind"], operation["model"]) == ("succeeded", "remove", "gemma3:4b")
    assert "/api/delete" in ollama.asked


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("POST", "/sglang/activate", {"model": "x"}, 404, "there is no provider 'sglang'"),
        ("POST", "/vllm/activate", {"model": "../../etc/passwd"}, 404, "there is no model '../../etc/passwd' of vLLM"),
        ("POST", "/ollama/activate", {"model": "gemma3:4b", "server": "big"}, 404, "there is no server 'big' of Ollama; there is ollama"),
        ("POST", "/vllm/activate", {"model": "tiny-hf"}, 400, "set VLLM_START_COMMAND"),
        ("POST", "/vllm/install", {"model": "google/gemma-3-4b-it"}, 400, "hf download google/gemma-3-4b-it --local-dir models/gemma-3"),
        ("POST", "/llamacpp/install", {"model": "x"}, 400, "LLAMACPP_START_COMMAND"),
        ("POST", "/openai/install", {"model": "x"}, 400, "it has those that it offers"),
        ("POST", "/ollama/install", {"model": "--insecure x"}, 400, "is no name of a model"),
        ("DELETE", "/vllm/models/tiny-hf", None, 400, "rm -r models/tiny-hf"),
        ("DELETE", "/llamacpp/gemma-3", None, 400, "its file is the server's own"),
        ("DELETE", "/ollama/nothing", None, 404, "there is no model 'nothing' of Ollama. It has: gemma3:4b."),
        ("POST", "/ollama/activate", {"model": "a\nb"}, 422, "a name of visible characters is wanted"),
        ("POST", "/ollama/activate", {"model": "a" * 513}, 422, "at most 512"),
        ("POST", "/ollama/activate", {"model": ""}, 422, "model"),
        ("POST", "/ollama/activate", {"model": "x", "command": "rm"}, 422, "command"),
        ("POST", "/ollama/install", None, 422, ""),
        ("POST", "/ollama/install", {"model": "x", "server": "a\n"}, 422, "visible characters"),
        ("POST", "/ollama/install", {"model": "x", "server": "\ud800"}, 422, "unicode string"),
        ("POST", "/ollama/install", {"model": "\ud800"}, 422, "unicode string"),
        ("DELETE", "/ollama/x?server=%FF%0A", None, 422, "visible characters"),
        ("DELETE", "/ollama/%00", None, 422, "visible characters"),
    ],
)
def test_what_is_refused(told, method, path, body, status, words):
    assert words in problem(told(method, path, body), status)


@pytest.mark.parametrize(("method", "path"), [("POST", "/ollama/activate"), ("POST", "/ollama/install"), ("DELETE", "/ollama/gemma3:4b")])
def test_changing_something_needs_the_token(client, ollama, method, path):
    before = len(ollama.requests)
    for headers in ({}, {"Authorization": "Bearer wrong"}):
        problem(client.request(method, f"{PATH}{path}", json={"model": "gemma3:4b"} if method == "POST" else None, headers=headers), 401)
    assert len(ollama.requests) == before


def test_the_audit_has_what_was_refused(client, told):
    problem(told("POST", "/vllm/install", {"model": "google/gemma-3-4b-it"}), 400)
    entry = client.get("/api/v1/audit", headers={"Authorization": f"Bearer {client.token}"}).json()["items"][0]
    assert (entry["kind"], entry["outcome"], entry["model"]) == ("install", "refused", "google/gemma-3-4b-it")


def test_the_description(client):
    schema = client.get("/openapi.json").json()
    routes = {
        (path, method): operation
        for path, methods in schema["paths"].items()
        if path.startswith(PATH)
        for method, operation in methods.items()
    }
    assert {path for path, _ in routes} == {
        PATH,
        f"{PATH}/active",
        f"{PATH}/{{provider}}/activate",
        f"{PATH}/{{provider}}/install",
        f"{PATH}/{{provider}}/{{model}}",
    }
    for (path, method), operation in routes.items():
        assert operation["description"], path
        assert all(parameter["description"] for parameter in operation.get("parameters", ()))
        statuses = set(operation["responses"])
        assert statuses == ({"200", "422"} if method == "get" else {"202", "400", "401", "404", "409", "422", "503"})
        for status in statuses - {"200", "202"}:
            Problem.model_validate(operation["responses"][status]["content"]["application/problem+json"]["example"])
    for model in (
        catalogue_models.Models,
        catalogue_models.Provider,
        catalogue_models.Model,
        catalogue_models.ModelServer,
        catalogue_models.InUse,
        catalogue_models.Active,
    ):
        example = model.model_config["json_schema_extra"]["example"]  # what OpenAPI has is the same without nulls
        assert model.model_validate(example).model_dump(mode="json") == example
        assert "example" in schema["components"]["schemas"][model.__name__]
