"""A task of this process under way: what has happened to it so far, for any number of followers."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel import semconv
from venom_otel.services.tasks.answer import Answer
from venom_otel.services.tasks.model import EventKind, Fallback, Party, Position, Request, Task, TaskEvent, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from venom_otel.routing import Reason, Target
    from venom_otel.services.tasks.choosing import Choice
    from venom_otel.services.tasks.model import Message, TaskError, Wanted

COMPLETED_S: Final = 2.5
"""The most that a request's end waits for its span: who answered is known within 2 s."""


class _Noted(NamedTuple):
    """An event that is no token, and how long the answer was then."""

    characters: int
    kind: EventKind
    body: Task | Fallback | Request


class Run:
    """A task under way, or one whose answer is kept. Hears of its requests; belongs to the event loop in which it was made.

    Args:
        task: as it is at first.
        wanted: what was asked for.
        choices: who is asked, in this order.
    """

    def __init__(self, task: Task, wanted: Wanted, choices: Sequence[Choice]) -> None:
        self.task = task
        self.session = wanted.session
        self.messages: Sequence[Message] = wanted.messages
        """Those of the task itself; kept as long as the answer."""
        self.wanted: Wanted | None = wanted
        """Let go of at its end, like the next."""
        self.choices = choices
        self.characters = wanted.characters
        """Of what was asked."""
        self.answer: Answer | None = Answer()
        """None once it was forgotten."""
        self.doing: asyncio.Task[None] | None = None
        self.span_id: str | None = None
        self.ended = asyncio.Event()
        self.news = asyncio.Event()
        """Set when there is something new; a new one takes its place then."""
        self.moved_s = time.monotonic()
        """When something happened last."""
        self.lost: str | None = None
        """Why it was given up, in words, where that was done."""
        self.cancelled = False
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._started_s = 0.0
        self._over: tuple[float, int] | None = None
        self._noted: list[_Noted] = []
        self._length = 0
        self._open = 0
        self._completed = asyncio.Event()
        self._completed.set()
        self._instead_of: tuple[Party, Reason] | None = None
        self._falls_back: Fallback | None = None
        """What is said once the request to the other server begins: by then the one that failed has said why."""
        self.failed: Request | None = None
        """The newest request that failed."""
        self._note(EventKind.STATUS, task)

    @property
    def length(self) -> int:
        """Characters of the answer so far."""
        return self._length

    def forget(self) -> None:
        """Let go of what was asked and of the answer; who still follows is told the end."""
        self.answer = None
        self.messages = ()

    @property
    def id(self) -> str:
        """The task's."""
        return self.task.id

    # -- its own way -----------------------------------------------------------------------------------------------------------------

    def start(self, trace_id: str, span_id: str) -> None:
        """It is its turn; the ids are those of the span around all that it does."""
        self.span_id = span_id
        self._started_s = time.monotonic()
        self.task = replace(self.task, status=TaskStatus.PROCESSING, started_ns=time.time_ns(), trace_id=trace_id)
        self._note(EventKind.STATUS, self.task)

    def token(self, text: str) -> None:
        """A piece of the answer came."""
        if self.answer is None:
            return
        if not self._length:
            self.task = replace(self.task, first_token_s=time.monotonic() - self._started_s)
        self.answer.add(text)
        self._length += len(text)
        self._tell()

    def over(self) -> None:
        """All that it asked for was answered, or has failed: what is still to come is what is said of that."""
        self._over = (time.monotonic(), time.time_ns())

    async def all_told(self) -> None:
        """Wait until all is known of its requests, for as long as that can take."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(COMPLETED_S):
                await self._completed.wait()

    def finish(self, status: TaskStatus, error: TaskError | None = None) -> None:
        """It ended; only the first end counts."""
        if self.task.status.ended:
            return
        ended_s, ended_ns = self._over or (time.monotonic(), time.time_ns())
        self.task = replace(
            self.task,
            status=status,
            finished_ns=ended_ns,
            duration_s=ended_s - self._started_s if self.task.started_ns is not None else None,
            error=error,
        )
        self.wanted, self.choices = None, ()
        self._note(EventKind.FINISHED, self.task)
        self.ended.set()

    # -- what is heard of its requests -----------------------------------------------------------------------------------------------

    def asks(self, target: Target) -> None:
        """A server is asked; instead of another, where one has failed or was passed over."""
        party = self._party(target)
        self.task = replace(self.task, party=party)
        if self._instead_of is None or self._instead_of[0] == party:  # none other is there, so that it is asked all the same
            return
        source, why = self._instead_of
        fallback = Fallback(source, party, why.kind, why.error_type)
        self.task = replace(self.task, fallback=fallback)
        self._falls_back = fallback

    def passed_over(self, target: Target, why: Reason) -> None:
        """A server was not even asked; of several, the first is the one that should have answered."""
        self._instead_of = self._instead_of or (self._party(target), why)

    def not_answered(self, target: Target, why: Reason) -> None:
        """A server failed."""
        self._instead_of = (self._party(target), why)

    def began(self) -> None:
        """A request began."""
        fallback, self._falls_back = self._falls_back, None
        if fallback is not None:
            self._note(EventKind.FALLBACK, fallback)
        self._open += 1
        self._completed.clear()

    def told(self, request: Request) -> None:
        """All is known of a request; from whichever thread."""
        if threading.get_ident() == self._thread:
            self._take(request)
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody follows any more
                self._loop.call_soon_threadsafe(self._take, request)

    def _take(self, request: Request) -> None:
        self._open -= 1
        if self._open == 0:
            self._completed.set()
        if self.task.status.ended:
            return
        failed = request.outcome == semconv.OUTCOME_ERROR
        self.task = replace(self.task, request_ids=(*self.task.request_ids, request.id))
        # What is told late of a request that failed says nothing of the one that is under way instead of it.
        if not failed or request.party.service_id == self.task.party.service_id:
            self.task = replace(
                self.task,
                party=request.party,
                identity_source=request.identity_source,
                response_model=request.response_model,
                finish_reason=request.finish_reason,
                input_tokens=request.input_tokens,
                output_tokens=request.output_tokens,
                speed=request.speed,
            )
        if failed:
            self.failed = request
            self._note(EventKind.PROVIDER_ERROR, request)

    # -- what followers are given ----------------------------------------------------------------------------------------------------

    def since(self, after: Position) -> Iterator[TaskEvent]:
        """The events behind a position, tokens that lie together as few; the end of a task in any case."""
        events, characters = min(after.events, len(self._noted)), min(after.characters, self._length)
        if self.task.status.ended and events == len(self._noted):
            events -= 1
        for number, noted in enumerate(self._noted[events:], events + 1):
            yield from self._tokens(number - 1, characters, noted.characters)
            characters = max(characters, noted.characters)
            yield TaskEvent(Position(number, characters), noted.kind, noted.body)
        yield from self._tokens(len(self._noted), characters, self._length)

    def _tokens(self, events: int, begin: int, end: int) -> Iterator[TaskEvent]:
        if self.answer is None:
            return
        for text in self.answer.between(begin, end):
            begin += len(text)
            yield TaskEvent(Position(events, begin), EventKind.TOKEN, text)

    def _note(self, kind: EventKind, body: Task | Fallback | Request) -> None:
        self._noted.append(_Noted(self._length, kind, body))
        self._tell()

    def _tell(self) -> None:
        self.moved_s = time.monotonic()
        self.news.set()
        self.news = asyncio.Event()

    def _party(self, target: Target) -> Party:
        for choice in self.choices:
            if choice.runtime.name == target.service:
                return choice.party
        return Party(target.service, semconv.PROVIDER_UNKNOWN, target.model, "")
