"""Sends what Python's `logging` says within a call to OTLP, with the call's trace id, while the SDK is ours.

`Logger.callHandlers` is wrapped and no handler is added, because a handler on the root logger changes what the application prints:
`logging.basicConfig` does nothing where the root logger has one, `logging.warning` comes in another format, and warnings of an application
that set up no logging vanish. The record comes here complete, once it has passed the application's own levels and filters.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry._logs import LogRecord
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from venom_otel import semconv
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation import credentials, guard, logs
from venom_otel.instrumentation.invocation import current

if TYPE_CHECKING:
    from collections.abc import Callable

    from opentelemetry._logs import LoggerProvider
    from opentelemetry.context import Context
    from opentelemetry.util.types import AnyValue

_NATURAL: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", logs.TRACE_ID, logs.SPAN_ID}
"""Attributes every record has, or that stand elsewhere in an OTLP record."""

_NAMES: Final = {name.replace(".", "_"): name for name in semconv.SPAN_ATTRIBUTES if name.startswith("llm.")}
"""An attribute of ours on a Python record, to its name in telemetry."""

_SEVERITY_TEXT: Final = {"WARNING": "WARN", "CRITICAL": "FATAL"}

_provider: LoggerProvider | None = None
_original: Callable[..., None] | None = None
_installed: Callable[..., None] | None = None


class _Here(threading.local):
    emitting = False
    record: logging.LogRecord | None = None


_here = _Here()


def install(provider: LoggerProvider) -> None:
    """Begin to send records of calls to a provider. One at a time; whoever calls sees to that."""
    global _provider, _original, _installed  # noqa: PLW0603 - one logging module, one patch
    _provider = provider
    if logging.Logger.callHandlers is not _installed:
        _original = logging.Logger.callHandlers
        _installed = _wrap(_original)
        logging.Logger.callHandlers = _installed  # type: ignore[method-assign]


def remove() -> None:
    """Undo `install`; where somebody wrapped the method after us, ours passes everything through."""
    global _provider, _original, _installed  # noqa: PLW0603 - one logging module, one patch
    _provider = None
    if _original is not None and logging.Logger.callHandlers is _installed:
        logging.Logger.callHandlers = _original  # type: ignore[method-assign]
        _original = _installed = None


def _wrap(original: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(original)
    def call_handlers(self: logging.Logger, record: logging.LogRecord) -> None:
        provider, outer = _provider, _here.record
        if provider is None or record is outer or not (hasattr(record, logs.PROVIDER) or record.name == semconv.REQUEST_LOGGER):
            original(self, record)
            return
        _here.record = record  # an older wrapper of ours may lie below one of somebody else's
        try:
            _send(provider, record)
            original(self, record)
        finally:
            _here.record = outer

    return call_handlers


def _send(provider: LoggerProvider, record: logging.LogRecord) -> None:
    if _here.emitting:  # what the SDK logs while it takes a record is not a record of the call
        return
    _here.emitting = True
    try:
        provider.get_logger(record.name).emit(_translate(record))
    except Exception:
        guard.report("sending a log record")
    finally:
        _here.emitting = False


def _translate(record: logging.LogRecord) -> LogRecord:
    """An OTLP record: what the Python one says, with the application's own plain fields, and without credentials."""
    invocation = current()
    secrets = credentials.of_invocation(invocation) if invocation is not None else []
    attributes: dict[str, AnyValue] = {}
    for name, value in vars(record).items():
        if name not in _NATURAL and isinstance(value, (str, bool, int, float)):
            attributes[_NAMES.get(name, name)] = redact(value, secrets) if isinstance(value, str) else value
    if record.exc_info and record.exc_info[1] is not None:
        attributes[semconv.EXCEPTION_TYPE] = type(record.exc_info[1]).__qualname__
        attributes[semconv.EXCEPTION_MESSAGE] = redact(str(record.exc_info[1]), secrets)
    return LogRecord(
        timestamp=int(record.created * 1e9),
        context=_context(record),
        severity_number=std_to_otel(record.levelno),
        severity_text=_SEVERITY_TEXT.get(record.levelname, record.levelname),
        body=redact(record.getMessage(), secrets),
        attributes=attributes,
    )


def _context(record: logging.LogRecord) -> Context:
    """The context with the span the record says it belongs to: it may be finished from another thread, or lie across a ``yield``."""
    fields: dict[str, Any] = vars(record)
    here = otel_context.get_current()
    try:
        trace_id, span_id = int(fields[logs.TRACE_ID], 16), int(fields[logs.SPAN_ID], 16)
    except (KeyError, TypeError, ValueError):  # the application's own fields of these names
        return here
    return trace.set_span_in_context(NonRecordingSpan(SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(1))), here)
