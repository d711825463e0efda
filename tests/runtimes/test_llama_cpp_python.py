"""A real llama.cpp, as llama-cpp-python serves it: the contract of the adapters, its end, and a kernel that talks to it."""

from __future__ import annotations

import asyncio
import json

import httpx
import pytest
from pydantic import SecretStr
from runtimes.conftest import look, runtime
from semantic_kernel import Kernel
from support.app import OPENAI, OPTIONS, flushed, history, service_for, settings_for
from support.llama_cpp_server import LlamaCppServer
from support.patience import WAIT_S

import venom_otel
from venom_otel.identity import asking
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Reason, State
from venom_otel.runtimes.reading import read
from venom_otel.testing import ELAPSED

pytestmark = pytest.mark.llamacpp

KEY = "Zx9-planted.KEY~42"


def test_ready(llamacpp):
    reading = look("llamacpp", llamacpp.url)
    assert reading.state in {State.READY, State.DEGRADED}, reading.cause
    assert reading.reason in {None, Reason.SLOW}
    assert [(model.name, model.loaded) for model in reading.models] == [(llamacpp.model, True)]
    assert (reading.requests_running, reading.requests_waiting, reading.memory_bytes) == (None, None, None)  # it does not tell
    assert (reading.identity.provider, reading.identity.source) == ("llamacpp", "server")
    asked = {exchange.request.removeprefix(f"GET {llamacpp.url}"): exchange.status for exchange in reading.exchanges}
    assert asked in ({"/health": 404, "/openapi.json": 200, "/v1/models": 200}, {"/health": 404, "/openapi.json": 200})
    again = look("llamacpp", llamacpp.url)
    assert again.models == reading.models
    assert [exchange.request.removeprefix(f"GET {llamacpp.url}") for exchange in again.exchanges] == ["/health", "/openapi.json"]


async def test_whoever_looks_breaks_off_no_answer(llamacpp):
    """It ends the answer that it streams when somebody asks for its models."""
    place = parse(llamacpp.url)
    servers = [runtime("llamacpp", llamacpp.url), runtime("openai", f"{llamacpp.url}/v1"), runtime("vllm", llamacpp.url)]
    assert (await read(servers[0])).models
    asked = {"model": llamacpp.model, "messages": [{"role": "user", "content": "hello"}], "max_tokens": 400, "stream": True}
    looks = 0
    async with asyncio.timeout(WAIT_S), httpx.AsyncClient(base_url=llamacpp.url, timeout=None, trust_env=False) as client:
        while looks < 3:  # an answer may be over before anybody can look
            async with client.stream("POST", "/v1/chat/completions", json=asked) as reply:
                lines = reply.aiter_lines()
                seen = [await anext(lines)]
                looking = asyncio.ensure_future(asyncio.sleep(0))
                async for line in lines:
                    seen.append(line)
                    if looking.done():
                        looks += 1
                        reading = [read(server) for server in servers]
                        looking = asyncio.ensure_future(asyncio.gather(*reading, asking.ask(place, None)))
                await looking
            chunks = [json.loads(line.removeprefix("data: ")) for line in seen if line.startswith("data: {")]
            assert chunks[-1]["choices"][0]["finish_reason"] in {"length", "stop"}


@pytest.mark.parametrize(("provider", "words"), [("vllm", "not vLLM: correct VLLM_ENDPOINT"), ("ollama", "not Ollama: correct")])
def test_in_the_place_of_another(llamacpp, provider, words):
    reading = look(provider, f"{llamacpp.url}/v1")
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
    assert f"llama.cpp answers at 127.0.0.1:{llamacpp.port}, {words}" in reading.cause


@pytest.mark.slow
def test_its_life_and_its_key(llamacpp_program, tmp_path):
    with LlamaCppServer(tmp_path / "llamacpp", api_key=KEY) as server:
        reading = look("llamacpp", server.url)
        assert (reading.state, reading.reason) == (State.DEGRADED, Reason.KEY), reading.cause
        assert look("llamacpp", server.url, SecretStr(KEY)).models[0].name == server.model
        server.kill()
        reading = look("llamacpp", server.url, SecretStr(KEY))
        assert (reading.state, reading.reason) == (State.STOPPED, Reason.REFUSED)
        assert f"nobody listens at 127.0.0.1:{server.port} (connection refused): start llama.cpp" in reading.cause
        server.start()
        assert look("llamacpp", server.url, SecretStr(KEY)).models[0].name == server.model


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_a_kernel_that_talks_to_it(llamacpp, capture, stream):
    """Through OpenAI's client, which knows nothing of llama.cpp: the span says who answered."""
    async with service_for(OPENAI, llamacpp.url, model=llamacpp.model) as service:
        kernel = Kernel(services=[service])
        with venom_otel.instrument(kernel, **capture.telemetry) as handle:
            if stream:
                chunks = [
                    chunk async for chunk in service.get_streaming_chat_message_contents(history(), settings_for(OPENAI), kernel=kernel)
                ]
                text = "".join(str(chunk[0]) for chunk in chunks)
            else:
                text = str((await service.get_chat_message_contents(history(), settings_for(OPENAI), kernel=kernel))[0])
            await flushed(handle)
    assert len(text.split()) == 8
    span, http = capture.span_dicts()
    assert (span["name"], span["kind"], span["status"], span["parent"], span["events"]) == ("chat gemma-3", "CLIENT", "UNSET", None, [])
    assert (http["name"], http["parent"]) == ("POST", span["id"])
    assert span["attributes"].pop("gen_ai.response.id").startswith("chatcmpl-")
    # It leaves the token counts out of a stream, whatever it is asked for.
    shape = (
        {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": ELAPSED}
        if stream
        else {"gen_ai.usage.input_tokens": 31, "gen_ai.usage.output_tokens": 8}
    )
    assert span["attributes"] == shape | {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "llamacpp",
        "gen_ai.request.model": "gemma-3",
        "gen_ai.request.max_tokens": 8,
        "gen_ai.request.seed": OPTIONS["seed"],
        "gen_ai.request.stop_sequences": tuple(OPTIONS["stop"]),
        "gen_ai.request.temperature": OPTIONS["temperature"],
        "gen_ai.request.top_p": OPTIONS["top_p"],
        "gen_ai.response.finish_reasons": ("length",),
        "gen_ai.response.model": "gemma-3",
        "llm.endpoint": f"{llamacpp.url}/v1",
        "llm.identity.source": "server",
        "llm.model": "gemma-3",
        "llm.model_name": "gemma-3",
        "llm.outcome": "ok",
        "llm.provider": "llamacpp",
        "llm.server": parse(llamacpp.url).server,
        "llm.service_id": "chat",
        "server.address": "127.0.0.1",
        "server.port": llamacpp.port,
    }
