"""Anthropic. Bytes after its API reference, "Messages" and "Streaming messages"."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import Any

from anthropic import AsyncAnthropic
from semantic_kernel.connectors.ai.anthropic import AnthropicChatCompletion
from support.vendors.wire import Answer, Bed, Wire, text

MODEL = "claude-sonnet-4-5"
DATED = "claude-sonnet-4-5-20250929"
USAGE = {"input_tokens": 10, "cache_creation_input_tokens": 3, "cache_read_input_tokens": 20, "output_tokens": 6}


def message(**more: Any) -> dict[str, Any]:
    return {"id": "msg_01X", "type": "message", "role": "assistant", "model": DATED, "stop_sequence": None, **more}


def events(*events: dict[str, Any]) -> bytes:
    return "".join(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n" for event in events).encode()


def error(status: int, kind: str, words: str) -> Answer:
    return Answer(text({"type": "error", "error": {"type": kind, "message": words}, "request_id": "req_01"}), status)


@asynccontextmanager
async def service(wire: Wire):
    async with AsyncAnthropic(api_key="sk-ant-bed", http_client=wire.httpx_client(), max_retries=0) as client:
        yield AnthropicChatCompletion(ai_model_id=MODEL, api_key="sk-ant-bed", async_client=client)


USED = {
    "gen_ai.usage.input_tokens": 33,
    "gen_ai.usage.output_tokens": 6,
    "gen_ai.usage.cache_read.input_tokens": 20,
    "gen_ai.usage.cache_creation.input_tokens": 3,
    "gen_ai.response.id": "msg_01X",
    "gen_ai.response.finish_reasons": ("end_turn",),
}

ANTHROPIC = Bed(
    name="anthropic",
    service=service,
    settings={"temperature": 0.5, "top_p": 0.25, "top_k": 5, "stop_sequences": ["END", "STOP"]},
    call=Answer(text(message(content=[{"type": "text", "text": "Hello there."}], stop_reason="end_turn", usage=USAGE))),
    stream=Answer(
        events(
            {"type": "message_start", "message": message(content=[], stop_reason=None, usage={**USAGE, "output_tokens": 1})},
            {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
            {"type": "ping"},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "Hello"}},
            {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": " there."}},
            {"type": "content_block_stop", "index": 0},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn", "stop_sequence": None}, "usage": USAGE},
            {"type": "message_stop"},
        ),
        content_type="text/event-stream",
    ),
    errors={
        "model": error(404, "not_found_error", f"model: {MODEL}"),
        "key": error(401, "authentication_error", "invalid x-api-key"),
        "rate": error(429, "rate_limit_error", "This request would exceed your account's rate limit."),
        "busy": error(529, "overloaded_error", "Overloaded"),
    },
    endpoint="https://api.anthropic.com",
    address="api.anthropic.com",
    port=443,
    provider="anthropic",
    model=MODEL,
    model_sent=lambda sent: sent.body["model"],
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.25,
        "gen_ai.request.top_k": 5.0,
        "gen_ai.request.max_tokens": 1024,  # Semantic Kernel's default, sent
        "gen_ai.request.stop_sequences": ("END", "STOP"),
    },
    answered={**USED, "gen_ai.response.model": DATED},
    streamed=USED,  # Semantic Kernel keeps `message_start`, which names the model, to itself
    refused={
        "model": ("404", "model_not_found"),
        "key": ("401", "auth"),
        "rate": ("429", "rate_limited"),
        "busy": ("529", "overloaded"),
    },
)
