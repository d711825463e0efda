"""Tasks as rows: what they hold is the business of whoever keeps them. Nothing that was asked or answered is among it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel.state.sql import statement

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.state.store import State

MOST_TASKS: Final = 10_000
"""Beyond, the oldest go."""


class TaskRow(NamedTuple):
    """A task to keep."""

    id: str
    ended: bool
    body: str
    """JSON."""


class KeptTasks:
    """The tasks in a state's file. Raises `StateError` with words, as `State` does."""

    def __init__(self, state: State) -> None:
        self._state = state

    def begun(self, row: TaskRow) -> None:
        """Keep a new one; what is too much goes."""
        with self._state.writing() as connection:
            connection.execute(statement("insert_task"), row._asdict())
            connection.execute(statement("prune_tasks"), {"most": MOST_TASKS})

    def changed(self, *rows: TaskRow) -> None:
        """Keep how tasks are now: all of them or none."""
        with self._state.writing() as connection:
            for row in rows:
                connection.execute(statement("update_task"), row._asdict())

    def one(self, task_id: str) -> str | None:
        """The body of the task of that id."""
        found = self._state.read("task", {"id": task_id})
        return found[0]["body"] if found else None

    def newest(self, most: int) -> Sequence[str]:
        """The bodies of the newest, newest first."""
        return [row["body"] for row in self._state.read("tasks", {"most": most})]

    def unfinished(self) -> Sequence[str]:
        """The bodies of those that have not ended."""
        return [row["body"] for row in self._state.read("unfinished_tasks", {})]
