"""Tasks in the program's state: as JSON, and again as tasks."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from venom_otel.services.tasks.model import Fallback, Party, Task, TaskError, TaskStatus
from venom_otel.state.tasks import TaskRow

if TYPE_CHECKING:
    from collections.abc import Mapping

_NOT_KEPT = ("session",)
"""A name of the client's own."""


def row(task: Task) -> TaskRow:
    """A task to keep."""
    fields = {name: value for name, value in asdict(task).items() if name not in _NOT_KEPT}
    return TaskRow(task.id, task.status.ended, json.dumps(fields, separators=(",", ":")))


def task(body: str) -> Task:
    """A task that was kept."""
    fields: dict[str, Any] = json.loads(body)
    return Task(
        **{
            **fields,
            "status": TaskStatus(fields["status"]),
            "party": Party(**fields["party"]),
            "request_ids": tuple(fields["request_ids"]),
            "fallback": _fallback(fields["fallback"]),
            "error": None if fields["error"] is None else TaskError(**fields["error"]),
        }
    )


def _fallback(fields: Mapping[str, Any] | None) -> Fallback | None:
    if fields is None:
        return None
    return Fallback(Party(**fields["source"]), Party(**fields["target"]), fields["reason"], fields["code"])
