"""Two real Ollama servers, one killed in the middle of the traffic: the other answers, none is lost, and the first is used again."""

import asyncio

import pytest
from ollama import AsyncClient
from openai import AsyncOpenAI
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion, OllamaChatPromptExecutionSettings
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from support.app import flushed, history
from support.ollama_server import OllamaServer
from support.patience import WAIT_S

import venom_otel
from venom_otel.routing import CircuitBreaker

pytestmark = pytest.mark.ollama

SETTINGS = OllamaChatPromptExecutionSettings(options={"num_predict": 4, "temperature": 0.0})
PAUSE_S = 0.5


@pytest.fixture
def spare(ollama_program, tmp_path):
    """A second Ollama, of this test's own."""
    with OllamaServer(tmp_path) as server:
        yield server


async def ask(service, *, stream):
    """Who answered."""
    if not stream:
        [answer] = await service.get_chat_message_contents(history(), SETTINGS)
        assert answer.content
        return answer.metadata["llm_service_id"]
    chunks = [chunk[0] async for chunk in service.get_streaming_chat_message_contents(history(), SETTINGS)]
    assert "".join(chunk.content for chunk in chunks)
    return chunks[-1].metadata["llm_service_id"]


async def test_one_of_two_is_killed_and_comes_back(ollama, spare, capture):
    """The first speaks Ollama's own dialect, the second OpenAI's."""
    client = AsyncClient(host=spare.url)
    async with AsyncOpenAI(api_key="none", base_url=f"{ollama.url}/v1") as openai_client:
        services = [
            OllamaChatCompletion(ai_model_id=spare.model, service_id="first", client=client),
            OpenAIChatCompletion(ai_model_id=ollama.model, service_id="second", async_client=openai_client),
        ]
        service = venom_otel.fallback(services, availability=CircuitBreaker(pause_s=PAUSE_S, longest_pause_s=PAUSE_S))
        with venom_otel.instrument(**capture.telemetry) as handle:
            asked = [await ask(service, stream=stream) for stream in (False, True)]
            assert asked == ["first"] * 2
            await flushed(handle)
            spare.kill()
            asked += [await ask(service, stream=number % 2 == 0) for number in range(6)]
            assert asked[2:] == ["second"] * 6
            await asyncio.to_thread(spare.start)
            async with asyncio.timeout(WAIT_S):
                while asked[-1] != "first":
                    asked.append(await ask(service, stream=True))
            await flushed(handle)
        await client.close()
    spans = [span["attributes"] for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    routes = [span for span in spans if "llm.route.attempts" in span]
    attempts = [span for span in spans if "llm.route.attempts" not in span]
    assert [route["llm.outcome"] for route in routes] == ["ok"] * len(asked)
    assert [route["llm.route.chosen"] for route in routes] == ["ollama"] * len(asked)
    assert [route["llm.route.fallback"] for route in routes] == [name == "second" for name in asked]
    assert {route.get("llm.route.reason") for route in routes} == {None, "not_reached"}
    assert sum(route["llm.route.attempts"] for route in routes) == len(attempts)
    assert [attempt["llm.service_id"] for attempt in attempts if attempt["llm.outcome"] == "ok"] == asked
    failed = [attempt for attempt in attempts if attempt["llm.outcome"] == "error"]
    assert {(attempt["llm.service_id"], attempt["llm.provider"], attempt["llm.error.kind"]) for attempt in failed} == {
        ("first", "ollama", "not_reached")
    }
    points = capture.metrics()["llm.fallbacks"]["points"]
    assert sum(point["value"] for point in points) == asked.count("second")
