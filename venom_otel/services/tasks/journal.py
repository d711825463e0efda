"""What is kept of tasks in the program's state, and what is said there of those that another program left behind."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StateError
from venom_otel.services.tasks import keeping
from venom_otel.services.tasks.model import Task, TaskError, TaskStatus
from venom_otel.services.tasks.records import logger, marks

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.state.tasks import KeptTasks

LEFT_BEHIND: Final = TaskError(
    None, None, "venom-otel ended while it ran. What the model servers made of it, as far as that was recorded, is in the history."
)


class Journal:
    """Keeps how tasks are. What the disk refuses is kept later. Reading raises `StateError` with words.

    Tasks that a program which has ended left unfinished are lost, and are written down so.

    Args:
        kept: where.
    """

    def __init__(self, kept: KeptTasks) -> None:
        self._kept = kept
        self._here: set[str] = set()
        """Those of this process that have not ended in the file; all others that the file calls unfinished were left behind."""
        self._unwritten: dict[str, Task] = {}
        try:
            left = [self._known(keeping.task(body)) for body in kept.unfinished()]
            if left:
                kept.changed(*(keeping.row(task) for task in left))
        except StateError as error:  # whoever asks for one is told that it is lost all the same
            logger.warning("the tasks that were left behind stay as they are: %s", error)

    def begin(self, task: Task) -> None:
        """Keep a new one.

        Raises:
            StateError: it cannot be kept.
        """
        for unwritten in list(self._unwritten.values()):
            self.write(unwritten)
        self._kept.begun(keeping.row(task))
        self._here.add(task.id)

    def write(self, task: Task) -> None:
        """Keep how one is now, at once or later."""
        try:
            self._kept.changed(keeping.row(task))
        except StateError as error:
            self._unwritten[task.id] = task
            logger.warning("how task %s is now (%s) is not kept yet: %s", task.id, task.status, error, extra=marks(task))
            return
        self._unwritten.pop(task.id, None)
        if task.status.ended:
            self._here.discard(task.id)

    def one(self, task_id: str) -> Task | None:
        """The task of that id, as it was kept last."""
        if task_id in self._unwritten:
            return self._unwritten[task_id]
        body = self._kept.one(task_id)
        return None if body is None else self._known(keeping.task(body))

    def newest(self, most: int) -> Sequence[Task]:
        """The newest, newest first."""
        tasks = (self._known(keeping.task(body)) for body in self._kept.newest(most))
        return [self._unwritten.get(task.id, task) for task in tasks]

    def _known(self, task: Task) -> Task:
        if task.status.ended or task.id in self._here:
            return task
        return replace(task, status=TaskStatus.LOST, error=LEFT_BEHIND)
