"""An application as seen by itself: its services, and a record of everything it could notice of a call."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import httpx2
from ollama import AsyncClient
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client
from opentelemetry import baggage, context, trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion, OllamaChatPromptExecutionSettings
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from support import personas
from support.patience import WAIT_S

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from support.chat_server import Request

TRACE_ID = 0x7001
PARENT_ID = 0x7002

OPENAI, OLLAMA = "openai", "ollama"
MODELS = {OPENAI: personas.VLLM_MODEL, OLLAMA: personas.OLLAMA_MODEL}
PROVIDERS = {OPENAI: "vllm", OLLAMA: "ollama"}

# One setting of each kind that both dialects know; in Ollama's they are options.
OPTIONS = {"temperature": 0.25, "top_p": 0.5, "seed": 7, "stop": ["END"]}


@contextlib.asynccontextmanager
async def service_for(
    connector: str, url: str, *, model: str, service_id: str = "chat", retries: int = 0, read_s: float = WAIT_S
) -> AsyncIterator[Any]:
    """A chat service of Semantic Kernel for a server; its client is closed at the end."""
    if connector == OPENAI:
        client = AsyncOpenAI(
            api_key="sk-test",
            base_url=f"{url}/v1",
            max_retries=retries,
            timeout=httpx2.Timeout(WAIT_S, read=read_s),
            http_client=DefaultAsyncHttpx2Client(verify=False),  # reading the certificates takes 40 ms and nothing here speaks TLS
        )
        service: Any = OpenAIChatCompletion(ai_model_id=model, service_id=service_id, async_client=client)
    else:
        ollama_client = AsyncClient(host=url, timeout=httpx.Timeout(WAIT_S, read=read_s), verify=False)
        service = OllamaChatCompletion(ai_model_id=model, service_id=service_id, client=ollama_client)
    try:
        yield service
    finally:
        await service.client.close()


def settings_for(connector: str, **more: Any) -> Any:
    """Settings that set one of each kind."""
    if connector == OPENAI:
        return OpenAIChatPromptExecutionSettings(**OPTIONS, max_tokens=8, **more)
    return OllamaChatPromptExecutionSettings(options={**OPTIONS, "num_predict": 8}, **more)


def history(text: str = "hello world") -> ChatHistory:
    """A conversation of one question."""
    asked = ChatHistory()
    asked.add_system_message("Be brief.")
    asked.add_user_message(text)
    return asked


def parent_context(span_id: int = PARENT_ID) -> context.Context:
    """The context of an application that traces itself and carries baggage."""
    span = NonRecordingSpan(SpanContext(TRACE_ID, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED)))
    return baggage.set_baggage("tenant", "blue", trace.set_span_in_context(span, context.Context()))


async def flushed(handle: Any) -> None:
    """Wait until everything recorded so far has been sent, without holding up the loop that a server's answers may need."""
    assert await asyncio.to_thread(handle.flush, WAIT_S)


@dataclass
class Seen:
    """Everything a run of an application could notice; two runs that notice the same are equal."""

    results: list[Any] = field(default_factory=list)
    """What was returned, or each chunk: type, fields and the provider's own object."""
    error: list[Any] = field(default_factory=list)
    """The exception and all below it, with types, words and how they hang together."""
    contexts: list[Any] = field(default_factory=list)
    """Before, at each chunk and after: current span, baggage, and the context variables that differ from those before."""
    history: list[Any] = field(default_factory=list)
    """The conversation afterwards."""
    sent: list[Any] = field(default_factory=list)
    """The requests as the server got them, without the trace headers."""

    def look(self) -> None:
        """Note the context as it is now."""
        values = {variable.name: id(value) for variable, value in contextvars.copy_context().items()}
        if not self.contexts:
            self._before = values
        changed = sorted(name for name in {*values, *self._before} if values.get(name) != self._before.get(name))
        current = trace.get_current_span().get_span_context()
        self.contexts.append((current.trace_id, current.span_id, dict(baggage.get_all()), changed))

    def take(self, contents: Any) -> None:
        """Note a result or a chunk."""
        self.results.append([(type(item), item.model_dump(), item.inner_content) for item in contents])

    def catch(self, error: BaseException) -> None:
        """Note an exception."""
        link: BaseException | None = error
        while link is not None and len(self.error) < 10:
            below = link.__cause__ or link.__context__
            words = re.sub(r"cancel scope [0-9a-f]+", "cancel scope …", str(link))
            self.error.append((type(link), words, link.__cause__ is not None, link.__suppress_context__, getattr(link, "__notes__", None)))
            link = below

    def received(self, requests: list[Request]) -> None:
        """Note what the server got."""
        tracing = {"traceparent", "tracestate", "baggage"}
        self.sent = [
            (request.path, {name: value for name, value in request.headers.items() if name not in tracing}, request.body)
            for request in requests
        ]


async def watch(act: Callable[[Seen], Awaitable[None]], span_id: int = PARENT_ID) -> Seen:
    """Run an application's piece of work in a task and a context of its own, and say what it saw."""
    seen = Seen()

    async def run() -> None:
        token = context.attach(parent_context(span_id))
        seen.look()
        try:
            await act(seen)
        except (Exception, asyncio.CancelledError) as error:
            seen.catch(error)
        seen.look()
        context.detach(token)

    await asyncio.create_task(run(), context=contextvars.Context())
    return seen
