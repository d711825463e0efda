"""Learning of arrivals without asking again and again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType


class Changes:
    """Tells one listener, in one event loop, that the store has something new. Made by `History.changes`.

    A context manager and an asynchronous iterator. Arrivals from entering onwards are seen; those between two iterations come as one.
    """

    def __init__(self, subscribe: Callable[[Callable[[int], None]], Callable[[], None]]) -> None:
        self._subscribe = subscribe
        self._unsubscribe: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._newest = 0
        self._ended = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._subscribe(self._on_commit)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        """Wait for the next arrival; gives the newest sequence number, which stays the same where only other spans came."""
        await self._arrived.wait()
        if self._ended:
            raise StopAsyncIteration
        self._arrived.clear()
        return self._newest

    def end(self) -> None:
        """Stop the iteration, also one that waits; to be called in the listener's loop."""
        self._ended = True
        self._arrived.set()

    def _on_commit(self, newest: int) -> None:
        """Runs in the store's thread."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._wake, newest)
        except RuntimeError:  # the loop has been closed under its listener; nobody is left to tell
            return

    def _wake(self, newest: int) -> None:
        self._newest = max(self._newest, newest)
        self._arrived.set()
