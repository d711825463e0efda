"""The model servers: how each is now, its changes as they happen, and telling it to start or to stop."""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import TYPE_CHECKING, Final

from venom_otel.control.model import Action
from venom_otel.runtimes.protocol import Ability
from venom_otel.runtimes.registry import adapter
from venom_otel.services.changes import Listener, Listeners

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.health import Look, Monitor, Server
    from venom_otel.runtimes.model import Runtime

ANSWER_S: Final = 6.0
"""The most that a question waits for looks at servers: the search for them and one look, each with its own deadline, and room."""
_MOST_WAITING: Final = 1000


class LlmServers:
    """What the outside may ask about the model servers, over one monitor."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._listeners: Listeners[ServerChanges] = Listeners()

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

    def known(self) -> Sequence[Server]:
        """Every server that has been looked at, as it was seen last; asks nobody."""
        return self._monitor.servers()

    def changes(self) -> ServerChanges:
        """Learn of changes of state.

        with servers.changes() as changes:
            async for look in changes:
                ...
        """
        return self._listeners.add(ServerChanges(self._monitor.subscribe))

    def end_waiting(self) -> None:
        """End every wait for changes, now and later: a program that ends must not be held up by those who only wait."""
        self._listeners.end()


class ServerChanges(Listener["Look"]):
    """Gives each change of a server's state. Made by `LlmServers.changes`.

    Changes come in their order, the first look at a server among them; to a listener that lags far behind, the newest thousand.
    """

    def __init__(self, subscribe: Callable[[Callable[[Look], None]], Callable[[], None]]) -> None:
        super().__init__(subscribe)
        self._waiting: deque[Look] = deque(maxlen=_MOST_WAITING)

    async def __anext__(self) -> Look:
        """Wait for the next change."""
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def _on_report(self, report: Look) -> None:
        if report.changed:
            super()._on_report(report)

    def _keep(self, report: Look) -> None:
        self._waiting.append(report)


def unsupported(runtime: Runtime) -> Mapping[Action, str]:
    """Why a server cannot be told something, in words; an action that is not in it can be."""
    if Ability.RUN_HERE not in adapter(runtime.provider).abilities:
        return {action: f"{runtime.label} is somebody else's service, which nobody can {action} from here" for action in Action}
    return {action: f"venom-otel cannot {action} servers yet" for action in Action}
