"""The model servers: how each is now, what can be done with it, and its changes as they happen."""

from __future__ import annotations

import asyncio
import contextlib
import weakref
from collections import deque
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Self

from venom_otel.runtimes.protocol import Ability
from venom_otel.runtimes.registry import adapter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from types import TracebackType

    from venom_otel.health import Look, Monitor, Server
    from venom_otel.runtimes.model import Runtime

ANSWER_S: Final = 6.0
"""The most that a question waits for looks at servers: the search for them and one look, each with its own deadline, and room."""
_MOST_WAITING: Final = 1000


class Action(StrEnum):
    """What a server may be told."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


class LlmServers:
    """What the outside may ask about the model servers, over one monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._listeners: weakref.WeakSet[ServerChanges] = weakref.WeakSet()
        self._ended = False

    async def all(self, max_age_s: float | None = None) -> Sequence[Server]:
        """Every server; before the first look at one it waits for that.

        Args:
            max_age_s: what is known for longer is looked at again before, though not more often than a server likes; None for no limit.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_S):
                await asyncio.wrap_future(self._monitor.look(max_age_s))
        return self._monitor.servers()

    async def one(self, name: str, max_age_s: float | None = None) -> Server | None:
        """The server of that name, or None where there is none."""
        return next((server for server in await self.all(max_age_s) if server.runtime.name == name), None)

    def changes(self) -> ServerChanges:
        """Learn of changes of state.

        with servers.changes() as changes:
            async for look in changes:
                ...
        """
        changes = ServerChanges(self._monitor.subscribe)
        self._listeners.add(changes)
        if self._ended:
            changes.end()
        return changes

    def end_waiting(self) -> None:
        """End every wait for changes, now and later: a program that ends must not be held up by those who only wait."""
        self._ended = True
        for changes in self._listeners:
            changes.end()


class ServerChanges:
    """Gives one listener, in one event loop, each change of a server's state. Made by `LlmServers.changes`.

    A context manager and an asynchronous iterator. Changes from entering onwards are given, in their order, the first look at a server
    among them; to a listener that lags far behind, the newest thousand.
    """

    def __init__(self, subscribe: Callable[[Callable[[Look], None]], Callable[[], None]]) -> None:
        self._subscribe = subscribe
        self._unsubscribe: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._waiting: deque[Look] = deque(maxlen=_MOST_WAITING)
        self._ended = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._subscribe(self._on_look)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Look:
        """Wait for the next change."""
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def end(self) -> None:
        """Stop the iteration, also one that waits; to be called in the listener's loop."""
        self._ended = True
        self._arrived.set()

    def _on_look(self, look: Look) -> None:
        """Runs in the monitor's thread."""
        assert self._loop is not None
        if look.changed:
            with contextlib.suppress(RuntimeError):  # the loop has been closed under its listener; nobody is left to tell
                self._loop.call_soon_threadsafe(self._wake, look)

    def _wake(self, look: Look) -> None:
        self._waiting.append(look)
        self._arrived.set()


def unsupported(runtime: Runtime) -> Mapping[Action, str]:
    """Why a server cannot be told something, in words; an action that is not in it can be."""
    if Ability.RUN_HERE not in adapter(runtime.provider).abilities:
        return {action: f"{runtime.label} is somebody else's service, which nobody can {action} from here" for action in Action}
    return {action: f"venom-otel cannot {action} servers yet" for action in Action}
