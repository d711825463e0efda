"""The routed service as a service of Semantic Kernel: what it is made of, what it leaves as it is, and who it says has answered."""

import asyncio
import contextlib
import subprocess
import sys
from datetime import UTC, datetime
from unittest.mock import AsyncMock, MagicMock, Mock

import pytest
from anthropic import AsyncAnthropic
from openai import AsyncAzureOpenAI, AsyncOpenAI
from opentelemetry import metrics, trace
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.anthropic import AnthropicChatCompletion
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.open_ai import AzureChatCompletion, OpenAIChatCompletion
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.contents import AuthorRole, ChatMessageContent, StreamingChatMessageContent
from support import behaviours, dialects
from support.app import OLLAMA, OPENAI, flushed, history, settings_for
from support.custom import Parrot
from support.dialects import TEXT
from support.routing import services_for

import venom_otel
from venom_otel import routing
from venom_otel.routing import PassedOver, Reason, retry_after
from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm

modes = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])


async def answers(service, *, stream=False, settings=None):
    """The messages of an answer."""
    settings = settings or settings_for(OPENAI)
    if not stream:
        return await service.get_chat_message_contents(history(), settings)
    return [chunk[0] async for chunk in service.get_streaming_chat_message_contents(history(), settings)]


def test_importing_it_loads_no_semantic_kernel():
    loaded = (
        "import sys, venom_otel, venom_otel.routing; venom_otel.fallback; print('semantic_kernel' in sys.modules, 'openai' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True).stdout.split() == ["False", "False"]


def test_every_name_it_offers_is_there():
    assert [name for name in routing.__all__ if not hasattr(routing, name)] == []
    assert venom_otel.fallback is routing.fallback
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        routing.nothing  # noqa: B018


def test_what_semantic_kernel_sees_of_it():
    parrots = [Parrot(ai_model_id="first", service_id="a"), Parrot(ai_model_id="second", service_id="b")]
    service = venom_otel.fallback(parrots, service_id="ours")
    assert isinstance(service, ChatCompletionClientBase)
    assert (service.ai_model_id, service.service_id, service.SUPPORTS_FUNCTION_CALLING) == ("first", "ours", True)
    assert service.get_prompt_execution_settings_class() is PromptExecutionSettings
    assert [asked is given for asked, given in zip(service.routed_services, parrots, strict=True)] == [True, True]
    kernel = Kernel(services=[service])
    assert kernel.get_service("ours", type=ChatCompletionClientBase) is service
    assert kernel.clone().get_service("ours") is service


@modes
async def test_the_answer_says_who_gave_it(stream, servers, urls, capture):
    servers[OLLAMA].play(behaviours.refuses(dialects.BUSY))
    who = {"llm_service_id": "vl", "llm_model": "gemma-3", "llm_endpoint": f"{urls[OPENAI]}/v1"}
    async with services_for(urls) as services:
        service = venom_otel.fallback(services)
        found = await answers(service, stream=stream)
        assert [{name: value for name, value in one.metadata.items() if name.startswith("llm_")} for one in found] == [who] * len(found)
        assert {one.ai_model_id for one in found} == {"gemma-3"}
        assert "usage" in found[-1].metadata
        with venom_otel.instrument(**capture.telemetry) as handle:
            await answers(service, stream=stream)
            await flushed(handle)  # from now on it is known who answers
            found = await answers(service, stream=stream)
        assert found[0].metadata.items() >= {**who, "llm_provider": "vllm"}.items()


@modes
async def test_without_instrument_it_routes_and_sends_nothing(stream, servers, urls, monkeypatch):
    servers[OLLAMA].play(behaviours.refuses(dialects.BUSY))
    before = trace.get_tracer_provider(), metrics.get_meter_provider()
    async with services_for(urls) as services:
        found = await answers(venom_otel.fallback(services), stream=stream)
    assert "".join(one.content for one in found) == TEXT
    assert (trace.get_tracer_provider(), metrics.get_meter_provider()) == before
    assert {name for server in servers.values() for request in server.requests for name in request.headers} & {"traceparent"} == set()


async def test_a_clients_own_resends_are_off_and_the_client_stays_as_it_is(servers, urls):
    servers[OPENAI].play(behaviours.refuses(dialects.FAILED))
    async with services_for({OPENAI: urls[OPENAI], OLLAMA: urls[OLLAMA]}, retries=2) as [vllm, ollama]:
        client, before = vllm.client, dict(vars(vllm.client))
        service = venom_otel.fallback([vllm, ollama])
        [answer] = await answers(service)
        assert answer.metadata["llm_service_id"] == "ol"
        assert len(servers[OPENAI].requests) == 1
        assert vllm.client is client
        assert {name: value for name, value in vars(client).items() if name in before} == before
        assert client.max_retries == 2
        asked, other = service.routed_services
        assert (asked.client.max_retries, asked.client._client) == (0, client._client)
        assert (type(asked), asked.service_id) == (type(vllm), "vl")
        assert other is ollama


@pytest.mark.parametrize(
    ("cls", "made"),
    [
        (OpenAIChatCompletion, lambda: AsyncOpenAI(api_key="k", base_url="http://localhost:1/v1")),
        (AzureChatCompletion, lambda: AsyncAzureOpenAI(api_key="k", azure_endpoint="https://x.openai.azure.com", api_version="2024-10-21")),
    ],
    ids=["openai", "azure"],
)
async def test_clients_that_send_again(cls, made):
    async with made() as client:
        name = {"deployment_name": "m"} if cls is AzureChatCompletion else {"ai_model_id": "m"}
        [asked] = venom_otel.fallback([cls(**name, async_client=client)]).routed_services
        assert (client.max_retries, asked.client.max_retries, type(asked.client)) == (2, 0, type(client))
        assert asked.client.base_url == client.base_url


async def test_anthropics_client_too():
    async with AsyncAnthropic(api_key="k") as client:
        service = AnthropicChatCompletion(ai_model_id="m", api_key="k", async_client=client)
        [asked] = venom_otel.fallback([service]).routed_services
        assert (client.max_retries, asked.async_client.max_retries, service.async_client) == (2, 0, client)


async def test_a_client_of_a_test_is_left_as_it_is():
    """It has whatever it is asked for, and nothing that could be understood."""
    async with AsyncOpenAI(api_key="k", base_url="http://localhost:1/v1") as real:
        client = AsyncMock(spec=real)
    service = OpenAIChatCompletion(ai_model_id="m", async_client=client)
    [asked] = venom_otel.fallback([service]).routed_services
    assert asked.client is client


class OwnClient(AsyncOpenAI):
    """A client that is made in a way of its own, which `with_options` does not know."""

    def __init__(self, where):
        super().__init__(api_key="k", base_url=where)


async def test_a_client_whose_resends_cannot_be_switched_off(caplog):
    async with OwnClient("http://localhost:1/v1") as client:
        service = OpenAIChatCompletion(ai_model_id="m", service_id="own", async_client=client)
        [asked] = venom_otel.fallback([service]).routed_services
        assert asked is service
    assert [record.getMessage() for record in caplog.records if record.name == "venom_otel.routing"] == [
        "The client of 'own' sends a failed request again by itself, and that cannot be switched off; make it with max_retries=0."
    ]


class PublicOnly(ChatCompletionClientBase):
    """A service of the user's own that has only the public methods."""

    async def get_chat_message_contents(self, chat_history, settings, **kwargs):
        assert settings.function_choice_behavior is None
        return [ChatMessageContent(role=AuthorRole.ASSISTANT, content="public", ai_model_id=self.ai_model_id)]

    async def get_streaming_chat_message_contents(self, chat_history, settings, **kwargs):
        assert settings.function_choice_behavior is None
        yield [StreamingChatMessageContent(role=AuthorRole.ASSISTANT, choice_index=0, content="public", ai_model_id=self.ai_model_id)]


@modes
async def test_services_of_the_users_own(stream, urls, closed_port, capture):
    async with services_for({OLLAMA: closed_port.url}) as [gone]:
        service = venom_otel.fallback([gone, PublicOnly(ai_model_id="mine", service_id="own")])
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry) as handle:
            found = await answers(service, stream=stream)
            await flushed(handle)
    assert [(one.content, one.metadata["llm_service_id"], one.metadata["llm_endpoint"]) for one in found] == [("public", "own", None)]
    assert capture.tree() == [("route gemma3:tiny", [("chat gemma3:tiny", [("POST", [])]), ("chat mine", [])])]


async def test_services_of_one_name_are_told_apart(urls):
    parrots = [Parrot(ai_model_id="m", service_id=name) for name in ("a", "b", "a", "a")]
    assert [member.name for member in venom_otel.fallback(parrots)._members] == ["a", "b", "a#2", "a#3"]


class Known:
    """What a monitor would know: the first server is down."""

    def __init__(self, service):
        self.told = []
        self.down = service

    def begin(self, target, *, anyway=False):
        self.told.append(("begin", target.service, anyway))
        return PassedOver(Reason("not_reached", "connection_error"), 7.0) if target.service == self.down and not anyway else None

    def answered(self, target):
        self.told.append(("answered", target.service))

    def failed(self, target, failure):
        self.told.append(("failed", target.service, failure.kind, failure.retry_after_s))

    def left(self, target):
        self.told.append(("left", target.service))


async def test_another_availability(servers, urls):
    servers[OPENAI].play(behaviours.refuses(dialects.BUSY, **{"retry-after": "3"}))
    known = Known("ol")
    async with services_for(urls) as services:
        with pytest.raises(Exception, match="service failed"):
            await answers(venom_otel.fallback(services, availability=known))
        assert known.told == [("begin", "ol", False), ("begin", "vl", False), ("failed", "vl", "overloaded", 3.0)]
        known.told.clear()
        await answers(venom_otel.fallback(services[:1], availability=known))
        assert known.told == [("begin", "ol", False), ("begin", "ol", True), ("answered", "ol")]
        known.told.clear()
        servers[OLLAMA].play(behaviours.hangs())
        task = asyncio.create_task(answers(venom_otel.fallback(services[:1], availability=known)))
        await asyncio.to_thread(servers[OLLAMA].wait_for, 1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert known.told[-1] == ("left", "ol")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "20"}, 20.0),
        ({"retry-after": "20", "retry-after-ms": "150"}, 0.15),
        ({"retry-after": "Mon, 23 Nov 2026 06:00:30 GMT"}, 30.0),
        ({"retry-after": "Mon, 23 Nov 2026 05:00:00 GMT"}, 0.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-1"}, None),
        ({"retry-after": "inf"}, None),
        ({}, None),
        ([("retry-after", "20")], None),
        pytest.param(MagicMock(), None, id="a mock"),
        pytest.param({"retry-after": Mock()}, None, id="a mock's value"),
        ({"retry-after": "Mon, 01 Jan 0001 00:00:00 +2359"}, 0.0),
    ],
    ids=str,
)
def test_when_a_server_wants_to_be_asked_again(headers, seconds):
    error = Exception("busy")
    error.response = type("Response", (), {"headers": headers})()
    assert retry_after.seconds(error, datetime(2026, 11, 23, 6, 0, 0, tzinfo=UTC)) == seconds


@modes
async def test_a_hundred_calls_at_once(stream, servers, urls):
    servers[OLLAMA].play(behaviours.refuses(dialects.FAILED))
    servers[OPENAI].play(behaviours.echoes())
    async with services_for(urls) as services:
        service = venom_otel.fallback(services)

        async def ask(number):
            asked, settings = history(f"question {number}"), settings_for(OLLAMA)
            if not stream:
                return str((await service.get_chat_message_contents(asked, settings))[0])
            return "".join([str(chunk[0]) async for chunk in service.get_streaming_chat_message_contents(asked, settings)])

        assert await asyncio.gather(*[ask(number) for number in range(100)]) == [f" question {number}" for number in range(100)]


async def test_simulated_runtimes(capture):
    """What an application's own tests would use."""
    broken, whole = SimulatedModel("simulated-broken", failure="out of memory"), SimulatedModel("simulated-qwen-7b")
    async with contextlib.AsyncExitStack() as stack:
        servers = [stack.enter_context(cls(model, speed=100)) for cls, model in ((SimulatedVllm, whole), (SimulatedOllama, broken))]
        clients = [AsyncOpenAI(api_key="k", base_url=f"{server.url}/v1") for server in servers]
        first, second = [await stack.enter_async_context(client) for client in clients]
        services = [
            OpenAIChatCompletion(ai_model_id=model, service_id=model, async_client=client)
            for model, client in (("simulated-broken", second), ("simulated-missing", first), ("simulated-qwen-7b", first))
        ]
        with venom_otel.instrument(**capture.telemetry) as handle:
            await answers(venom_otel.fallback(services))
            await flushed(handle)
    spans = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert [span["attributes"].get("llm.error.kind") for span in spans] == [None, "server_error", "model_not_found", None]
    assert spans[0]["attributes"]["llm.route.attempts"] == 3
