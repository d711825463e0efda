"""Ties Python's log records to the call they are made in: trace id, span id, provider, model and endpoint on each record.

`logging.Logger.makeRecord` is wrapped rather than the record factory: the factory runs before the caller's ``extra`` is merged, and
`logging` raises KeyError where an ``extra`` meets an attribute of the same name, so that an application which logs its own
``trace_id`` would break. Here the application's own values win.
"""

from __future__ import annotations

import functools
import logging
import threading
from typing import TYPE_CHECKING, Any, Final

from venom_otel import semconv
from venom_otel.instrumentation import guard
from venom_otel.instrumentation.invocation import Invocation, current

if TYPE_CHECKING:
    from collections.abc import Callable

TRACE_ID: Final = "trace_id"
SPAN_ID: Final = "span_id"
PROVIDER: Final = "llm_provider"
MODEL: Final = "llm_model"
ENDPOINT: Final = "llm_endpoint"
TASK: Final = "llm_task_id"
"""Only where the call's span names a task."""

_lock = threading.Lock()
_users = 0
_original: Callable[..., logging.LogRecord] | None = None
_installed: Callable[..., logging.LogRecord] | None = None


def correlation(invocation: Invocation) -> dict[str, str | None]:
    """The attributes a record of this call carries; ids are lower-case hexadecimal as in OTLP's JSON."""
    context = invocation.span.get_span_context()
    marks: dict[str, str | None] = {
        TRACE_ID: f"{context.trace_id:032x}",
        SPAN_ID: f"{context.span_id:016x}",
        PROVIDER: invocation.provider,
        MODEL: invocation.model,
        ENDPOINT: invocation.endpoint.url if invocation.endpoint is not None else None,
    }
    if task := (getattr(invocation.span, "attributes", None) or {}).get(semconv.LLM_TASK_ID):
        marks[TASK] = task
    return marks


def install() -> None:
    """Begin to tie records to calls; counted, so that each `install` has its `remove`."""
    global _users, _original, _installed  # noqa: PLW0603 - one logging module, one patch
    with _lock:
        _users += 1
        if _users == 1 and logging.Logger.makeRecord is not _installed:
            _original = logging.Logger.makeRecord
            _installed = _wrap(_original)
            logging.Logger.makeRecord = _installed  # type: ignore[method-assign]


def remove() -> None:
    """Undo one `install`; after the last, `logging` is as it was unless somebody wrapped it after us, and then ours passes through."""
    global _users, _original, _installed  # noqa: PLW0603 - one logging module, one patch
    with _lock:
        _users -= 1
        if _users == 0 and _original is not None and logging.Logger.makeRecord is _installed:
            logging.Logger.makeRecord = _original  # type: ignore[method-assign]
            _original = _installed = None


def _wrap(original: Callable[..., logging.LogRecord]) -> Callable[..., logging.LogRecord]:
    @functools.wraps(original)
    def make_record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = original(*args, **kwargs)
        if _users:
            try:
                invocation = current()
                if invocation is not None:
                    for name, value in correlation(invocation).items():
                        record.__dict__.setdefault(name, value)
            except Exception:
                guard.report("tying a log record to its call")
        return record

    return make_record
