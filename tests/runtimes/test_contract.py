"""What holds of every adapter, against recorded servers on real sockets, the simulated ones, and a real Ollama."""

from __future__ import annotations

import asyncio
import re

import httpx
import pytest
from pydantic import SecretStr
from runtimes.conftest import look, look_until, runtime
from support import servers
from support.patience import WAIT_S
from support.replay import ANYTHING_ELSE, ReplayServer, hangs

from venom_otel.runtimes.compatible import CompatibleAdapter
from venom_otel.runtimes.model import Reason, State, Status
from venom_otel.runtimes.protocol import Ability
from venom_otel.runtimes.reading import read
from venom_otel.runtimes.registry import adapter, adapters

KEY = "Zx9-planted.KEY~42"

RECORDED = [
    ("ollama", servers.OLLAMA, "/", "0.17.4", "gemma3:tiny"),
    ("vllm", servers.VLLM, "/", "0.32.0", "gemma-3"),
    ("vllm", servers.VLLM, "/v1", "0.32.0", "gemma-3"),
    ("llamacpp", servers.LLAMA_SERVER, "/", None, "gemma-3"),
    ("llamacpp", servers.LLAMA_CPP_PYTHON, "/v1", None, "gemma-3"),
    ("openai", servers.GENERIC, "/v1", None, "m"),
    ("openai", servers.VLLM, "/v1", None, "gemma-3"),
]
IDS = [f"{provider}-{number}" for number, (provider, *_) in enumerate(RECORDED)]
"""Of each adapter a server that is ready: whose, its pages, the base URL's path, its version and its one model."""


def test_the_adapters():
    assert set(adapters()) >= {"ollama", "vllm", "llamacpp", "openai"}
    for provider, one in adapters().items():
        assert one.provider == provider
        assert one.label
        assert isinstance(one.abilities, frozenset)
        assert one.least_interval_s >= 0
    assert adapters()["openai"].least_interval_s >= 60
    assert Ability.RUN_HERE not in adapters()["openai"].abilities
    assert adapter("somebody").read.__func__ is CompatibleAdapter.read


@pytest.mark.parametrize(("provider", "pages", "path", "version", "model"), RECORDED, ids=IDS)
def test_ready(provider, pages, path, version, model):
    with ReplayServer(pages) as server:
        url = server.url
        reading = look(provider, url + path)
    assert (reading.state, reading.state.status) == (State.READY, Status.ONLINE), reading.cause
    assert [one.name for one in reading.models] == [model]
    assert version is None or reading.version == version
    assert (reading.models[0].loaded is not None) == (provider != "openai")
    told = provider in {"vllm", "llamacpp"} and pages is not servers.LLAMA_CPP_PYTHON
    assert (reading.requests_running, reading.requests_waiting) == ((0, 0) if told else (None, None))
    assert all(exchange.request.startswith(f"GET {url}") for exchange in reading.exchanges)


@pytest.mark.parametrize(("provider", "pages", "path", "version", "model"), RECORDED, ids=IDS)
def test_only_gets_and_no_headers_of_a_browser(provider, pages, path, version, model):
    with ReplayServer(pages) as server:
        look(provider, server.url + path)
        assert {request.method for request in server.asked} == {"GET"}
        for request in server.asked:
            assert request.headers["host"] == f"127.0.0.1:{server.port}"
            assert not {"origin", "cookie", "referer", "traceparent", "authorization"} & request.headers.keys()


@pytest.mark.parametrize(("provider", "pages", "path", "version", "model"), RECORDED, ids=IDS)
def test_the_key_goes_along_and_is_never_shown(provider, pages, path, version, model):
    with ReplayServer(pages) as server:
        ours = runtime(provider, server.url + path, SecretStr(KEY))
        reading = asyncio.run(read(ours))
        assert {request.headers.get("authorization") for request in server.asked} == {f"Bearer {KEY}"}
    assert reading.state is State.READY
    assert KEY not in repr(reading) + repr(ours)


@pytest.mark.parametrize("provider", ["ollama", "vllm", "llamacpp", "openai", "unknown"])
def test_refused(provider, closed_port):
    url = closed_port.url
    reading = look(provider, url)
    assert (reading.state, reading.state.status, reading.reason) == (State.STOPPED, Status.OFFLINE, Reason.REFUSED)
    assert f"{url.removeprefix('http://')} (connection refused): start" in reading.cause
    assert reading.latency_s is None


@pytest.mark.parametrize("provider", ["ollama", "vllm", "llamacpp", "openai", "unknown"])
def test_hanging(provider):
    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        reading = look_until(lambda reading: "takes connections" in reading.cause, provider, server.url, deadline_s=0.4)
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.TIMEOUT)
    assert re.search(r"takes connections but does not answer within [\d.]+ s", reading.cause)


def test_many_at_once_take_no_longer_than_one():
    """All are asked while none has answered yet."""

    async def every() -> None:
        looks = [asyncio.ensure_future(read(runtime("ollama", f"{server.url}/{number}"))) for number in range(12)]
        async with asyncio.timeout(WAIT_S):
            while len({path.split("/")[1] for path in server.paths}) < 12:  # noqa: ASYNC110 - the server is in threads
                await asyncio.sleep(0.01)
        assert not any(look.done() for look in looks)
        for one in looks:
            one.cancel()
        await asyncio.wait(looks)

    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        asyncio.run(every())


def test_simulated(simulated_ollama, simulated_vllm):
    for provider, server in (("ollama", simulated_ollama), ("vllm", simulated_vllm)):
        reading = look(provider, server.url)
        assert reading.state is State.READY, reading.cause
        assert [model.name for model in reading.models] == list(server.models)
        assert "simulated" in reading.version
    assert look("ollama", simulated_ollama.url).models_loaded == ()
    httpx.post(f"{simulated_ollama.url}/api/chat", json={"model": "simulated-llama-3b", "stream": False}).raise_for_status()
    assert [model.name for model in look("ollama", simulated_ollama.url).models_loaded] == ["simulated-llama-3b"]


@pytest.mark.ollama
def test_real_ollama(ollama):
    httpx.post(f"{ollama.url}/api/generate", json={"model": ollama.model}, timeout=WAIT_S).raise_for_status()  # loads it
    reading = look("ollama", ollama.url)
    assert reading.state in {State.READY, State.DEGRADED}, reading.cause
    assert reading.reason in {None, Reason.SLOW}
    (model,) = reading.models
    assert (model.name, model.loaded, model.context_tokens, model.parameters) == (ollama.model, True, 256, "459K")
    assert reading.memory_bytes == model.memory_bytes > 1_000_000
    assert model.size_bytes > 1_000_000
    assert reading.version
    assert reading.identity.provider == "ollama"


@pytest.mark.ollama
@pytest.mark.parametrize(("provider", "words"), [("vllm", "not vLLM: correct VLLM_ENDPOINT"), ("llamacpp", "not llama.cpp: correct")])
def test_real_ollama_in_the_place_of_another(ollama, provider, words):
    reading = look(provider, ollama.url)
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
    assert f"Ollama {reading.identity.version} answers at 127.0.0.1:{ollama.port}, {words}" in reading.cause
    assert look("openai", f"{ollama.url}/v1").models[0].name == ollama.model


@pytest.mark.ollama
def test_real_ollama_asked_by_a_foreign_name(ollama, monkeypatch):
    """`kubernetes.test` leads to it by a proxy that is Ollama's own address: what it gets is the foreign Host."""
    monkeypatch.setenv("http_proxy", ollama.url)
    monkeypatch.delenv("no_proxy", raising=False)
    reading = look("ollama", "http://kubernetes.test:11434")
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.HOST), reading.cause
    assert "refuses the name kubernetes.test" in reading.cause
