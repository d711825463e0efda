"""Operations on model servers: one at a time for each server, followed by any number, kept with the audit."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import time
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from venom_otel.errors import ActionError, BusyError, ConflictError, StateError, UnsupportedError
from venom_otel.state.model import Kind, Operation, OperationState

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

    from venom_otel.runtimes.protocol import Progress
    from venom_otel.state.model import AuditPage, Wanted
    from venom_otel.state.store import State

END_S: Final = 1.0
"""The most that `Operations.close` waits for work that was told to end."""
_MOST_EVENTS: Final = 100
"""Of one operation that are kept for those who come later; the newest."""
_MOST_FINISHED: Final = 50
"""Operations whose events are kept after their end; of those before them only the end is known."""

_INTERRUPTS: Final = frozenset({Kind.START, Kind.STOP, Kind.RESTART, Kind.ACTIVATE})
"""Operations during which a server may well not answer."""
_CAN_BE_LEFT: Final = frozenset({Kind.INSTALL})
"""Operations that can be given up halfway: what was begun ends with them, on the server too, and harms nobody."""
_LOOKED_BACK: Final = 50
"""Operations among which the last of those is searched; models may be installed and removed after it."""

logger: Final = logging.getLogger("venom_otel")


@dataclass(frozen=True, slots=True)
class OperationEvent:
    """Something that happened to an operation."""

    number: int
    """From 1 up within one operation. Numbers are left out: of steps with the same words only the newest is kept."""
    operation: Operation
    """As it was then."""
    progress: Progress | None
    """None for the last event, the operation's end."""

    @property
    def finished(self) -> bool:
        """Whether no other follows."""
        return self.progress is None


class Operations:
    """Runs what is wanted of model servers; lives in one event loop, in which its methods are called, all but `stopped` and `recent`.

    Args:
        state: where operations and the audit are kept.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._runs: dict[str, _Run] = {}
        self._running: dict[str, _Run] = {}
        """By server."""
        self._unwritten: dict[str, Operation] = {}
        """Ends that the disk refused."""
        self._online_since: set[str] = set()
        """Servers that were online after the end of the last operation that might interrupt them."""
        self._closed = False

    def begin(self, wanted: Wanted, work: Callable[[Callable[[Progress], None]], Awaitable[None]]) -> Operation:
        """Begin an operation.

        Args:
            wanted: what somebody asks for.
            work: does it; it is given the function that tells how far it is. An `ActionError` that it raises has the words of its failure.

        Raises:
            BusyError: another one runs for that server; it is named. The audit knows, as it does of all that are begun.
            StateError: it cannot be kept, or the program is ending; nothing is done then.
        """
        if self._closed:
            raise StateError("venom-otel is ending, and begins nothing any more: ask the one that is started next.")
        if (busy := self.running(wanted.server)) is not None:
            words = f"{wanted.server} is busy: {_named(busy)} has not finished. Wait for its end."
            self.refuse(wanted, words)
            raise BusyError(words, busy.id)
        for finished in list(self._unwritten.values()):
            self._write_end(finished)
        operation = Operation(secrets.token_hex(8), wanted, OperationState.RUNNING, time.time_ns())
        self._state.begun(operation)
        run = self._runs[operation.id] = self._running[wanted.server] = _Run(operation)
        run.task = asyncio.get_running_loop().create_task(self._do(run, work), name=f"venom-otel-{wanted.kind}-{wanted.server}")
        return operation

    def of_this_process(self) -> Sequence[Operation]:
        """Those begun in this process, in their order, as far as their events are kept; nothing is read."""
        return [run.operation for run in self._runs.values()]

    def cancel(self, operation_id: str, by: str) -> Operation | None:
        """Give an operation up; its end follows. None where there is no such operation.

        Args:
            operation_id: which.
            by: who asks, for the audit: see `Wanted.by`.

        Raises:
            ConflictError: it is over.
            UnsupportedError: it cannot be left halfway.
            StateError: it cannot be read.
        """
        operation = self.get(operation_id)
        if operation is None:
            return None
        if operation.state is not OperationState.RUNNING:
            raise ConflictError(f"{_named(operation)} is over: {operation.state}.")
        if not can_be_cancelled(operation):
            raise UnsupportedError(f"{_named(operation)} cannot be left halfway: wait for its end.")
        run = self._runs[operation_id]
        run.cancelled_by = by
        if run.begun and run.task is not None:
            run.task.cancel()
        return operation

    def refuse(self, wanted: Wanted, words: str) -> None:
        """Note in the audit that something is not done, and why."""
        try:
            self._state.refused(wanted, words, time.time_ns())
        except StateError as error:  # it is refused all the same, and for the reason that was given
            logger.warning("venom_otel: %s of %s was refused, which the audit does not know: %s", wanted.kind, wanted.server, error)

    def get(self, operation_id: str) -> Operation | None:
        """The operation of that id.

        Raises:
            StateError: it cannot be read.
        """
        run = self._runs.get(operation_id)
        return self._state.operation(operation_id) if run is None else run.operation

    def recent(self, server: str | None, limit: int) -> Sequence[Operation]:
        """The newest operations, newest first; those of one server, or all.

        Raises:
            StateError: they cannot be read.
        """
        kept = self._state.operations(server, limit)
        return [each if (run := self._runs.get(each.id)) is None else run.operation for each in kept]

    def running(self, server: str) -> Operation | None:
        """The operation that runs for a server."""
        run = self._running.get(server)
        return None if run is None else run.operation

    def stopped(self, server: str) -> bool:
        """Whether a server is meant not to answer: it is being told to, or was last told to stop, did, and was not online since.

        May be called from any thread.
        """
        if (run := self._running.get(server)) is not None and run.operation.wanted.kind in _INTERRUPTS:
            return True
        if server in self._online_since:
            return False
        with contextlib.suppress(StateError):
            last = next((each for each in self.recent(server, _LOOKED_BACK) if each.wanted.kind in _INTERRUPTS), None)
            return last is not None and last.wanted.kind is Kind.STOP and last.state is OperationState.SUCCEEDED
        return False

    def seen_online(self, server: str) -> None:
        """Note that a server answers, whoever started it: from then on its end is news. May be called from any thread."""
        self._online_since.add(server)

    def audit(self, before: int | None, limit: int, server: str | None = None) -> AuditPage:
        """What was asked for and what became of it, newest first; see `State.audit`.

        Raises:
            StateError: it cannot be read.
        """
        return self._state.audit(before, limit, server)

    async def follow(self, operation_id: str, after: int = 0) -> AsyncIterator[OperationEvent]:
        """What happens to an operation, up to its end, which comes in any case; nothing for an id that there is not.

        Whoever is slow is given the newest of what came meanwhile. Of an operation that ended long ago only the end is known.

        Args:
            operation_id: which.
            after: the number of the last event that is known already.

        Raises:
            StateError: it cannot be read.
        """
        run = self._runs.get(operation_id)
        if run is None:
            if (kept := self._state.operation(operation_id)) is not None:
                yield OperationEvent(max(after, 1), kept, None)
            return
        while True:
            news = run.news  # before looking, so that what comes while a follower is busy is not missed
            for event in run.since(after):
                after = event.number
                yield event
                if event.finished:
                    return
            await news.wait()

    def end_running(self) -> None:
        """Tell all work to end, and begin none any more. A server that was started lives on."""
        self._closed = True
        for run in self._running.values():
            if run.task is not None:
                run.task.cancel()

    async def close(self) -> None:
        """End all work within `END_S`; what had not finished is interrupted, and its followers are told."""
        self.end_running()
        left = [run for run in self._running.values() if run.task is not None]
        if left:
            await asyncio.wait([run.task for run in left if run.task is not None], timeout=END_S)
        for run in left:
            self._end(run, OperationState.INTERRUPTED)

    async def _do(self, run: _Run, work: Callable[[Callable[[Progress], None]], Awaitable[None]]) -> None:
        wanted = run.operation.wanted
        run.begun = True
        try:
            if run.cancelled_by is not None:  # sooner than it began
                raise asyncio.CancelledError
            await work(run.say)
        except ActionError as error:
            self._end(run, OperationState.FAILED, str(error))
        except asyncio.CancelledError:
            if self._closed:
                self._end(run, OperationState.INTERRUPTED)
            elif run.cancelled_by is not None:
                self._end(run, OperationState.CANCELLED, f"by {run.cancelled_by}")
            else:
                self._end(run, OperationState.FAILED, "it was given up.")
        except Exception as error:
            logger.exception("venom_otel: %s of %s failed", wanted.kind, wanted.server)
            self._end(run, OperationState.FAILED, f"venom-otel itself failed ({type(error).__qualname__}); its log says how.")
        else:
            self._end(run, OperationState.SUCCEEDED)

    def _end(self, run: _Run, state: OperationState, words: str | None = None) -> None:
        if run.operation.state is not OperationState.RUNNING:
            return
        operation = run.operation = replace(run.operation, state=state, finished_ns=time.time_ns(), error=words)
        run.add(None)
        if operation.wanted.kind in _INTERRUPTS:
            self._online_since.discard(operation.wanted.server)
        del self._running[operation.wanted.server]
        finished = [each for each, run in self._runs.items() if run.operation.state is not OperationState.RUNNING]
        for old in finished[:-_MOST_FINISHED]:
            if old not in self._unwritten:
                del self._runs[old]
        try:
            self._write_end(operation)
        except StateError as error:
            self._unwritten[operation.id] = operation
            logger.warning("venom_otel: %s is over (%s), which is not kept yet: %s", _named(operation), state, error)

    def _write_end(self, operation: Operation) -> None:
        self._state.finished(operation)
        self._unwritten.pop(operation.id, None)


class _Run:
    """An operation of this process, and what happened to it."""

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.task: asyncio.Task[None] | None = None
        self.begun = False
        self.cancelled_by: str | None = None
        self.news = asyncio.Event()
        """Set when the next event is there; a new one takes its place then."""
        self._number = 0
        self._events: deque[OperationEvent] = deque(maxlen=_MOST_EVENTS)

    def say(self, progress: Progress) -> None:
        """Take a step of the work; one that comes after its end is nobody's business."""
        if self.operation.state is OperationState.RUNNING:
            self.add(progress)

    def add(self, progress: Progress | None) -> None:
        """Add an event."""
        newest = self._events[-1].progress if self._events else None
        if newest is not None and progress is not None and newest.words == progress.words:
            self._events.pop()
        self._number += 1
        self._events.append(OperationEvent(self._number, self.operation, progress))
        self.news.set()
        self.news = asyncio.Event()

    def since(self, number: int) -> Sequence[OperationEvent]:
        """The events after that number; the end of an operation in any case."""
        return [event for event in self._events if event.number > number or event.finished]


def can_be_cancelled(operation: Operation) -> bool:
    """Whether an operation is one that can be left halfway."""
    return operation.wanted.kind in _CAN_BE_LEFT


def _named(operation: Operation) -> str:
    model = f" of {operation.wanted.model}" if operation.wanted.model else ""
    return f"{operation.wanted.kind}{model} (operation {operation.id})"
