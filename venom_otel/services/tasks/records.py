"""What is logged of tasks; each line says which task it is about, and who is asked."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.instrumentation import logs
from venom_otel.services.tasks.model import TaskStatus

if TYPE_CHECKING:
    from venom_otel.services.tasks.model import Task

logger: Final = logging.getLogger("venom_otel")
"""What whoever runs the program has to know."""
_tasks: Final = logging.getLogger(semconv.TASKS_LOGGER)


def marks(task: Task) -> dict[str, str | None]:
    """What a log line of a task carries."""
    party = task.party
    found: dict[str, str | None] = {
        logs.TASK: task.id,
        logs.PROVIDER: party.provider,
        logs.MODEL: party.model,
        logs.ENDPOINT: party.endpoint,
    }
    if task.trace_id is not None:
        found[logs.TRACE_ID] = task.trace_id
    return found


def log_end(task: Task, span_id: str | None) -> None:
    """Log the one line that says how a task ended, who answered, and how long it took.

    Args:
        task: as it is at its end.
        span_id: of the span around all that it did; None where it never began.
    """
    party = task.party
    seconds = f" in {task.duration_s:.3f} s" if task.duration_s is not None else ""
    words = f": {task.error.kind or task.error.code or task.error.words}" if task.error is not None else ""
    level = logging.WARNING if task.status in {TaskStatus.FAILED, TaskStatus.LOST} else logging.INFO
    _tasks.log(
        level,
        "task %s: %s, %s %s at %s%s%s",
        task.id,
        task.status,
        party.provider,
        task.response_model or party.model,
        party.endpoint,
        seconds,
        words,
        extra={**marks(task), **({} if span_id is None else {logs.SPAN_ID: span_id})},
    )
