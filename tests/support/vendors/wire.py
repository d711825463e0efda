"""What stands at the lowest place of a vendor's client instead of the network: one answer to every request, which it keeps."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import httpx2

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager


@dataclass(frozen=True)
class Answer:
    """What the server answers, as bytes of its own format."""

    body: bytes
    status: int = 200
    content_type: str = "application/json"


@dataclass
class Sent:
    """One request as the client made it."""

    url: str
    body: dict[str, Any]


@dataclass
class Wire:
    """Answers every request with `answer`; `sent` holds them in their order."""

    answer: Answer
    sent: list[Sent] = field(default_factory=list)

    def take(self, url: str, body: bytes) -> Answer:
        self.sent.append(Sent(url, json.loads(body or b"{}")))
        return self.answer

    def httpx_client(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(transport=httpx.MockTransport(lambda request: self._respond(httpx.Response, request)))

    def httpx2_client(self) -> httpx2.AsyncClient:
        return httpx2.AsyncClient(transport=httpx2.MockTransport(lambda request: self._respond(httpx2.Response, request)))

    def _respond(self, response: Any, request: Any) -> Any:
        answer = self.take(str(request.url), request.content)
        return response(answer.status, headers={"content-type": answer.content_type}, content=answer.body)


@dataclass(frozen=True)
class Bed:
    """One connector on its vendor's real client, and what its telemetry must say."""

    name: str
    service: Callable[[Wire], AbstractAsyncContextManager[Any]]
    """Makes the chat service whose client sends over the wire."""
    settings: dict[str, Any]
    """Execution settings, one of each kind that the connector knows."""
    call: Answer
    stream: Answer
    errors: dict[str, Answer]
    """Answers that refuse, by a name."""
    endpoint: str
    address: str
    port: int
    provider: str
    model: str
    model_sent: Callable[[Sent], str]
    """Where the model stands in a request as sent."""
    asked: dict[str, Any]
    """The attributes that `settings` must give."""
    answered: dict[str, Any]
    """The attributes that `call` must give."""
    streamed: dict[str, Any]
    """The attributes that `stream` must give."""
    refused: dict[str, tuple[str, str]]
    """`error.type` and `llm.error.kind` for each of `errors`."""
    source: str = "host"
    providers: dict[str, str] = field(default_factory=dict)
    http_span: bool = True
    """Whether the HTTP call has a span of its own below."""
    overridable: bool = True
    """Whether the model in the settings is sent."""
    streams: bool = True
    """Whether Semantic Kernel 1.45 can stream with the vendor's client of today."""


def sse(*events: Any, done: bool = True) -> bytes:
    """Server-sent events of JSON data, with OpenAI's closing word."""
    body = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return (body + ("data: [DONE]\n\n" if done else "")).encode()


def text(value: Any) -> bytes:
    return json.dumps(value).encode()
