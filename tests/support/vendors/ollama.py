"""Ollama. Bytes as Ollama 0.17.4 sent them, the load time apart, which is that of a model being loaded."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from typing import Any

from ollama import AsyncClient
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion
from support.vendors.wire import Answer, Bed, Wire, text

MODEL = "gemma3:tiny"
URL = "http://ollama.test:11434"


def part(content: str, **more: Any) -> dict[str, Any]:
    return {
        "model": MODEL,
        "created_at": "2026-11-22T09:22:41.22Z",
        "message": {"role": "assistant", "content": content},
        "done": False,
        **more,
    }


def ended(load: int) -> dict[str, Any]:
    return {
        "done": True,
        "done_reason": "length",
        "total_duration": 1648971408,
        "load_duration": load,
        "prompt_eval_count": 16,
        "prompt_eval_duration": 250000000,
        "eval_count": 8,
        "eval_duration": 1500000000,
    }


@asynccontextmanager
async def service(wire: Wire):
    client = AsyncClient(host=URL)
    await client._client.aclose()
    client._client = wire.httpx_client()
    client._client.base_url = URL
    yield OllamaChatCompletion(ai_model_id=MODEL, client=client)


ANSWERED = {
    "gen_ai.response.model": MODEL,
    "gen_ai.response.finish_reasons": ("length",),
    "gen_ai.usage.input_tokens": 16,
    "gen_ai.usage.output_tokens": 8,
    "llm.timing.prompt": 0.25,
    "llm.timing.generation": 1.5,
}

OLLAMA = Bed(
    name="ollama",
    service=service,
    settings={"options": {"temperature": 0.5, "num_predict": 8, "top_k": 5, "seed": 7, "stop": ["END"]}, "format": "json"},
    call=Answer(text(part("Hello there.", **ended(load=312500000)))),
    stream=Answer(
        "".join(json.dumps(line) + "\n" for line in (part("Hello"), part(" there."), part("", **ended(load=4000000)))).encode(),
        content_type="application/x-ndjson",
    ),
    errors={
        "model": Answer(text({"error": f"model '{MODEL}' not found"}), 404),
        "path": Answer(b"404 page not found", 404, "text/plain"),
        "busy": Answer(text({"error": "server busy, please try again.  maximum pending requests exceeded"}), 503),
    },
    endpoint=URL,
    address="ollama.test",
    port=11434,
    provider="ollama",
    source="config",
    providers={URL: "ollama"},
    model=MODEL,
    model_sent=lambda sent: sent.body["model"],
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_k": 5.0,
        "gen_ai.request.max_tokens": 8,
        "gen_ai.request.seed": 7,
        "gen_ai.request.stop_sequences": ("END",),
        "gen_ai.output.type": "json",
    },
    answered={**ANSWERED, "llm.timing.load": 0.3125, "llm.cold_start": True},
    streamed={**ANSWERED, "llm.timing.load": 0.004, "llm.cold_start": False},
    refused={"model": ("404", "model_not_found"), "path": ("404", "wrong_path"), "busy": ("503", "overloaded")},
    overridable=False,
)
