"""Settings of any class reach each service in its own words; what it does not have is left out and told."""

import logging

import pytest
from pydantic import BaseModel
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.anthropic.prompt_execution_settings.anthropic_prompt_execution_settings import (
    AnthropicChatPromptExecutionSettings,
)
from semantic_kernel.connectors.ai.bedrock import BedrockChatPromptExecutionSettings
from semantic_kernel.connectors.ai.google.google_ai import GoogleAIChatPromptExecutionSettings
from semantic_kernel.connectors.ai.ollama import OllamaChatPromptExecutionSettings
from semantic_kernel.connectors.ai.open_ai import AzureChatPromptExecutionSettings, OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.functions import KernelArguments
from support import behaviours, dialects
from support.app import OLLAMA, OPENAI, history, settings_for
from support.routing import bodies, services_for

import venom_otel
from venom_otel.routing import limits
from venom_otel.routing.members import Member


class Weather(BaseModel):
    """What an answer shall be like."""

    town: str
    degrees: float


SCHEMA = Weather.model_json_schema()
COMMON = {"temperature": 0.25, "top_p": 0.5, "seed": 7, "stop": ["END"]}


async def sent(servers, urls, settings, *, first=OLLAMA, stream=False):
    """The bodies that both servers got, where the first refuses: by connector."""
    second = OPENAI if first == OLLAMA else OLLAMA
    servers[first].play(behaviours.refuses(dialects.BUSY))
    async with services_for({first: urls[first], second: urls[second]}) as services:
        service = venom_otel.fallback(services)
        if stream:
            async for _ in service.get_streaming_chat_message_contents(history(), settings):
                pass
        else:
            await service.get_chat_message_contents(history(), settings)
    return {connector: bodies(server)[0] for connector, server in servers.items()}


def openai_part(body):
    return {name: value for name, value in body.items() if name not in ("messages", "model", "stream", "stream_options")}


@pytest.mark.parametrize("first", [OLLAMA, OPENAI])
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize(
    "settings",
    [
        settings_for(OPENAI),
        settings_for(OLLAMA),
        PromptExecutionSettings(**COMMON, max_tokens=8),
        PromptExecutionSettings(extension_data={**COMMON, "max_tokens": 8}),
    ],
    ids=["openai", "ollama", "none", "extension data"],
)
async def test_limits_reach_both(settings, stream, first, servers, urls):
    got = await sent(servers, urls, settings, first=first, stream=stream)
    assert got[OLLAMA]["options"] == {**COMMON, "num_predict": 8}
    assert openai_part(got[OPENAI]) == {**COMMON, "max_tokens": 8}
    assert (got[OLLAMA]["model"], got[OPENAI]["model"]) == ("gemma3:tiny", "gemma-3")


async def test_the_callers_settings_stay_as_they_are(servers, urls):
    settings = settings_for(OPENAI, ai_model_id="other")
    before = settings.model_dump()
    await sent(servers, urls, settings)
    assert settings.model_dump() == before


@pytest.mark.parametrize(("first", "models"), [(OLLAMA, ("gemma3:tiny", "gemma-3")), (OPENAI, ("gemma3:tiny", "other-model"))])
@pytest.mark.parametrize(
    "settings",
    [OpenAIChatPromptExecutionSettings(ai_model_id="other-model"), PromptExecutionSettings(extension_data={"ai_model_id": "other-model"})],
    ids=["openai", "none"],
)
async def test_a_model_override_is_for_the_first_service_alone(settings, first, models, servers, urls):
    """Ollama's connector ignores it."""
    got = await sent(servers, urls, settings, first=first)
    assert (got[OLLAMA]["model"], got[OPENAI]["model"]) == models


async def test_a_model_override_is_not_carried_to_a_service_of_the_same_kind(servers, urls):
    servers[OPENAI].play(behaviours.refuses(dialects.MODEL_MISSING), behaviours.answers())
    async with services_for(urls) as [_, vllm]:
        spare = vllm.model_copy(update={"ai_model_id": "spare-model", "service_id": "spare"})
        await venom_otel.fallback([vllm, spare]).get_chat_message_contents(history(), settings_for(OPENAI, ai_model_id="other-model"))
    assert [body["model"] for body in bodies(servers[OPENAI])] == ["other-model", "spare-model"]


@pytest.mark.parametrize(
    ("asked", "ollama", "openai"),
    [
        (OpenAIChatPromptExecutionSettings(response_format={"type": "json_object"}), "json", {"type": "json_object"}),
        (OpenAIChatPromptExecutionSettings(response_format=Weather), SCHEMA, None),
        (OllamaChatPromptExecutionSettings(format="json"), "json", {"type": "json_object"}),
        (
            OllamaChatPromptExecutionSettings(format=SCHEMA),
            SCHEMA,
            {"type": "json_schema", "json_schema": {"name": "answer", "schema": SCHEMA}},
        ),
        (PromptExecutionSettings(response_format=Weather), SCHEMA, None),
        (PromptExecutionSettings(response_format={"type": "text"}), None, None),
    ],
    ids=["openai json", "openai class", "ollama json", "ollama schema", "class", "text"],
)
async def test_the_form_of_the_answer(asked, ollama, openai, servers, urls):
    got = await sent(servers, urls, asked)
    assert got[OLLAMA].get("format") == ollama
    form = got[OPENAI].get("response_format")
    if openai is None and ollama is not None:  # Semantic Kernel makes a strict schema of the class
        assert (form["type"], form["json_schema"]["name"]) == ("json_schema", "Weather")
    else:
        assert form == openai


@pytest.mark.parametrize("first", [OLLAMA, OPENAI])
async def test_what_a_service_does_not_have_is_left_out_and_told(first, servers, urls, caplog):
    caplog.set_level(logging.DEBUG, logger="venom_otel.routing")
    settings = PromptExecutionSettings(num_ctx=512, logit_bias={"7": -1.0}, temperature=5.0, made_up=1)
    got = await sent(servers, urls, settings, first=first)
    assert got[OLLAMA].get("options") == {"temperature": 5.0}
    assert openai_part(got[OPENAI]) == {"logit_bias": {"7": -1.0}}
    assert sorted(record.getMessage() for record in caplog.records if record.levelno == logging.DEBUG) == [
        "ol does not take logit_bias, made_up, num_ctx of this request's settings; left out.",
        "vl does not take made_up, num_ctx, temperature of this request's settings; left out.",
    ]


@pytest.mark.parametrize(
    ("cls", "wanted"),
    [
        (AnthropicChatPromptExecutionSettings, {"max_tokens": 8, "temperature": 0.25, "top_p": 0.5, "stop_sequences": ["END"]}),
        (BedrockChatPromptExecutionSettings, {"max_tokens": 8, "temperature": 0.25, "top_p": 0.5, "stop": ["END"]}),
        (
            GoogleAIChatPromptExecutionSettings,
            {
                "max_output_tokens": 8,
                "temperature": 0.25,
                "top_p": 0.5,
                "stop_sequences": ["END"],
                "response_mime_type": "application/json",
            },
        ),
        (
            AzureChatPromptExecutionSettings,
            {"max_tokens": 8, "temperature": 0.25, "top_p": 0.5, "seed": 7, "stop": ["END"], "response_format": {"type": "json_object"}},
        ),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_other_services_words(cls, wanted):
    made = cls()
    given = OpenAIChatPromptExecutionSettings(**COMMON, max_tokens=8, response_format={"type": "json_object"}, ai_model_id="other")
    limits.carry(given, made, to="x")
    assert made.model_dump(include=set(wanted)) == wanted
    assert getattr(made, "ai_model_id", None) is None


@pytest.mark.parametrize(
    ("url", "name"), [("https://api.openai.com/v1", "max_completion_tokens"), ("http://localhost:8000/v1", "max_tokens")]
)
def test_openai_itself_is_told_the_limit_by_its_newer_name(url, name):
    """Its newer models refuse the older one, which is all that some servers of its dialect know."""
    service = OpenAIChatCompletion(ai_model_id="gpt", api_key="sk-test", async_client=None)
    service.client.base_url = url
    made = Member(service, "gpt", "", first=True).settings(settings_for(OLLAMA))
    assert {field: getattr(made, field) for field in ("max_tokens", "max_completion_tokens")} == {
        "max_tokens": None,
        "max_completion_tokens": None,
        name: 8,
    }


async def test_a_kernels_own_ways_of_giving_settings(servers, urls):
    """By service id, as a prompt's configuration has them, and made by the service itself."""
    async with services_for(urls) as services:
        service = venom_otel.fallback(services, service_id="ours")
        kernel = Kernel(services=[service])
        await kernel.invoke_prompt("hello", arguments=KernelArguments(settings={"ours": settings_for(OPENAI)}))
        await kernel.invoke_prompt("hello", arguments=KernelArguments(settings=PromptExecutionSettings(service_id="ours", max_tokens=3)))
        made = service.instantiate_prompt_execution_settings(max_tokens=4, temperature=0.5)
        assert isinstance(made, service.get_prompt_execution_settings_class())
        await service.get_chat_message_contents(history(), made)
    assert [body.get("options") for body in bodies(servers[OLLAMA])] == [
        {**COMMON, "num_predict": 8},
        {"num_predict": 3},
        {"num_predict": 4, "temperature": 0.5},
    ]
