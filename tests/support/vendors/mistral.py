"""Mistral. Bytes after its API reference, "Chat completion"."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from mistralai import Mistral
from semantic_kernel.connectors.ai.mistral_ai import MistralAIChatCompletion
from support.vendors.wire import Answer, Bed, Wire, sse, text

MODEL = "mistral-small-latest"
USAGE = {"prompt_tokens": 14, "completion_tokens": 5, "total_tokens": 19}


def head(kind: str) -> dict[str, Any]:
    return {"id": "cmpl-e5cc70bb", "object": kind, "created": 1719000000, "model": MODEL}


@asynccontextmanager
async def service(wire: Wire):
    client = Mistral(api_key="mistral-bed", async_client=wire.httpx_client())
    yield MistralAIChatCompletion(ai_model_id=MODEL, api_key="mistral-bed", async_client=client)


def delta(reason: str | None = None, **what: Any) -> dict[str, Any]:
    return {"index": 0, "delta": what, "finish_reason": reason}


ANSWERED = {
    "gen_ai.response.id": "cmpl-e5cc70bb",
    "gen_ai.response.model": MODEL,
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 14,
    "gen_ai.usage.output_tokens": 5,
}

MISTRAL = Bed(
    name="mistral",
    service=service,
    settings={"temperature": 0.5, "max_tokens": 64, "random_seed": 7, "response_format": {"type": "text"}},
    call=Answer(
        text(
            {
                **head("chat.completion"),
                "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hello there."}, "finish_reason": "stop"}],
                "usage": USAGE,
            }
        )
    ),
    stream=Answer(
        sse(
            {**head("chat.completion.chunk"), "choices": [delta(role="assistant", content="")]},
            {**head("chat.completion.chunk"), "choices": [delta(content="Hello")]},
            {**head("chat.completion.chunk"), "choices": [delta("stop", content=" there.")], "usage": USAGE},
        ),
        content_type="text/event-stream",
    ),
    errors={
        "model": Answer(text({"object": "error", "message": f"Invalid model: {MODEL}", "type": "invalid_model", "code": "1500"}), 400),
        "path": Answer(text({"message": "no Route matched with those values"}), 404),
        "key": Answer(text({"detail": "Unauthorized"}), 401),
        "rate": Answer(text({"object": "error", "message": "Requests rate limit exceeded"}), 429),
    },
    endpoint="https://api.mistral.ai",
    address="api.mistral.ai",
    port=443,
    provider="mistral_ai",
    model=MODEL,
    model_sent=lambda sent: sent.body["model"],
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.seed": 7,
        "gen_ai.output.type": "text",
    },
    answered=ANSWERED,
    streamed={},
    streams=False,  # Semantic Kernel looks for an `AsyncGenerator` where the mistralai package gives an `EventStreamAsync`
    refused={
        "model": ("400", "model_not_found"),
        "path": ("404", "wrong_path"),
        "key": ("401", "auth"),
        "rate": ("429", "rate_limited"),
    },
)
