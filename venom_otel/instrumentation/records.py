"""The log records of a completed round trip: OpenTelemetry events beside its span, and one line for people."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber

from venom_otel import semconv
from venom_otel.instrumentation import logs
from venom_otel.instrumentation.server_words import server_words

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry._logs import Logger
    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue

    from venom_otel.instrumentation.failures import Failure
    from venom_otel.instrumentation.invocation import Invocation

request_logger: Final = logging.getLogger(semconv.REQUEST_LOGGER)


def who_answered(invocation: Invocation) -> dict[str, AttributeValue]:
    """Operation, provider, model and endpoint: what every record and metric point of a round trip carries."""
    provider = invocation.provider
    attributes: dict[str, AttributeValue] = {
        semconv.GEN_AI_OPERATION_NAME: semconv.OPERATION_CHAT,
        semconv.GEN_AI_PROVIDER_NAME: provider,
        semconv.GEN_AI_REQUEST_MODEL: invocation.model,
        semconv.LLM_PROVIDER: provider,
        semconv.LLM_MODEL: invocation.model,
    }
    if invocation.endpoint is not None:
        attributes[semconv.LLM_ENDPOINT] = invocation.endpoint.url
    return attributes


def emit_exception(
    logger: Logger, invocation: Invocation, failure: Failure, *, end_ns: int, answered: Mapping[str, AttributeValue], context: Context
) -> None:
    """Emit the conventions' event of a failed call, with severity WARN.

    `end_ns` is in nanoseconds since the epoch, `answered` what `who_answered` says, `context` that of the span.
    """
    attributes = {
        **answered,
        semconv.EXCEPTION_TYPE: failure.exception_type,
        semconv.EXCEPTION_MESSAGE: failure.message,
        semconv.ERROR_TYPE: failure.error_type,
    }
    if failure.kind is not None:
        attributes[semconv.LLM_ERROR_KIND] = failure.kind
    if failure.stacktrace is not None:
        attributes[semconv.EXCEPTION_STACKTRACE] = failure.stacktrace
    logger.emit(
        LogRecord(
            timestamp=end_ns,
            context=context,
            severity_number=SeverityNumber.WARN,
            severity_text="WARN",
            body=f"{invocation.provider} {invocation.model}: {_in_a_line(failure)}",
            event_name=semconv.EVENT_OPERATION_EXCEPTION,
            attributes=attributes,
        )
    )


def emit_details(logger: Logger, invocation: Invocation, messages: Mapping[str, list[dict[str, Any]]], end_ns: int) -> None:
    """Emit the conventions' event that carries prompts and answers; only where they were asked for."""
    logger.emit(
        LogRecord(
            timestamp=end_ns,
            context=trace.set_span_in_context(invocation.span),
            severity_number=SeverityNumber.INFO,
            event_name=semconv.EVENT_OPERATION_DETAILS,
            attributes={**who_answered(invocation), **messages},
        )
    )


def log_request(invocation: Invocation, outcome: str, failure: Failure | None, duration_s: float) -> None:
    """Log the one INFO line that says who answered, how it ended, how long it took and the tokens."""
    if not request_logger.isEnabledFor(logging.INFO):
        return
    facts = invocation.facts
    where = f" at {invocation.endpoint.url}" if invocation.endpoint is not None else ""
    words = outcome if failure is None else _in_a_line(failure)
    tokens = f", {facts.input_tokens or 0} tokens in, {facts.output_tokens or 0} out" if facts.output_tokens is not None else ""
    request_logger.info(
        "%s %s%s: %s in %.3f s%s",
        invocation.provider,
        facts.response_model or invocation.model,
        where,
        words,
        duration_s,
        tokens,
        extra={
            **logs.correlation(invocation),
            "llm_outcome": outcome,
            "llm_error_kind": failure.kind if failure is not None else None,
            "duration_seconds": duration_s,
            "input_tokens": facts.input_tokens,
            "output_tokens": facts.output_tokens,
        },
    )


def _in_a_line(failure: Failure) -> str:
    """What went wrong, as logs say it; the client's own text is in the attributes."""
    return f"{failure.kind or failure.error_type}: {server_words(failure.message) or failure.message}"
