"""Amazon Bedrock, through boto3 with botocore's HTTP session replaced. Bytes after the API reference, "Converse" and "ConverseStream"."""

from __future__ import annotations

import io
import json
import struct
import zlib
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import unquote

import boto3
from botocore.awsrequest import AWSResponse, HeadersDict
from botocore.config import Config
from semantic_kernel.connectors.ai.bedrock import BedrockChatCompletion
from support.vendors.wire import Answer, Bed, Sent, Wire, text

MODEL = "anthropic.claude-3-5-sonnet-20240620-v1:0"
HOST = "bedrock-runtime.us-east-1.amazonaws.com"
USAGE = {"inputTokens": 10, "outputTokens": 6, "totalTokens": 39, "cacheReadInputTokens": 20, "cacheWriteInputTokens": 3}


class Raw(io.BytesIO):
    """The body of a reply as urllib3 gives it."""

    def stream(self, size: int = 1024) -> Any:
        while piece := self.read(size):
            yield piece


class Session:
    """In place of botocore's `URLLib3Session`."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def send(self, request: Any) -> AWSResponse:
        answer = self._wire.take(request.url, request.body)
        headers = HeadersDict({"content-type": answer.content_type, "x-amzn-requestid": "8d1c7e32"})
        if answer.status >= 400:
            headers["x-amzn-errortype"] = json.loads(answer.body)["__type"]
        return AWSResponse(request.url, answer.status, headers, Raw(answer.body))

    def close(self) -> None:
        """Nothing to close."""


def frames(*events: tuple[str, dict[str, Any]], kind: str = "event") -> bytes:
    """Amazon's event stream encoding: lengths and headers, payload, each part with its checksum. `kind` is `event` or `exception`."""
    found = b""
    for name, payload in events:
        body = text(payload)
        headers = b"".join(
            bytes([len(key)]) + key + b"\x07" + struct.pack(">H", len(value)) + value
            for key, value in (
                (f":{kind}-type".encode(), name.encode()),
                (b":content-type", b"application/json"),
                (b":message-type", kind.encode()),
            )
        )
        prelude = struct.pack(">II", 16 + len(headers) + len(body), len(headers))
        message = prelude + struct.pack(">I", zlib.crc32(prelude)) + headers + body
        found += message + struct.pack(">I", zlib.crc32(message))
    return found


def error(status: int, kind: str, words: str) -> Answer:
    return Answer(text({"message": words, "__type": kind}), status)


def client(name: str, wire: Wire) -> Any:
    made = boto3.client(
        name,
        region_name="us-east-1",
        aws_access_key_id="AKIDBED",
        aws_secret_access_key="bed",
        config=Config(retries={"total_max_attempts": 1}),
    )
    made._endpoint.http_session = Session(wire)
    return made


@asynccontextmanager
async def service(wire: Wire):
    yield BedrockChatCompletion(model_id=MODEL, runtime_client=client("bedrock-runtime", wire), client=client("bedrock", wire))


def model_sent(sent: Sent) -> str:
    return unquote(sent.url.partition("/model/")[2].partition("/converse")[0])


ANSWERED = {
    "gen_ai.response.finish_reasons": ("end_turn",),
    "gen_ai.usage.input_tokens": 33,
    "gen_ai.usage.output_tokens": 6,
    "gen_ai.usage.cache_read.input_tokens": 20,
    "gen_ai.usage.cache_creation.input_tokens": 3,
}

PIECES: list[tuple[str, dict[str, Any]]] = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"delta": {"text": "Hello"}, "contentBlockIndex": 0}),
    ("contentBlockDelta", {"delta": {"text": " there."}, "contentBlockIndex": 0}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("messageStop", {"stopReason": "end_turn"}),
    ("metadata", {"usage": USAGE, "metrics": {"latencyMs": 551}}),
]

BEDROCK = Bed(
    name="bedrock",
    service=service,
    settings={"temperature": 0.5, "top_p": 0.25, "max_tokens": 64, "stop": ["END"]},
    call=Answer(
        text(
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "Hello there."}]}},
                "stopReason": "end_turn",
                "usage": USAGE,
                "metrics": {"latencyMs": 551},
            }
        )
    ),
    stream=Answer(
        frames(*PIECES),
        content_type="application/vnd.amazon.eventstream",
    ),
    errors={
        "model": error(400, "ValidationException", "The provided model identifier is invalid."),
        "gone": error(404, "ResourceNotFoundException", "This model version has reached the end of its life."),
        "key": error(403, "UnrecognizedClientException", "The security token included in the request is invalid."),
        "rate": error(429, "ThrottlingException", "Too many requests, please wait before trying again."),
    },
    endpoint=f"https://{HOST}",
    address=HOST,
    port=443,
    provider="aws.bedrock",
    model=MODEL,
    model_sent=model_sent,
    asked={
        "gen_ai.request.temperature": 0.5,
        "gen_ai.request.top_p": 0.25,
        "gen_ai.request.max_tokens": 64,
        "gen_ai.request.stop_sequences": ("END",),
    },
    answered=ANSWERED,
    streamed=ANSWERED,
    refused={
        "model": ("400", "model_not_found"),
        "gone": ("404", "model_not_found"),
        "key": ("403", "auth"),
        "rate": ("429", "rate_limited"),
    },
    http_span=False,
    overridable=False,
)
