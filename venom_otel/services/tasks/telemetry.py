"""What ties telemetry to tasks: `llm.task.id` on every span and log record of a task, and what its requests' spans say of who answered.

A task's spans are the one source of who answered it: what `TaskResponse` says is read from them, as the history does once they are stored.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Final, Protocol

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.sdk._logs import LogRecordProcessor
from opentelemetry.sdk.trace import SpanProcessor

from venom_otel import semconv
from venom_otel.instrumentation.server_words import server_words
from venom_otel.services.tasks.model import Party, Request, TaskError
from venom_otel.store.generation import generated
from venom_otel.store.mapping import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.trace import ReadableSpan, Span
    from opentelemetry.trace import TracerProvider

    from venom_otel.routing import Reason, Target

_KEY: Final = otel_context.create_key("venom_otel.task")


class Telemetry(Protocol):
    """Where what tasks say of themselves goes; made with `TaskSpans` and `TaskRecords`."""

    @property
    def tracer_provider(self) -> TracerProvider:
        """Of spans."""
        ...

    @property
    def meter_provider(self) -> MeterProvider:
        """Of measurements."""
        ...

    @property
    def logger_provider(self) -> LoggerProvider:
        """Of log records."""
        ...


class Listener(Protocol):
    """Hears of the requests of one task."""

    @property
    def id(self) -> str:
        """The task's."""
        ...

    def began(self) -> None:
        """A request began."""
        ...

    def told(self, request: Request) -> None:
        """A request ended, and all is known of it; may be called from any thread."""
        ...

    def asks(self, target: Target) -> None:
        """A server is asked."""
        ...

    def passed_over(self, target: Target, why: Reason) -> None:
        """A server was not even asked."""
        ...

    def not_answered(self, target: Target, why: Reason) -> None:
        """A server failed."""
        ...


@contextlib.contextmanager
def belonging_to(listener: Listener) -> Iterator[None]:
    """What is recorded in this context belongs to a task, and to nothing around it."""
    token = otel_context.attach(otel_context.set_value(_KEY, listener, otel_context.Context()))
    try:
        yield
    finally:
        otel_context.detach(token)


def current() -> Listener | None:
    """The task in whose context the caller runs."""
    return _of(None)


class TaskSpans(SpanProcessor):
    """Puts `llm.task.id` on the spans of tasks, and tells tasks of their requests. To be added before what exports."""

    def __init__(self) -> None:
        self._open: dict[int, Listener] = {}
        """By the ids of the requests' spans: they end in another context, maybe in another thread."""

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        """Mark a span."""
        listener = _of(parent_context)
        if listener is not None:
            span.set_attribute(semconv.LLM_TASK_ID, listener.id)
            if _is_request(span):
                self._open[span.get_span_context().span_id] = listener
                listener.began()

    def on_end(self, span: ReadableSpan) -> None:
        """Tell the task of a request."""
        context = span.get_span_context()
        listener = self._open.pop(context.span_id, None) if context is not None else None
        if listener is not None:
            listener.told(request_of(span))


class TaskRecords(LogRecordProcessor):
    """Puts `llm.task.id` on the log records of tasks. To be added before what exports."""

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Mark a record: by the span it belongs to, which may end in another thread, else by the context it was made in."""
        record = log_record.log_record
        if record.attributes is not None and semconv.LLM_TASK_ID in record.attributes:
            return
        context = record.context
        span = trace.get_current_span(context)
        known = getattr(span, "attributes", None) or {}
        listener = _of(context)
        task_id = known.get(semconv.LLM_TASK_ID) or (listener.id if listener is not None else None)
        if task_id is not None:
            record.attributes = {**(record.attributes or {}), semconv.LLM_TASK_ID: task_id}

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002
        """Nothing waits here."""
        return True

    def shutdown(self) -> None:
        """Nothing is held."""


def request_of(span: ReadableSpan) -> Request:
    """What the span of a request says of it."""
    attributes = span.attributes or {}
    context = span.get_span_context()
    assert context is not None
    reasons = attributes.get(semconv.GEN_AI_RESPONSE_FINISH_REASONS)
    return Request(
        id=f"{context.trace_id:032x}-{context.span_id:016x}",
        party=Party(
            _text(attributes, semconv.LLM_SERVICE_ID) or "",
            _text(attributes, semconv.LLM_PROVIDER) or semconv.PROVIDER_UNKNOWN,
            _text(attributes, semconv.LLM_MODEL) or "",
            _text(attributes, semconv.LLM_ENDPOINT) or "",
        ),
        identity_source=_text(attributes, semconv.LLM_IDENTITY_SOURCE) or semconv.SOURCE_UNKNOWN,
        outcome=_text(attributes, semconv.LLM_OUTCOME) or "",
        response_model=_text(attributes, semconv.GEN_AI_RESPONSE_MODEL),
        finish_reason=str(reasons[0]) if isinstance(reasons, tuple) and reasons else None,
        input_tokens=_count(attributes, semconv.GEN_AI_USAGE_INPUT_TOKENS),
        output_tokens=_count(attributes, semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
        speed=_speed(span, attributes),
        error=_error(span, attributes),
    )


def _of(context: Context | None) -> Listener | None:
    return otel_context.get_value(_KEY, context)  # type: ignore[return-value]


def _is_request(span: ReadableSpan) -> bool:
    scope = span.instrumentation_scope
    return scope is not None and scope.name == semconv.SCOPE and semconv.GEN_AI_OPERATION_NAME in (span.attributes or {})


def _error(span: ReadableSpan, attributes: Mapping[str, Any]) -> TaskError | None:
    if attributes.get(semconv.LLM_OUTCOME) != semconv.OUTCOME_ERROR:
        return None
    words = server_words(span.status.description or "") or "it says nothing"
    return TaskError(_text(attributes, semconv.LLM_ERROR_KIND), _text(attributes, semconv.ERROR_TYPE), words)


def _speed(span: ReadableSpan, attributes: Mapping[str, Any]) -> float | None:
    """As the store says it of the same span."""
    if span.start_time is None or span.end_time is None:
        return None
    first_chunk_ns = seconds(attributes.get(semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK))
    return generated(
        _count(attributes, semconv.GEN_AI_USAGE_OUTPUT_TOKENS) or 0,
        span.end_time - span.start_time,
        -1 if first_chunk_ns is None else first_chunk_ns,
        seconds(attributes.get(semconv.LLM_TIMING_GENERATION)) or 0,
    ).speed


def _text(attributes: Mapping[str, Any], name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) else None


def _count(attributes: Mapping[str, Any], name: str) -> int | None:
    value = attributes.get(name)
    return value if isinstance(value, int) else None
