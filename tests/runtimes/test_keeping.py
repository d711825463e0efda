"""Loading, fetching and deleting models: what becomes of a server's answers, and of their failing, on real sockets; and a real Ollama."""

from __future__ import annotations

import asyncio
import contextlib
import json

import httpx
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from pydantic import SecretStr
from runtimes.conftest import runtime
from support.chat_server import ChatServer, ClosedPort
from support.model_registry import ModelRegistry
from support.ollama_server import OllamaServer
from support.patience import WAIT_S
from support.unhurried import growing

from venom_otel.errors import ActionError
from venom_otel.runtimes import ollama_models
from venom_otel.runtimes.protocol import Ability, ModelKeeper, Progress
from venom_otel.runtimes.registry import adapter, adapters

KEY = "Zx9-planted.KEY~42"
NDJSON = "application/x-ndjson"
KEEPER = adapter("ollama")


def lines(*parts):
    """A behaviour that streams lines of JSON."""

    async def answer(exchange):
        await exchange.begin(200, NDJSON)
        for part in parts:
            await exchange.send(json.dumps(part) + "\n")
        await exchange.end()

    return answer


def status(code, body):
    async def answer(exchange):
        await exchange.reply(code, body)

    return answer


def persona(code=200, body=b""):
    """What DELETE is answered with."""
    return lambda path: (code, "application/json", body if isinstance(body, bytes) else json.dumps(body).encode())


@pytest.fixture
def server():
    with ChatServer(persona()) as running:
        yield running


async def installed(ours, model="gemma3:tiny"):
    return [progress async for progress in KEEPER.install(ours, model)]


def load(ours, model="gemma3:tiny"):
    asyncio.run(KEEPER.load(ours, model))


def failure(work):
    with pytest.raises(ActionError) as caught:
        work()
    return str(caught.value)


def test_abilities_say_who_keeps_models():
    for provider, one in adapters().items():
        keeps = {Ability.LOAD, Ability.INSTALL, Ability.REMOVE} & one.abilities
        assert isinstance(one, ModelKeeper) == bool(keeps), provider


def test_loading_is_a_request_without_a_prompt(server):
    server.play(status(200, {"model": "gemma3:tiny", "response": "", "done": True, "done_reason": "load"}))
    load(runtime("ollama", f"{server.url}/v1", SecretStr(KEY)))
    (request,) = server.requests
    assert (request.path, request.body) == ("/api/generate", {"model": "gemma3:tiny", "stream": False})
    assert request.headers["authorization"] == f"Bearer {KEY}"
    assert not {"origin", "cookie", "traceparent"} & request.headers.keys()


@pytest.mark.parametrize(
    ("code", "body", "words"),
    [
        (404, {"error": "model 'x' not found"}, "it has no model of that name (model 'x' not found). `venom-otel models` lists them"),
        (
            500,
            {"error": "model requires more system memory (5.6 GiB) than is available"},
            "500: model requires more system memory (5.6 GiB)",
        ),
        (400, {"error": '"all-minilm" does not support generate'}, '400: "all-minilm" does not support generate'),
        (401, {"error": "unauthorized"}, "it is up, but asks for a key (401: unauthorized): set OLLAMA_API_KEY"),
        (403, b"", "bound to a loopback address, Ollama answers for localhost and the like alone"),
        (502, b"", "502: without a word"),
        (200, {"error": f"broken by {KEY}"}, "does not load gemma3:tiny: broken by"),
    ],
)
def test_a_model_that_is_not_loaded(server, code, body, words):
    server.play(status(code, body))
    said = failure(lambda: load(runtime("ollama", server.url)))
    assert said.startswith("Ollama does not load gemma3:tiny: ")
    assert words in said


def test_a_key_that_is_refused_is_not_shown(server):
    server.play(status(401, {"error": f"bad key {KEY} \x1b[2J"}))
    said = failure(lambda: load(runtime("ollama", server.url, SecretStr(KEY))))
    assert "refuses the key" in said
    assert "correct OLLAMA_API_KEY" in said
    assert KEY not in said
    assert said.isprintable()


def test_progress_is_that_of_all_layers(server):
    server.play(
        lines(
            {"status": "pulling manifest"},
            {"status": "pulling a1", "digest": "sha256:a1", "total": 900},
            {"status": "pulling a1", "digest": "sha256:a1", "total": 900, "completed": 450},
            {"status": "pulling b2", "digest": "sha256:b2", "total": 100, "completed": 100},
            {"status": "pulling a1", "digest": "sha256:a1", "total": 900, "completed": 900},
            {"unexpected": 1},
            {"status": "verifying sha256 digest"},
            {"status": "success"},
        )
    )
    found = asyncio.run(installed(runtime("ollama", server.url)))
    assert found == [
        Progress("pulling manifest"),
        Progress("pulling a1", 0, 900),
        Progress("pulling a1", 450, 900),
        Progress("pulling b2", 550, 1000),
        Progress("pulling a1", 1000, 1000),
        Progress("verifying sha256 digest", 1000, 1000),
        Progress("success", 1000, 1000),
    ]
    assert server.requests[0].body == {"model": "gemma3:tiny"}


@pytest.mark.parametrize(
    "part", [{"total": -5, "completed": 9}, {"total": "9"}, {"total": 10, "completed": 10**30}, {"digest": 7, "total": 3}]
)
def test_numbers_that_make_no_sense(server, part):
    server.play(lines({"status": "pulling a1", "digest": "sha256:a1", **part}, {"status": "success"}))
    for progress in asyncio.run(installed(runtime("ollama", server.url))):
        assert (progress.completed, progress.total) in {(None, None), (0, 10)}


def test_an_error_inside_a_200(server):
    server.play(lines({"status": "pulling manifest"}, {"error": "pull model manifest: file does not exist"}))
    said = failure(lambda: asyncio.run(installed(runtime("ollama", server.url))))
    assert said == "Ollama does not get gemma3:tiny: pull model manifest: file does not exist"


def test_a_report_that_ends_too_soon(server):
    server.play(lines({"status": "pulling manifest"}))
    assert "without saying that it is done" in failure(lambda: asyncio.run(installed(runtime("ollama", server.url))))


def test_a_connection_that_breaks_off(server):
    async def breaks(exchange):
        await exchange.begin(200, NDJSON)
        await exchange.send('{"status": "pulling manifest"}\n')
        exchange.reset()

    server.play(breaks)
    assert failure(lambda: asyncio.run(installed(runtime("ollama", server.url)))).startswith("it broke off: ")


def test_a_server_that_falls_silent(server, monkeypatch):
    async def falls_silent(exchange):
        await exchange.begin(200, NDJSON)
        await exchange.send('{"status": "pulling manifest"}\n')
        await exchange.until_closed()

    server.play(falls_silent)
    for silence_s in growing(0.2):
        monkeypatch.setattr(ollama_models, "SILENCE_S", silence_s)
        if "has said nothing" in (said := failure(lambda: asyncio.run(installed(runtime("ollama", server.url))))):
            break
    assert said == f"127.0.0.1:{server.port} has said nothing for {silence_s:g} s: it hangs, or its machine is gone"


def test_a_server_that_never_answers(server, monkeypatch):
    async def never(exchange):
        await exchange.until_closed()

    monkeypatch.setattr(ollama_models, "LOAD_S", 0.2)
    server.play(never)
    assert "takes connections but does not answer within 0.2 s" in failure(lambda: load(runtime("ollama", server.url)))


def test_a_line_without_end(server):
    async def floods(exchange):
        await exchange.begin(200, NDJSON)
        while True:
            await exchange.send(b'{"status": "' + b"x" * 65536)

    server.play(floods)
    assert "a line of more than a megabyte" in failure(lambda: asyncio.run(installed(runtime("ollama", server.url))))


def test_leaving_closes_the_connection_which_ends_the_pull(server):
    async def goes_on(exchange):
        await exchange.begin(200, NDJSON)
        await exchange.send('{"status": "pulling manifest"}\n')
        await exchange.until_closed()

    async def leave():
        async with contextlib.aclosing(KEEPER.install(runtime("ollama", server.url), "gemma3:tiny")) as parts:
            async for _ in parts:
                break
        assert await asyncio.to_thread(server.requests[0].closed_early.wait, WAIT_S)

    server.play(goes_on)
    asyncio.run(leave())


def test_nobody_there():
    closed = ClosedPort()
    ours = runtime("ollama", closed.url)
    for work in (lambda: load(ours), lambda: asyncio.run(installed(ours)), lambda: asyncio.run(KEEPER.remove(ours, "x"))):
        assert failure(work) == f"nobody listens at 127.0.0.1:{closed.port} (connection refused): start Ollama first"
    closed.close()


def test_deleting():
    with ChatServer(persona()) as server:
        server.play(status(200, {"done": True, "done_reason": "unload"}))
        asyncio.run(KEEPER.remove(runtime("ollama", server.url), "gemma3:tiny"))
        assert [(request.path, request.body["keep_alive"]) for request in server.requests] == [("/api/generate", 0)]
        assert server.asked == ["/api/delete"]
    with ChatServer(persona(404, {"error": "model 'x' not found"})) as server:
        server.play(status(404, {"error": "model 'x' not found"}))
        said = failure(lambda: asyncio.run(KEEPER.remove(runtime("ollama", server.url), "x")))
    assert said.startswith("Ollama does not delete x: it has no model of that name")


def test_no_spans(server, capture):
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=capture.tracer_provider)
    try:
        server.play(status(200, {"done": True}))
        load(runtime("ollama", server.url))
    finally:
        instrumentor.uninstrument()
    assert capture.spans() == []


@pytest.mark.ollama
def test_real_ollama(ollama_program, tmp_path):
    with OllamaServer(tmp_path) as ollama:
        ours = runtime("ollama", ollama.url)
        assert httpx.get(f"{ollama.url}/api/ps").json()["models"] == []
        load(ours, ollama.model)
        assert [model["name"] for model in httpx.get(f"{ollama.url}/api/ps").json()["models"]] == [ollama.model]
        assert "it has no model of that name (model 'nothing' not found)" in failure(lambda: load(ours, "nothing"))

        # No registry is asked: the name leads to a port at which nobody listens.
        said = failure(lambda: asyncio.run(installed(ours, "http://127.0.0.1:9/library/no-such-model:latest")))
        assert said.startswith("Ollama does not get http://127.0.0.1:9/library/no-such-model:latest: ")
        assert "connection refused" in said

        asyncio.run(KEEPER.remove(ours, ollama.model))
        assert httpx.get(f"{ollama.url}/api/tags").json()["models"] == []
        assert "model 'gemma3:tiny' not found" in failure(lambda: asyncio.run(KEEPER.remove(ours, ollama.model)))


@pytest.mark.ollama
def test_a_real_pull(ollama_program, tmp_path):
    """Ollama gets a model from a registry: its bytes are counted while they come, and then it is there and answers."""
    with (
        ModelRegistry(tmp_path / "registry") as registry,
        OllamaServer(tmp_path / "ollama", environment=registry.environment) as ollama,
    ):
        ours = runtime("ollama", ollama.url)
        asyncio.run(KEEPER.remove(ours, ollama.model))  # its weights are those that the registry has

        async def pull():
            found = []
            async with contextlib.aclosing(KEEPER.install(ours, registry.model)) as parts:
                async for progress in parts:
                    found.append(progress)
                    if progress.total == registry.size and progress.completed == 0:
                        registry.give(0.5)
                    elif (progress.completed or 0) >= registry.size // 2:
                        registry.give(1)
            return found

        found = asyncio.run(pull())
        assert found[0] == Progress("pulling manifest")
        counted = [progress.completed for progress in found if progress.completed is not None]
        assert counted == sorted(counted)
        assert any(registry.size // 2 <= count < registry.size for count in counted)
        assert found[-1].words == "success"
        assert found[-1].completed == found[-1].total > registry.size
        (model,) = httpx.get(f"{ollama.url}/api/tags").json()["models"]
        assert model["name"] == registry.model
        said = httpx.post(f"{ollama.url}/api/generate", json={"model": registry.model, "prompt": "hello", "stream": False}, timeout=WAIT_S)
        assert said.json()["response"].strip()


@pytest.mark.ollama
def test_leaving_a_real_pull_ends_it_and_asking_again_goes_on(ollama_program, tmp_path):
    with (
        ModelRegistry(tmp_path / "registry") as registry,
        OllamaServer(tmp_path / "ollama", environment=registry.environment) as ollama,
    ):
        ours = runtime("ollama", ollama.url)
        asyncio.run(KEEPER.remove(ours, ollama.model))
        registry.give(0.5)

        async def leave():
            async with contextlib.aclosing(KEEPER.install(ours, registry.model)) as parts:
                async for progress in parts:
                    if (progress.completed or 0) >= registry.size // 2:
                        break

        asyncio.run(leave())
        registry.wait_until_left()
        registry.give(1)
        assert httpx.get(f"{ollama.url}/api/tags").json()["models"] == []
        assert asyncio.run(installed(ours, registry.model))[-1].words == "success"
        assert registry.sent < 1.1 * registry.size
