"""A model server without a server: a transport inside the process that answers with vLLM's bytes.

Nothing that is measured crosses a socket, so it is the client's own work: Semantic Kernel, openai, httpx2 and the instrumentation. The
address belongs to `identity_server.py`, which answers those who ask, beforehand, who is there.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import httpx2
from openai import AsyncOpenAI
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from semantic_kernel.exceptions import ServiceResponseException

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

BASE_URL = os.environ["BENCHMARK_URL"]
MODEL = "meta-llama/Llama-3.1-8B-Instruct"
SERVICE_ID = "benchmark"
API_KEY = "sk-benchmark"
CHUNKS = 200
"""Chunks that a stream hands to the application: the role, 198 texts, the usage."""

_HEAD = {"id": "chatcmpl-5f3c9b1e7a2d4c60", "created": 1764590000, "model": MODEL}
_USAGE = {"prompt_tokens": 42, "completion_tokens": 198, "total_tokens": 240, "prompt_tokens_details": None}
_JSON = {"date": "Mon, 01 Dec 2025 12:00:00 GMT", "server": "uvicorn", "content-type": "application/json"}
_SSE = {**_JSON, "content-type": "text/event-stream; charset=utf-8"}


def _bytes(value: dict[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _event(**fields: object) -> bytes:
    return b"data: " + _bytes({**_HEAD, "object": "chat.completion.chunk", **fields}) + b"\n\n"


def _delta(delta: dict[str, str], finish_reason: str | None = None) -> dict[str, object]:
    return {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}


_CALL_BODY = _bytes(
    {
        **_HEAD,
        "object": "chat.completion",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "The quick brown fox. " * 20, "tool_calls": []},
                "logprobs": None,
                "finish_reason": "stop",
                "stop_reason": None,
            }
        ],
        "usage": _USAGE,
        "system_fingerprint": None,
    }
)
_STREAM_EVENTS = (
    _event(choices=[_delta({"role": "assistant", "content": ""})]),
    *(_event(choices=[_delta({"content": f" word{i}"})]) for i in range(CHUNKS - 3)),
    _event(choices=[_delta({"content": "."}, "stop")], system_fingerprint="vllm-0.32.0"),
    _event(choices=[], usage=_USAGE),
    b"data: [DONE]\n\n",
)
_NOT_FOUND_BODY = _bytes(
    {"error": {"message": f"The model `{MODEL}` does not exist.", "type": "NotFoundError", "param": "model", "code": 404}}
)


class _Events(httpx2.AsyncByteStream):
    """One read for each event, as a server that flushes after each token gives them."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for event in _STREAM_EVENTS:
            yield event


class CannedTransport(httpx2.AsyncBaseTransport):
    """Answers every request with the reply that `scenario` names."""

    def __init__(self) -> None:
        self.scenario = "call"

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:  # noqa: ARG002  (every request gets the same reply)
        if self.scenario == "stream":
            return httpx2.Response(200, headers=_SSE, stream=_Events())
        if self.scenario == "404":
            return httpx2.Response(404, headers=_JSON, content=_NOT_FOUND_BODY)
        return httpx2.Response(200, headers=_JSON, content=_CALL_BODY)


class Bench:
    """One chat service on a canned transport and the three requests that are measured on it."""

    def __init__(self, service_class: type[OpenAIChatCompletion] = OpenAIChatCompletion) -> None:
        self.transport = CannedTransport()
        self.http_client = httpx2.AsyncClient(transport=self.transport)
        client = AsyncOpenAI(api_key=API_KEY, base_url=BASE_URL, http_client=self.http_client)
        self.service = service_class(ai_model_id=MODEL, service_id=SERVICE_ID, async_client=client)
        self.settings = OpenAIChatPromptExecutionSettings(service_id=SERVICE_ID, temperature=0.2, max_tokens=256)
        self.history = ChatHistory(system_message="You answer in one sentence.")
        self.history.add_user_message("What jumps over the lazy dog?")
        self._requests: dict[str, Callable[[], Awaitable[None]]] = {"call": self._call, "stream": self._stream, "404": self._not_found}

    async def run(self, scenario: str, times: int) -> None:
        """Make the request of `scenario` `times` times, one after the other."""
        self.transport.scenario = scenario
        request = self._requests[scenario]
        for _ in range(times):
            await request()

    async def _call(self) -> None:
        await self.service.get_chat_message_contents(self.history, self.settings)

    async def _stream(self) -> None:
        async for _ in self.service.get_streaming_chat_message_contents(self.history, self.settings):
            pass

    async def _not_found(self) -> None:
        try:
            await self.service.get_chat_message_contents(self.history, self.settings)
        except ServiceResponseException:
            return
        raise AssertionError("the canned 404 raised nothing")


SCENARIOS = ("call", "stream", "404")
