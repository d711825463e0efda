"""Vertex AI through the older `vertexai` package, which speaks gRPC: its real client on a channel to a local server of raw messages.

Replies are written as JSON and sent as the protobuf messages they stand for (`google.cloud.aiplatform.v1.PredictionService`).
"""

from __future__ import annotations

import json
import warnings
from contextlib import asynccontextmanager
from typing import Any
from unittest.mock import patch

import grpc
import grpc.aio
from google.cloud.aiplatform_v1.services.prediction_service.transports.grpc_asyncio import PredictionServiceGrpcAsyncIOTransport
from google.cloud.aiplatform_v1.types import GenerateContentRequest, GenerateContentResponse
from google.oauth2.credentials import Credentials
from support.vendors.wire import Answer, Bed, Sent, Wire, text

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # both packages announce their successors at import
    import vertexai
    from semantic_kernel.connectors.ai.google.vertex_ai import VertexAIChatCompletion

MODEL = "gemini-2.0-flash"
ADDRESS = "europe-west1-aiplatform.googleapis.com"
CODES = {401: grpc.StatusCode.UNAUTHENTICATED, 404: grpc.StatusCode.NOT_FOUND, 429: grpc.StatusCode.RESOURCE_EXHAUSTED}


def service_of(wire: Wire) -> grpc.GenericRpcHandler:
    async def answer(request: bytes, context: grpc.aio.ServicerContext) -> list[bytes]:
        message = GenerateContentRequest.deserialize(request)
        found = wire.take("grpc", GenerateContentRequest.to_json(message).encode())
        if found.status != 200:
            await context.abort(CODES[found.status], found.body.decode())
        return [GenerateContentResponse.serialize(GenerateContentResponse.from_json(json.dumps(reply))) for reply in json.loads(found.body)]

    async def one(request: bytes, context: grpc.aio.ServicerContext) -> bytes:
        return (await answer(request, context))[0]

    async def many(request: bytes, context: grpc.aio.ServicerContext) -> Any:
        for reply in await answer(request, context):
            yield reply

    return grpc.method_handlers_generic_handler(
        "google.cloud.aiplatform.v1.PredictionService",
        {
            "GenerateContent": grpc.unary_unary_rpc_method_handler(one),
            "StreamGenerateContent": grpc.unary_stream_rpc_method_handler(many),
        },
    )


@asynccontextmanager
async def service(wire: Wire):
    server = grpc.aio.server()
    server.add_generic_rpc_handlers((service_of(wire),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    channels: list[grpc.aio.Channel] = []

    def channel(*_args: Any, **_options: Any) -> grpc.aio.Channel:
        channels.append(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        return channels[-1]

    vertexai.init(project="my-project", location="europe-west1", credentials=Credentials("token-bed"))
    try:
        with patch.object(PredictionServiceGrpcAsyncIOTransport, "create_channel", channel):
            yield VertexAIChatCompletion(project_id="my-project", region="europe-west1", gemini_model_id=MODEL)
    finally:
        for made in channels:
            await made.close()
        await server.stop(None)


def reply(content: str, reason: str | None = None, **usage: int) -> dict[str, Any]:
    candidate: dict[str, Any] = {"content": {"role": "model", "parts": [{"text": content}]}}
    if reason:
        candidate["finishReason"] = reason
    return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.0-flash-001", "responseId": "resp-1"}


LAST = {"promptTokenCount": 9, "candidatesTokenCount": 4, "totalTokenCount": 13}


def model_sent(sent: Sent) -> str:
    return sent.body["model"].rpartition("/")[2]


ANSWERED = {
    "gen_ai.response.id": "resp-1",
    "gen_ai.response.model": "gemini-2.0-flash-001",
    "gen_ai.response.finish_reasons": ("stop",),
    "gen_ai.usage.input_tokens": 9,
    "gen_ai.usage.output_tokens": 4,
}

VERTEXAI = Bed(
    name="vertexai-grpc",
    service=service,
    settings={"temperature": 0.5, "max_output_tokens": 64, "stop_sequences": ["END"]},
    call=Answer(text([reply("Hello there.", "STOP", **LAST)])),
    stream=Answer(text([reply("Hello"), reply(" there.", "STOP", **LAST)])),
    errors={
        "model": Answer(b"Publisher Model `gemini-2.0-flash` was not found or your project does not have access to it.", 404),
        "key": Answer(b"Request had invalid authentication credentials.", 401),
        "rate": Answer(b"Quota exceeded for online_prediction_requests_per_base_model.", 429),
    },
    endpoint=f"https://{ADDRESS}",
    address=ADDRESS,
    port=443,
    provider="gcp.vertex_ai",
    model=MODEL,
    model_sent=model_sent,
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.stop_sequences": ("END",),
    },
    answered=ANSWERED,
    streamed=ANSWERED,
    refused={"model": ("404", "model_not_found"), "key": ("401", "auth"), "rate": ("429", "rate_limited")},
    http_span=False,
    overridable=False,
)
