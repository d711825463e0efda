"""Azure AI Inference, with azure-core's transport replaced. Bytes after the API reference, "Get chat completions"."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from azure.ai.inference.aio import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential
from azure.core.pipeline.transport import AsyncHttpTransport
from azure.core.rest._http_response_impl_async import AsyncHttpResponseImpl
from semantic_kernel.connectors.ai.azure_ai_inference import AzureAIInferenceChatCompletion
from support.vendors.wire import Answer, Bed, Wire, sse, text

MODEL = "Phi-4"
ADDRESS = "my-resource.services.ai.azure.com"
USAGE = {"prompt_tokens": 21, "completion_tokens": 5, "total_tokens": 26}


class Received:
    """A reply as the transport's own library holds it."""

    async def close(self) -> None:
        """Nothing to close."""


class Transport(AsyncHttpTransport):
    """In place of azure-core's `AioHttpTransport`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def send(self, request: Any, *, stream: bool = False, **_options: Any) -> AsyncHttpResponseImpl:
        answer = self._wire.take(request.url, request.content if isinstance(request.content, bytes) else request.content.encode())

        async def pieces(**_options: Any) -> Any:
            yield answer.body

        response = AsyncHttpResponseImpl(
            request=request,
            internal_response=Received(),
            status_code=answer.status,
            reason="",
            content_type=answer.content_type,
            headers={"content-type": answer.content_type},
            stream_download_generator=pieces,
            block_size=4096,
        )
        if not stream:
            await response.read()
        return response

    async def open(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to close."""

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_error: object) -> None:
        """Nothing to close."""


@asynccontextmanager
async def service(wire: Wire):
    endpoint = f"https://{ADDRESS}/models"
    async with ChatCompletionsClient(endpoint, AzureKeyCredential("azure-bed"), transport=Transport(wire), retry_total=0) as client:
        yield AzureAIInferenceChatCompletion(ai_model_id=MODEL, client=client)


def error(status: int, code: str, words: str) -> Answer:
    return Answer(text({"error": {"code": code, "message": words}}), status)


def chunk(reason: str | None = None, **delta: Any) -> dict[str, Any]:
    return {
        "id": "cmpl-77",
        "object": "chat.completion.chunk",
        "created": 1719000000,
        "model": "phi-4",
        "choices": [{"index": 0, "delta": delta, "finish_reason": reason}],
    }


NAMED = {
    "gen_ai.response.id": "cmpl-77",
    "gen_ai.response.model": "phi-4",
    "gen_ai.response.finish_reasons": ("stop",),
}
USED = {"gen_ai.usage.input_tokens": 21, "gen_ai.usage.output_tokens": 5}

AZURE_INFERENCE = Bed(
    name="azure-ai-inference",
    service=service,
    settings={"temperature": 0.5, "max_tokens": 64, "seed": 7, "extra_parameters": {"top_k": 5}},
    call=Answer(
        text(
            {
                "id": "cmpl-77",
                "object": "chat.completion",
                "created": 1719000000,
                "model": "phi-4",
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello there."}, "finish_reason": "stop"}],
                "usage": USAGE,
            }
        )
    ),
    stream=Answer(
        sse(chunk(role="assistant", content=""), chunk(content="Hello"), {**chunk("stop", content=" there."), "usage": USAGE}),
        content_type="text/event-stream",
    ),
    errors={
        "model": error(404, "DeploymentNotFound", "The API deployment for this resource does not exist."),
        "key": error(401, "401", "Access denied due to invalid subscription key."),
        "rate": error(429, "RateLimitReached", "Rate limit of 15 per 60s exceeded for UserByModelByMinute."),
    },
    endpoint=f"https://{ADDRESS}/models",
    address=ADDRESS,
    port=443,
    provider="azure.ai.inference",
    model=MODEL,
    model_sent=lambda sent: sent.body["model"],
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.seed": 7,
        "gen_ai.request.top_k": 5.0,
    },
    answered={**NAMED, **USED},
    streamed={**NAMED, **USED},
    refused={"model": ("404", "model_not_found"), "key": ("401", "auth"), "rate": ("429", "rate_limited")},
    http_span=False,
    overridable=False,
)
