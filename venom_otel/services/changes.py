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

    A context manager and an asynchronous iterator. What is reported from entering onwards is heard.

    Args:
        subscribe: takes the function to report to, in any thread, and gives back the one that ends it.
    """

    def __init__(self, subscribe: Callable[[Callable[[T], None]], Callable[[], None]]) -> None:
        self._subscribe = subscribe
        self._unsubscribe: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._ended = False

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

    def end(self) -> None:
        """Stop the iteration, also one that waits; to be called in the listener's loop."""
        self._ended = True
        self._arrived.set()

    @abstractmethod
    def _keep(self, report: T) -> None:
        """Keep a report until it is asked for; runs in the listener's loop."""

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
        self._newest = 0

    async def __anext__(self) -> int:
        """Wait for the next arrival; gives the newest sequence number, which stays the same where only other spans came."""
        await self._arrived.wait()
        if self._ended:
            raise StopAsyncIteration
        self._arrived.clear()
        return self._newest

    def _keep(self, report: int) -> None:
        self._newest = max(self._newest, report)
