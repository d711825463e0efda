"""How one task is worked on, from its turn to its end."""

from __future__ import annotations

import asyncio
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.trace import Status, StatusCode

from venom_otel import semconv
from venom_otel.errors import TaskRefusedError, VenomError
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation import credentials
from venom_otel.instrumentation.failures import describe
from venom_otel.instrumentation.server_words import server_words
from venom_otel.services.tasks.model import TaskError, TaskStatus
from venom_otel.services.tasks.records import logger, marks
from venom_otel.services.tasks.telemetry import belonging_to

if TYPE_CHECKING:
    from collections.abc import Callable

    from venom_otel.services.tasks.journal import Journal
    from venom_otel.services.tasks.kernel import Answering
    from venom_otel.services.tasks.limits import Limits
    from venom_otel.services.tasks.run import Run
    from venom_otel.services.tasks.sessions import Sessions
    from venom_otel.services.tasks.telemetry import Telemetry

STOPPED = TaskError(None, None, "venom-otel was stopped while it ran.")


class Ending(NamedTuple):
    """How a task ended."""

    status: TaskStatus
    error: TaskError | None = None
    raised: Exception | None = None
    """What the kernel raised; the requests themselves may say it better."""


class Work:
    """Works on tasks.

    Args:
        answering: asks the model servers.
        telemetry: where the tasks' own spans go.
        sessions: what was said before in the conversations that tasks go on with.
        journal: keeps that a task has begun.
        limits: how long an answer may be, and how long nothing may come of it.
    """

    def __init__(self, answering: Answering, telemetry: Telemetry, *, sessions: Sessions, journal: Journal, limits: Limits) -> None:
        self._answering = answering
        self._tracer = telemetry.tracer_provider.get_tracer(semconv.TASKS_SCOPE)
        self._sessions = sessions
        self._journal = journal
        self._limits = limits

    async def do(self, run: Run, end: Callable[[Run, TaskStatus, TaskError | None], None]) -> None:
        """Work on a task, and call `end`, whatever happens."""
        watchdog = _Watchdog(run, self._limits.stall_s)
        ending = Ending(TaskStatus.CANCELLED)
        try:
            ending = await self._ask(run)
            run.over()
            await run.all_told()
        except asyncio.CancelledError:  # a second time
            logger.debug("task %s was ended while its end was written", run.id)
        finally:
            watchdog.end()
            end(run, ending.status, _told(run, ending))

    async def _ask(self, run: Run) -> Ending:
        with (
            belonging_to(run),
            self._tracer.start_as_current_span(semconv.TASK, record_exception=False, set_status_on_exception=False) as span,
        ):
            context = span.get_span_context()
            run.start(f"{context.trace_id:032x}", f"{context.span_id:016x}")
            self._journal.write(run.task)
            assert run.wanted is not None
            said = self._sessions.of(run.session) if run.session is not None else ()
            try:
                async with aclosing(self._answering.answer(run.choices, (*said, *run.messages), run.wanted.options)) as stream:
                    async for text in stream:
                        self._take(run, text)
                        await asyncio.sleep(0)  # much may lie ready to be read, and others wait: this task's own followers among them
            except asyncio.CancelledError:
                return _given_up(run)
            except Exception as error:
                span.set_status(Status(StatusCode.ERROR, type(error).__name__))
                return Ending(TaskStatus.FAILED, raised=error)
            return Ending(TaskStatus.COMPLETED)

    def _take(self, run: Run, text: str) -> None:
        assert run.answer is not None
        most = self._limits.answer
        if run.answer.length + len(text) > most:
            raise TaskRefusedError(f"the answer is longer than {most} characters, and was cut off there; ask for fewer by `max_tokens`.")
        run.token(text)


class _Watchdog:
    """Gives a task up that no longer moves."""

    def __init__(self, run: Run, stall_s: float) -> None:
        self._run = run
        self._stall_s = stall_s
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(stall_s, self._look)

    def end(self) -> None:
        """Look no more."""
        self._timer.cancel()

    def _look(self) -> None:
        left_s = self._run.moved_s + self._stall_s - time.monotonic()
        if left_s > 0:
            self._timer = self._loop.call_later(left_s, self._look)
        elif self._run.doing is not None:
            self._run.lost = f"nothing came for {self._stall_s:g} s (VENOM_OTEL_TASK_STALL_S): it was given up."
            self._run.doing.cancel()


def _given_up(run: Run) -> Ending:
    """What a cancellation was for."""
    if (task := asyncio.current_task()) is not None:
        task.uncancel()
    if run.lost is not None:
        return Ending(TaskStatus.LOST, TaskError(semconv.KIND_TIMEOUT, semconv.KIND_TIMEOUT, run.lost))
    return Ending(TaskStatus.CANCELLED) if run.cancelled else Ending(TaskStatus.LOST, STOPPED)


def _told(run: Run, ending: Ending) -> TaskError | None:
    """What went wrong, in the words of the request that failed, where one did."""
    error = ending.raised
    if error is None:
        return ending.error
    if not isinstance(error, VenomError):
        if run.failed is not None and run.failed.error is not None:
            return run.failed.error
        logger.error("task %s failed, and none of its requests did", run.id, exc_info=error, extra=marks(run.task))
    failure = describe(error)
    return TaskError(failure.kind, failure.error_type, redact(server_words(failure.message) or failure.message, credentials.recent()))
