"""Google AI, and Vertex AI through the same connector. Bytes after the Gemini API reference, "generateContent"."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

from google.genai import Client
from google.oauth2.credentials import Credentials
from semantic_kernel.connectors.ai.google.google_ai import GoogleAIChatCompletion
from support.vendors.wire import Answer, Bed, Sent, Wire, sse, text

MODEL = "gemini-2.5-flash"


def reply(content: str, reason: str | None = None, **usage: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"parts": [{"text": content}], "role": "model"}, "index": 0}
    if reason:
        candidate["finishReason"] = reason
    return {
        "candidates": [candidate],
        "usageMetadata": {"promptTokenCount": 9, **usage},
        "modelVersion": "gemini-2.5-flash-001",
        "responseId": "resp-1",
    }


LAST = {"candidatesTokenCount": 4, "thoughtsTokenCount": 11, "cachedContentTokenCount": 2, "totalTokenCount": 24}


def error(status: int, name: str, words: str) -> Answer:
    return Answer(text({"error": {"code": status, "message": words, "status": name}}), status)


@asynccontextmanager
async def google_service(wire: Wire):
    client = Client(api_key="google-bed", http_options={"httpx_async_client": wire.httpx_client()})
    yield GoogleAIChatCompletion(gemini_model_id=MODEL, api_key="google-bed", client=client)


@asynccontextmanager
async def vertex_service(wire: Wire):
    client = Client(
        vertexai=True,
        project="my-project",
        location="europe-west4",
        credentials=Credentials("token-bed"),
        http_options={"httpx_async_client": wire.httpx_client()},
    )
    yield GoogleAIChatCompletion(gemini_model_id=MODEL, use_vertexai=True, project_id="my-project", region="europe-west4", client=client)


def model_sent(sent: Sent) -> str:
    return sent.url.rpartition("/models/")[2].partition(":")[0]


ANSWERED = {
    "gen_ai.response.id": "resp-1",
    "gen_ai.response.model": "gemini-2.5-flash-001",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 9,
    "gen_ai.usage.output_tokens": 15,
    "gen_ai.usage.cache_read.input_tokens": 2,
    "gen_ai.usage.reasoning.output_tokens": 11,
}


def bed(name: str, service: Any, address: str, provider: str) -> Bed:
    return Bed(
        name=name,
        service=service,
        settings={
            "temperature": 0.5,
            "top_k": 5,
            "max_output_tokens": 64,
            "stop_sequences": ["END"],
            "response_mime_type": "application/json",
        },
        call=Answer(text(reply("Hello there.", "STOP", **LAST))),
        stream=Answer(
            sse(reply("Hello", totalTokenCount=9), reply(" there.", "STOP", **LAST), done=False), content_type="text/event-stream"
        ),
        errors={
            "model": error(404, "NOT_FOUND", f"models/{MODEL} is not found for API version v1beta, or is not supported."),
            "key": error(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
            "rate": error(429, "RESOURCE_EXHAUSTED", "You exceeded your current quota."),
            "busy": error(503, "UNAVAILABLE", "The model is overloaded. Please try again later."),
        },
        endpoint=f"https://{address}",
        address=address,
        port=443,
        provider=provider,
        model=MODEL,
        model_sent=model_sent,
        asked={
            "gen_ai.request.temperature": 0.5,
            "gen_ai.request.top_k": 5.0,
            "gen_ai.request.max_tokens": 64,
            "gen_ai.request.stop_sequences": ("END",),
            "gen_ai.output.type": "json",
        },
        answered=ANSWERED,
        streamed=ANSWERED,
        refused={
            "model": ("404", "model_not_found"),
            "key": ("400", "auth"),
            "rate": ("429", "rate_limited"),
            "busy": ("503", "overloaded"),
        },
        overridable=False,
    )


GOOGLE = bed("google-ai", google_service, "generativelanguage.googleapis.com", "gcp.gemini")
VERTEX = bed("vertex-ai", vertex_service, "europe-west4-aiplatform.googleapis.com", "gcp.vertex_ai")
