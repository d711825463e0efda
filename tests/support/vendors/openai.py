"""OpenAI, Azure OpenAI and NVIDIA: one client, one dialect. Bytes after OpenAI's and Azure's API references."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from openai import AsyncAzureOpenAI, AsyncOpenAI
from semantic_kernel.connectors.ai.nvidia import NvidiaChatCompletion
from semantic_kernel.connectors.ai.open_ai import AzureChatCompletion, OpenAIChatCompletion
from support.vendors.wire import Answer, Bed, Wire, sse, text

USAGE = {
    "prompt_tokens": 12,
    "completion_tokens": 7,
    "total_tokens": 19,
    "prompt_tokens_details": {"cached_tokens": 4, "audio_tokens": 0},
    "completion_tokens_details": {"reasoning_tokens": 3, "audio_tokens": 0},
}


def head(model: str, kind: str = "chat.completion") -> dict[str, Any]:
    return {"id": "chatcmpl-9", "object": kind, "created": 1719000000, "model": model, "system_fingerprint": "fp_44709d6fcb"}


def choice(index: int, content: str, reason: str = "stop") -> dict[str, Any]:
    return {
        "index": index,
        "message": {"role": "assistant", "content": content, "refusal": None},
        "logprobs": None,
        "finish_reason": reason,
    }


def delta(index: int, reason: str | None = None, **what: Any) -> dict[str, Any]:
    return {"index": index, "delta": what, "logprobs": None, "finish_reason": reason}


def call(model: str) -> Answer:
    return Answer(text({**head(model), "choices": [choice(0, "Hello there.")], "usage": USAGE}))


def stream(model: str) -> Answer:
    chunk = head(model, "chat.completion.chunk")
    return Answer(
        sse(
            {**chunk, "choices": [delta(0, role="assistant", content="")], "usage": None},
            {**chunk, "choices": [delta(0, content="Hello")], "usage": None},
            {**chunk, "choices": [delta(0, content=" there.")], "usage": None},
            {**chunk, "choices": [delta(0, "stop")], "usage": None},
            {**chunk, "choices": [], "usage": USAGE},
        ),
        content_type="text/event-stream",
    )


def error(status: int, message: str, kind: str | None = None, code: str | None = None) -> Answer:
    return Answer(text({"error": {"message": message, "type": kind, "param": None, "code": code}}), status)


def answered(model: str) -> dict[str, Any]:
    return {
        "gen_ai.response.id": "chatcmpl-9",
        "gen_ai.response.model": model,
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 12,
        "gen_ai.usage.output_tokens": 7,
        "gen_ai.usage.cache_read.input_tokens": 4,
        "gen_ai.usage.reasoning.output_tokens": 3,
    }


@asynccontextmanager
async def openai_service(wire: Wire):
    async with AsyncOpenAI(api_key="sk-bed", http_client=wire.httpx2_client(), max_retries=0) as client:
        yield OpenAIChatCompletion(ai_model_id="gpt-4o-mini", async_client=client)


@asynccontextmanager
async def azure_service(wire: Wire):
    async with AsyncAzureOpenAI(
        azure_endpoint="https://res.openai.azure.com",
        azure_deployment="my-deployment",
        api_key="azure-bed",
        api_version="2024-10-21",
        http_client=wire.httpx2_client(),
        max_retries=0,
    ) as client:
        yield AzureChatCompletion(deployment_name="my-deployment", async_client=client)


@asynccontextmanager
async def nvidia_service(wire: Wire):
    base_url = "https://integrate.api.nvidia.com/v1"
    async with AsyncOpenAI(api_key="nvapi-bed", base_url=base_url, http_client=wire.httpx2_client(), max_retries=0) as client:
        yield NvidiaChatCompletion(ai_model_id="meta/llama-3.1-8b-instruct", client=client)


OPENAI = Bed(
    name="openai",
    service=openai_service,
    settings={
        "temperature": 0.5,
        "top_p": 0.25,
        "max_completion_tokens": 64,
        "seed": 7,
        "stop": "END",
        "frequency_penalty": 0.125,
        "presence_penalty": -1.0,
        "response_format": {"type": "json_object"},
    },
    call=call("gpt-4o-mini-2024-07-18"),
    stream=stream("gpt-4o-mini-2024-07-18"),
    errors={
        "model": error(
            404, "The model `gpt-4o-mini` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"
        ),
        "key": error(401, "Incorrect API key provided: sk-bed.", "invalid_request_error", "invalid_api_key"),
        "rate": error(429, "Rate limit reached for gpt-4o-mini.", "requests", "rate_limit_exceeded"),
    },
    endpoint="https://api.openai.com/v1",
    address="api.openai.com",
    port=443,
    provider="openai",
    model="gpt-4o-mini",
    model_sent=lambda sent: sent.body["model"],
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.25,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.request.frequency_penalty": 0.125,
        "gen_ai.request.presence_penalty": -1.0,
        "gen_ai.output.type": "json",
    },
    answered=answered("gpt-4o-mini-2024-07-18"),
    streamed=answered("gpt-4o-mini-2024-07-18"),
    refused={"model": ("404", "model_not_found"), "key": ("401", "auth"), "rate": ("429", "rate_limited")},
)

AZURE = Bed(
    name="azure-openai",
    service=azure_service,
    settings={"temperature": 0.5, "max_tokens": 64},
    call=call("gpt-4o-2024-08-06"),
    stream=stream("gpt-4o-2024-08-06"),
    errors={
        "model": error(404, "The API deployment for this resource does not exist.", code="DeploymentNotFound"),
        "key": error(401, "Access denied due to invalid subscription key or wrong API endpoint.", code="401"),
        "rate": error(429, "Requests to the ChatCompletions_Create Operation have exceeded the call rate limit.", code="429"),
    },
    endpoint="https://res.openai.azure.com/openai",
    address="res.openai.azure.com",
    port=443,
    provider="azure.ai.openai",
    model="my-deployment",
    model_sent=lambda sent: sent.url.partition("/deployments/")[2].partition("/")[0],
    asked={"gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 64},
    answered=answered("gpt-4o-2024-08-06"),
    streamed=answered("gpt-4o-2024-08-06"),
    refused={"model": ("404", "model_not_found"), "key": ("401", "auth"), "rate": ("429", "rate_limited")},
    overridable=False,
)

NVIDIA = Bed(
    name="nvidia",
    service=nvidia_service,
    settings={"temperature": 0.5, "max_tokens": 64, "extra_body": {"top_k": 5}},
    call=call("meta/llama-3.1-8b-instruct"),
    stream=stream("meta/llama-3.1-8b-instruct"),
    errors={
        "model": Answer(text({"status": 404, "title": "Not Found", "detail": "Function 'abc': Not found for account 'xyz'"}), 404),
        "key": Answer(text({"status": 401, "title": "Unauthorized", "detail": "Authentication failed"}), 401),
        "rate": Answer(text({"status": 429, "title": "Too Many Requests"}), 429),
    },
    endpoint="https://integrate.api.nvidia.com/v1",
    address="integrate.api.nvidia.com",
    port=443,
    provider="nvidia",
    model="meta/llama-3.1-8b-instruct",
    model_sent=lambda sent: sent.body["model"],
    asked={"gen_ai.request.temperature": 0.5, "gen_ai.request.max_tokens": 64, "gen_ai.request.top_k": 5.0},
    answered=answered("meta/llama-3.1-8b-instruct"),
    streamed={},
    streams=False,  # Semantic Kernel asserts an `AsyncGenerator` where the openai package gives an `AsyncStream`
    refused={"model": ("404", "wrong_path"), "key": ("401", "auth"), "rate": ("429", "rate_limited")},
)
