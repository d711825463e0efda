"""Learning of what happens without asking again and again: from the thread in which it happens into the loop of whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from abc import ABC, abstractmethod
from collections import deque
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

MOST_WAITING: Final = 1000

T = TypeVar("T")
L = TypeVar("L", bound="Listener[Any]")


class Listener(ABC, Generic[T]):
    """Tells one listener, in one event loop, of what another thread reports.

    A context manager and an asynchronous iterator; whoever only looks how things are asks `look_due` instead. What is reported from
    entering onwards is heard.

    Args:
        subscribe: takes the function to report to, in any thread, and gives back the one that ends it.
    """

    def __init__(self, subscribe: Callable[[Callable[[T], None]], Callable[[], None]]) -> None:
        self._subscribe = subscribe
        self._unsubscribe: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._ended = False
        self._looked = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._subscribe(self._on_report)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def __aiter__(self) -> Self:
        return self

    @abstractmethod
    async def __anext__(self) -> T:
        """Wait for what comes next."""

    async def look_due(self, pause_s: float, idle_s: float | None = None) -> bool:
        """Wait until it is time for another look at what the reports are about. The first one is due at once.

            with history.changes() as changes:
                while await changes.look_due(PAUSE_S, IDLE_S):
                    ...  # look, and show what is there

        A look sees all that was reported before it; what is reported while it is under way makes another one due.

        Args:
            pause_s: seconds from one look to the next at least; what is reported within is one.
            idle_s: seconds after these in which nothing is reported, after which a look is due all the same; None for no such time.

        Returns:
            Whether to look: False once waiting was ended, though the first look is always due.
        """
        if self._looked:
            if not self._ended:
                await asyncio.sleep(pause_s)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(idle_s):
                        await self._arrived.wait()
            if self._ended:
                return False
        self._looked = True
        self._arrived.clear()
        self._forget()
        return True

    def end(self) -> None:
        """Stop every wait, that of an iteration and that for a look; to be called in the listener's loop."""
        self._ended = True
        self._arrived.set()

    @abstractmethod
    def _keep(self, report: T) -> None:
        """Keep a report until it is asked for; runs in the listener's loop."""

    @abstractmethod
    def _forget(self) -> None:
        """Let go of the reports that are kept: a look that follows sees what they were about."""

    def _on_report(self, report: T) -> None:
        """Runs in the reporting thread."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has been closed under its listener; nobody is left to tell
            self._loop.call_soon_threadsafe(self._wake, report)

    def _wake(self, report: T) -> None:
        self._keep(report)
        self._arrived.set()


class Queued(Listener[T]):
    """Gives each report in its order; to a listener that lags far behind, the newest `MOST_WAITING`."""

    def __init__(self, subscribe: Callable[[Callable[[T], None]], Callable[[], None]]) -> None:
        super().__init__(subscribe)
        self._waiting: deque[T] = deque()

    async def __anext__(self) -> T:
        """Wait for the next report."""
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def _keep(self, report: T) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._make_room()
        self._waiting.append(report)

    def _forget(self) -> None:
        self._waiting.clear()

    def _make_room(self) -> None:
        self._waiting.popleft()


class Listeners(Generic[L]):
    """Those who listen to one thing, for as long as they do: a program that ends must not be held up by who only waits."""

    def __init__(self) -> None:
        self._listeners: weakref.WeakSet[L] = weakref.WeakSet()
        self._ended = False

    def add(self, listener: L) -> L:
        """Know another; it has ended already where all have."""
        self._listeners.add(listener)
        if self._ended:
            listener.end()
        return listener

    def end(self) -> None:
        """End every wait, now and later."""
        self._ended = True
        for listener in self._listeners:
            listener.end()


class Changes(Listener[int]):
    """Hears that the store has something new. Made by `History.changes`. Arrivals between two iterations come as one."""

    def __init__(self, subscribe: Callable[[Callable[[int], None]], Callable[[], None]]) -> None:
        super().__init__(subscribe)
        self.newest = 0
        """The newest sequence number that was reported; 0 before any was. It stays the same where only other spans come."""

    async def __anext__(self) -> int:
        """Wait for the next arrival; gives the newest sequence number."""
        await self._arrived.wait()
        if self._ended:
            raise StopAsyncIteration
        self._arrived.clear()
        return self.newest

    def _keep(self, report: int) -> None:
        self.newest = max(self.newest, report)

    def _forget(self) -> None:
        """The newest stays: it is what a look is about."""
