"""Tasks from their beginning to their end: who waits, who is at it, and what the outside may ask of them."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import secrets
import time
from typing import TYPE_CHECKING, Final

from venom_otel.errors import TooManyTasksError, WrongTaskError
from venom_otel.services.tasks.journal import Journal
from venom_otel.services.tasks.limits import Limits
from venom_otel.services.tasks.model import EventKind, Message, Position, Role, Task, TaskError, TaskEvent, TaskStatus
from venom_otel.services.tasks.records import log_end
from venom_otel.services.tasks.run import Run
from venom_otel.services.tasks.sessions import Sessions
from venom_otel.services.tasks.shelf import Shelf
from venom_otel.services.tasks.work import STOPPED, Work

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from venom_otel.services.servers import LlmServers
    from venom_otel.services.tasks.choosing import Chooser
    from venom_otel.services.tasks.kernel import Answering
    from venom_otel.services.tasks.model import Wanted
    from venom_otel.services.tasks.telemetry import Telemetry
    from venom_otel.state.tasks import KeptTasks

END_S: Final = 1.0
"""The most that `Tasks.close` waits for tasks that were told to end."""


class Tasks:
    """Answers tasks; lives in one event loop, in which all its methods are called.

    Tasks begin in the order in which they came, but for those of one conversation, which follow one another.

    Args:
        servers: the model servers.
        chooser: which of them a task is for.
        answering: asks them.
        telemetry: where the tasks' own spans go.
        kept: where tasks are kept.
        limits: how much there may be at once.
    """

    def __init__(
        self,
        servers: LlmServers,
        *,
        chooser: Chooser,
        answering: Answering,
        telemetry: Telemetry,
        kept: KeptTasks,
        limits: Limits | None = None,
    ) -> None:
        self._servers = servers
        self._chooser = chooser
        self._answering = answering
        self._limits = limits or Limits()
        self._journal = Journal(kept)
        self._sessions = Sessions(self._limits)
        self._shelf = Shelf(self._limits)
        self._work = Work(answering, telemetry, sessions=self._sessions, journal=self._journal, limits=self._limits)
        self._runs: dict[str, Run] = {}
        """Those that have not ended."""
        self._waiting: dict[str, Run] = {}
        self._at_work: dict[str, Run] = {}
        self._talking: set[str] = set()
        """Conversations that somebody is at."""
        self._prompts = 0
        """Characters of all prompts of tasks that have not ended."""
        self._forgetting: asyncio.TimerHandle | None = None
        self._closed = False

    # -- what the outside asks -------------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """Raise what stands in the way of any task.

        Raises:
            MissingExtraError: what it takes to answer is not installed.
        """
        self._answering.check()

    def prepare(self) -> None:
        """Somebody is about to ask: begin what the first answer would wait for."""
        if not self._closed:
            self._answering.prepare()

    async def begin(self, wanted: Wanted) -> Task:
        """Begin a task, at once or when it is its turn.

        Raises:
            MissingExtraError: what it takes to answer is not installed.
            WrongTaskError: it asks for what there is not, or is too long.
            NobodyThereError: no model server could answer.
            TooManyTasksError: more are waiting than may.
            StateError: it cannot be kept, so it is not begun.
        """
        self.check()
        self._check_length(wanted)
        self._check_room(wanted)
        try:
            choices = self._chooser.choose(await self._servers.all(), wanted)
        except WrongTaskError:  # it may have been there for less time than the last look
            choices = self._chooser.choose(await self._servers.all(0), wanted)
        self._check_room(wanted)
        task = Task(
            secrets.token_hex(8),
            TaskStatus.PENDING,
            time.time_ns(),
            choices[0].party,
            asked_provider=wanted.provider,
            session=wanted.session,
        )
        self._journal.begin(task)
        run = self._runs[task.id] = self._waiting[task.id] = Run(task, wanted, choices)
        self._prompts += run.characters
        self._begin_waiting()
        return run.task

    def get(self, task_id: str) -> Task | None:
        """The task of that id.

        Raises:
            StateError: it cannot be read.
        """
        run = self._run(task_id)
        return self._journal.one(task_id) if run is None else run.task

    def answer(self, task_id: str) -> str | None:
        """The answer so far; None where it is not kept any more."""
        run = self._run(task_id)
        return None if run is None or run.answer is None else str(run.answer)

    def asked(self, task_id: str) -> Sequence[Message] | None:
        """What was asked, without the conversation before; None where it is not kept any more."""
        run = self._run(task_id)
        return None if run is None or run.answer is None else run.messages

    def recent(self, limit: int) -> Sequence[Task]:
        """The newest tasks, newest first.

        Raises:
            StateError: they cannot be read.
        """
        return [task if (run := self._run(task.id)) is None else run.task for task in self._journal.newest(limit)]

    async def cancel(self, task_id: str) -> Task | None:
        """End a task, and with it the request that a server is at; the task as it is then, None where there is none of that id.

        One that has ended stays as it is.

        Raises:
            StateError: it cannot be read.
        """
        run = self._runs.get(task_id)
        if run is None:
            return self.get(task_id)
        run.cancelled = True
        if run.doing is None:
            self._end(run, TaskStatus.CANCELLED)
        else:
            run.doing.cancel()
            await run.ended.wait()
        return run.task

    async def follow(self, task_id: str, after: Position = Position()) -> AsyncIterator[TaskEvent]:  # noqa: B008 - immutable
        """What happens to a task, from its beginning or from behind a position, up to its end, which comes in any case.

        Tokens that came together, or while the follower was busy, are one event. Nothing for an id that there is not. Leaving changes
        nothing for the task.

        Raises:
            StateError: it cannot be read.
        """
        run = self._run(task_id)
        if run is None:
            if (task := self.get(task_id)) is not None:
                yield TaskEvent(Position(max(after.events, 1), after.characters), EventKind.FINISHED, task)
            return
        while True:
            news = run.news  # before looking, so that what comes while a follower is busy is not missed
            for event in run.since(after):
                after = event.position
                yield event
                if event.kind is EventKind.FINISHED:
                    return
            await news.wait()

    def _run(self, task_id: str) -> Run | None:
        return self._runs.get(task_id) or self._shelf.get(task_id)

    # -- the end of the program ------------------------------------------------------------------------------------------------------

    def end_running(self) -> None:
        """Give all tasks up, and begin none any more; followers are told."""
        self._closed = True
        for run in list(self._waiting.values()):
            self._end(run, TaskStatus.LOST, STOPPED)
        for run in self._at_work.values():
            if run.doing is not None:
                run.doing.cancel()

    async def close(self) -> None:
        """Give all tasks up, within `END_S`, and let go of connections."""
        self.end_running()
        left = [run.doing for run in self._at_work.values() if run.doing is not None]
        if left:
            await asyncio.wait(left, timeout=END_S)
        for run in list(self._at_work.values()):
            self._end(run, TaskStatus.LOST, STOPPED)
        if self._forgetting is not None:
            self._forgetting.cancel()
        await self._answering.close()

    # -- whether there is room -------------------------------------------------------------------------------------------------------

    def _check_length(self, wanted: Wanted) -> None:
        limits = self._limits
        if wanted.characters > limits.prompt:
            raise WrongTaskError(f"the prompt has {wanted.characters} characters; at most {limits.prompt} are taken.", "prompt")
        if len(wanted.messages) > limits.messages:
            raise WrongTaskError(f"there are {len(wanted.messages)} messages; at most {limits.messages} are taken.", "messages")

    def _check_room(self, wanted: Wanted) -> None:
        if self._closed:
            raise TooManyTasksError("venom-otel is ending, and begins nothing any more: ask the one that is started next.")
        limits = self._limits
        if len(self._waiting) >= limits.waiting:
            raise TooManyTasksError(
                f"{len(self._waiting)} tasks are waiting, and no more may (VENOM_OTEL_TASKS_WAITING): try again when some have ended."
            )
        if self._prompts + wanted.characters > limits.prompts:
            raise TooManyTasksError("the prompts of all tasks together are longer than may be held: try again when some have ended.")

    # -- the way of one task ---------------------------------------------------------------------------------------------------------

    def _begin_waiting(self) -> None:
        while len(self._at_work) < self._limits.running:
            run = next((run for run in self._waiting.values() if run.session is None or run.session not in self._talking), None)
            if run is None or self._closed:
                return
            del self._waiting[run.id]
            self._at_work[run.id] = run
            if run.session is not None:
                self._talking.add(run.session)
            # In a context of its own: nothing of the request that gave the task, or ended another, is around it.
            run.doing = asyncio.get_running_loop().create_task(
                self._work.do(run, self._end), name=f"venom-otel-task-{run.id}", context=contextvars.Context()
            )
            run.doing.add_done_callback(functools.partial(self._end_anyway, run))

    def _end_anyway(self, run: Run, _: asyncio.Task[None]) -> None:
        """End a task that was given up before its work began to run."""
        status, error = (TaskStatus.CANCELLED, None) if run.cancelled else (TaskStatus.LOST, STOPPED)
        self._end(run, status, error)

    def _end(self, run: Run, status: TaskStatus, error: TaskError | None = None) -> None:
        if run.task.status.ended:
            return
        self._prompts -= run.characters
        if status is TaskStatus.COMPLETED and run.session is not None:
            self._sessions.add(run.session, [*run.messages, Message(Role.ASSISTANT, str(run.answer))])
        run.finish(status, error)
        self._waiting.pop(run.id, None)
        if self._at_work.pop(run.id, None) is not None and run.session is not None:
            self._talking.discard(run.session)
        del self._runs[run.id]
        self._shelf.add(run)
        if self._forgetting is None:
            self._forget_old()
        self._journal.write(run.task)
        log_end(run.task, run.span_id)
        self._begin_waiting()

    def _forget_old(self) -> None:
        """Let go of answers and conversations that are too old, now and every so often."""
        self._shelf.forget_old()
        self._sessions.forget_old()
        if self._forgetting is not None:
            self._forgetting.cancel()
            self._forgetting = None
        if (len(self._shelf) or len(self._sessions)) and not self._closed:
            again_s = max(self._limits.kept_s / 4, 1.0)
            self._forgetting = asyncio.get_running_loop().call_later(again_s, self._forget_old)
