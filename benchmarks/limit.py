"""The limit: what a good engineer would write by hand for this one service, and nothing more.

It makes the same telemetry as venom_otel does, which the benchmark checks before it measures, with everything that is fixed for the
service worked out in advance: the server is known, there is one connector, one reply format, no content capture, no settings.
"""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

from canned import API_KEY, BASE_URL, MODEL, SERVICE_ID
from opentelemetry import context, trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.instrumentation.httpx import HTTPX2ClientInstrumentor
from opentelemetry.trace import SpanKind, Status, StatusCode
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.exceptions import ServiceResponseException

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from canned import Bench
    from opentelemetry.trace import Span
    from telemetry import Telemetry

PROVIDER = "vllm"
PORT = int(BASE_URL.rpartition(":")[2].partition("/")[0])
NAME = f"chat {MODEL}"
SECONDS = [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92]
TOKENS = [4**power for power in range(14)]

_POINT: dict[str, Any] = {
    "gen_ai.operation.name": "chat",
    "gen_ai.provider.name": PROVIDER,
    "gen_ai.request.model": MODEL,
    "server.address": "127.0.0.1",
    "server.port": PORT,
    "llm.provider": PROVIDER,
    "llm.model": MODEL,
    "llm.endpoint": BASE_URL.rstrip("/"),
}
_START: dict[str, Any] = {
    **_POINT,
    "llm.model_name": MODEL,
    "llm.server": f"{socket.gethostname()}:{PORT}",
    "llm.service_id": SERVICE_ID,
    "llm.identity.source": "server",
}
_RECORD = {name: value for name, value in _POINT.items() if not name.startswith("server.")}
_ANSWERED = {**_POINT, "gen_ai.response.model": MODEL}
_INPUT = {**_ANSWERED, "gen_ai.token.type": "input"}
_OUTPUT = {**_ANSWERED, "gen_ai.token.type": "output"}
_clock = time.perf_counter


class LimitChatCompletion(OpenAIChatCompletion):
    """Semantic Kernel's OpenAI service with a span, four histograms and a log record written by hand."""

    async def _inner_get_chat_message_contents(self, chat_history: Any, settings: Any) -> list[Any]:
        start = _clock()
        span = _tracer.start_span(
            NAME,
            kind=SpanKind.CLIENT,
            attributes={
                **_START,
                "gen_ai.request.temperature": settings.temperature,
                "gen_ai.request.max_tokens": settings.max_tokens,
            },
        )
        token = context.attach(trace.set_span_in_context(span))
        try:
            contents = await super()._inner_get_chat_message_contents(chat_history, settings)
        except BaseException as error:
            context.detach(token)
            _fail(span, error, _clock() - start)
            raise
        context.detach(token)
        duration = _clock() - start
        message = contents[0]
        reply = message.inner_content
        usage = reply.usage
        span.set_attributes(
            {
                "llm.outcome": "ok",
                "gen_ai.response.id": reply.id,
                "gen_ai.response.model": reply.model,
                "gen_ai.response.finish_reasons": (message.finish_reason.value,),
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
            }
        )
        span.end()
        here = trace.set_span_in_context(span)
        _duration.record(duration, _ANSWERED, here)
        _tokens.record(usage.prompt_tokens, _INPUT, here)
        _tokens.record(usage.completion_tokens, _OUTPUT, here)
        return contents

    async def _inner_get_streaming_chat_message_contents(
        self, chat_history: Any, settings: Any, function_invoke_attempt: int = 0
    ) -> AsyncGenerator[list[Any], Any]:
        start = _clock()
        span = _tracer.start_span(
            NAME,
            kind=SpanKind.CLIENT,
            attributes={
                **_START,
                "gen_ai.request.temperature": settings.temperature,
                "gen_ai.request.max_tokens": settings.max_tokens,
                "gen_ai.request.stream": True,
            },
        )
        inner = super()._inner_get_streaming_chat_message_contents(chat_history, settings, function_invoke_attempt)
        finish_reason = None
        try:
            token = context.attach(trace.set_span_in_context(span))
            try:
                contents = await anext(inner)
            finally:
                context.detach(token)
            last = _clock()
            first_chunk = last - start
            gaps = []
            yield contents
            async for contents in inner:
                now = _clock()
                gaps.append(now - last)
                last = now
                if contents[0].finish_reason is not None:
                    finish_reason = contents[0].finish_reason.value
                yield contents
        except GeneratorExit:
            span.set_attribute("llm.outcome", "abandoned")
            span.end()
            _duration.record(_clock() - start, _POINT)
            raise
        except BaseException as error:
            _fail(span, error, _clock() - start)
            raise
        finally:
            await inner.aclose()
        duration = _clock() - start
        reply = contents[0].inner_content
        usage = reply.usage
        span.set_attributes(
            {
                "llm.outcome": "ok",
                "gen_ai.response.time_to_first_chunk": first_chunk,
                "gen_ai.response.id": reply.id,
                "gen_ai.response.model": reply.model,
                "gen_ai.response.finish_reasons": (finish_reason,),
                "gen_ai.usage.input_tokens": usage.prompt_tokens,
                "gen_ai.usage.output_tokens": usage.completion_tokens,
            }
        )
        span.end()
        here = trace.set_span_in_context(span)
        _duration.record(duration, _ANSWERED, here)
        _first.record(first_chunk, _ANSWERED, here)
        record = _chunk.record
        for gap in gaps:
            record(gap, _ANSWERED)
        _tokens.record(usage.prompt_tokens, _INPUT, here)
        _tokens.record(usage.completion_tokens, _OUTPUT, here)


def _fail(span: Span, error: BaseException, duration: float) -> None:
    cause = error.__cause__ if isinstance(error, ServiceResponseException) else error
    cause_type, message = f"{type(cause).__module__}.{type(cause).__qualname__}", str(cause).replace(API_KEY, "***")
    status = getattr(cause, "status_code", None)
    error_type = str(status or cause_type)
    kind = "model_not_found" if status == 404 and "model" in message else "server_error"
    exception = {"exception.type": cause_type, "exception.message": message}
    span.set_attributes({"llm.outcome": "error", "error.type": error_type, "llm.error.kind": kind})
    if status is not None:
        span.set_attribute("http.response.status_code", status)
    span.add_event("exception", exception)
    span.set_status(Status(StatusCode.ERROR, message))
    span.end()
    here = trace.set_span_in_context(span)
    _duration.record(duration, {**_POINT, "error.type": error_type}, here)
    _logger.emit(
        LogRecord(
            timestamp=time.time_ns(),
            context=here,
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            body=f"{PROVIDER} {MODEL}: {kind}: {message}",
            event_name="gen_ai.client.operation.exception",
            attributes={**_RECORD, **exception, "error.type": error_type, "llm.error.kind": kind},
        )
    )


def use(telemetry: Telemetry, bench: Bench, *, http: bool) -> None:
    """Record into `telemetry`; with `http` the client gets the OpenTelemetry instrumentation of its own type."""
    global _tracer, _duration, _first, _chunk, _tokens, _logger  # noqa: PLW0603  (one service in one process)
    _tracer = telemetry.tracer_provider.get_tracer("limit")
    _logger = telemetry.logger_provider.get_logger("limit")
    meter = telemetry.meter_provider.get_meter("limit")

    def seconds(name: str) -> Any:
        return meter.create_histogram(name, "s", explicit_bucket_boundaries_advisory=SECONDS)

    _duration = seconds("gen_ai.client.operation.duration")
    _first = seconds("gen_ai.client.operation.time_to_first_chunk")
    _chunk = seconds("gen_ai.client.operation.time_per_output_chunk")
    _tokens = meter.create_histogram("gen_ai.client.token.usage", "{token}", explicit_bucket_boundaries_advisory=TOKENS)
    if http:
        HTTPX2ClientInstrumentor.instrument_client(
            bench.http_client, tracer_provider=telemetry.tracer_provider, meter_provider=telemetry.meter_provider
        )
