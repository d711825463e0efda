"""What is remembered of an endpoint that is asked, and when it is worth asking again. No threads and no network here."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.identity.background import report
from venom_otel.identity.marks import disagree
from venom_otel.identity.model import UNKNOWN, Identity

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Callable

    from venom_otel.identity.asking import Answer
    from venom_otel.identity.model import Endpoint, ReplyMarks

DOUBT_PAUSE_S: Final = 2.0
"""Least time between two questions for a reply's sake: behind one address two different servers may take turns."""

LONGEST_PAUSE_S: Final = 60.0
"""Least time, in the end, where a server that answers calls cannot be asked, as when only the application's own client can reach it."""

MAX_EXPLAINED: Final = 32


class Promise:
    """A callback that runs exactly once."""

    __slots__ = ("_callback", "_once", "asked", "done", "timer")

    def __init__(self, asked: Asked | None, callback: Callable[[Identity], None]) -> None:
        self.asked = asked
        self.done = threading.Event()
        self.timer: asyncio.TimerHandle | None = None
        self._callback = callback
        self._once = threading.Lock()

    @property
    def guess(self) -> Identity:
        """The best that can be said now."""
        return self.asked.guess if self.asked is not None else UNKNOWN

    def keep(self, identity: Identity) -> bool:
        """Run the callback, in this thread; False where it has run or is running elsewhere."""
        if not self._once.acquire(blocking=False):
            return False
        try:
            self._callback(identity)
        except Exception:
            report("telling who is behind an endpoint")
        finally:
            self.done.set()
        return True


@dataclass(eq=False, slots=True)
class Asked:
    """An endpoint that is asked who it is. Replies may be noted from any thread; the rest belongs to the loop's."""

    endpoint: Endpoint
    headers: Callable[[], dict[str, str]] | None
    guess: Identity = UNKNOWN
    """The last word heard, in force or not."""
    down: bool = False
    """Not reached: who is there once it answers is a new question."""
    refused: bool = False
    """It said nothing because a key is missing or wrong."""
    task: asyncio.Task[None] | None = None
    again: bool = False
    """Something was observed while asking: ask once more."""
    timer: asyncio.TimerHandle | None = None
    waiting: list[Promise] = field(default_factory=list)
    _explained: set[ReplyMarks] = field(default_factory=set)
    """Marks that agree with what is known, or for whose sake the server has been asked."""
    _servers: frozenset[str] = frozenset()
    _failures: int = 0
    _not_before: float = 0.0

    @property
    def identified(self) -> bool:
        """Whether the provider is known."""
        return self.guess.provider != semconv.PROVIDER_UNKNOWN

    def explains(self, marks: ReplyMarks) -> bool:
        """Whether a reply with these marks says nothing new; the way of nearly every reply."""
        return marks in self._explained and not self.down

    def doubts(self, marks: ReplyMarks, known: Identity, now: float) -> bool:
        """Whether a reply gives reason to ask again: the server is back, or its marks disagree with what is known."""
        if not self.down:
            if len(self._explained) >= MAX_EXPLAINED:
                return False
            if not disagree(marks, known, self._servers):
                self._explained.add(marks)
                return False
        if now < self._not_before:
            return False
        self._not_before = now + DOUBT_PAUSE_S
        self._explained.add(marks)
        self.down = False
        return True

    def take(self, answer: Answer, now: float) -> None:
        """Note an answer. One that says nothing, for errors or for want of time, does not replace what a better one said."""
        told = answer.identity.provider != semconv.PROVIDER_UNKNOWN or answer.identity.gateway is not None
        if told or answer.conclusive:
            if answer.identity != self.guess:
                self._explained.clear()
            self.guess = answer.identity
        self.down = not answer.reached
        if answer.reached:
            self.refused = answer.refused and not told
            self._servers = answer.servers
            self._failures = 0
        else:  # once more as soon as a call succeeds; then ever more rarely
            self._not_before = now if self._failures == 0 else now + min(LONGEST_PAUSE_S, 2.0 ** (self._failures - 1))
            self._failures += 1

    def forget_process(self) -> None:
        """In a child process: what the parent's thread had under way."""
        self.task = self.timer = None
        self.again = False
        self.waiting = []
