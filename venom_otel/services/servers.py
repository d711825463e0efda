"""The model servers: how each is now, its changes as they happen, and telling it to start or to stop."""

from __future__ import annotations

import asyncio
import contextlib
from functools import partial
from typing import TYPE_CHECKING, Final

from venom_otel.errors import UnsupportedError
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.reading import read
from venom_otel.services.changes import Listeners, Queued
from venom_otel.services.latencies import Latencies
from venom_otel.state.model import Kind, Wanted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.control import Controller
    from venom_otel.control.model import Action
    from venom_otel.health import Look, Monitor, Server
    from venom_otel.runtimes.model import Reading, Runtime
    from venom_otel.runtimes.protocol import Progress
    from venom_otel.services.latencies import Step
    from venom_otel.services.operations import Operations
    from venom_otel.state.model import Operation

ANSWER_S: Final = 6.0
"""The most that a question waits for looks at servers: the search for them and one look, each with its own deadline, and room."""


class LlmServers:
    """What the outside may ask about the model servers, and tell them.

    Args:
        monitor: knows how each is.
        controller: does what they are told.
        operations: what is being done; its event loop is the only one in which they are told anything.
        environment: variables for the command that tells a server something, by that server and all there are.
    """

    def __init__(
        self,
        monitor: Monitor,
        controller: Controller,
        operations: Operations,
        environment: Callable[[Server, Sequence[Server]], Mapping[str, str]] = lambda _server, _all: {},
    ) -> None:
        self._monitor = monitor
        self._controller = controller
        self._operations = operations
        self._environment = environment
        self._listeners: Listeners[ServerChanges] = Listeners()
        self._latencies = Latencies()
        monitor.subscribe(self._note)

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

    def latencies(self, name: str) -> Sequence[Step]:
        """How fast the server of that name answered of late, in steps, oldest first."""
        return self._latencies.of(name)

    def known(self) -> Sequence[Server]:
        """Every server that has been looked at, as it was seen last; asks nobody."""
        return self._monitor.servers()

    async def look(self, runtime: Runtime) -> Reading:
        """A look at one server that begins now; whoever listens to its changes hears of it, too."""
        server = await asyncio.wrap_future(self._monitor.look_anew(runtime.name))
        return await read(runtime) if server is None else server.reading

    def unsupported(self, runtime: Runtime) -> Mapping[Action, str]:
        """Why a server cannot be told something, in words; an action that is not in it can be."""
        known = next((server.reading for server in self._monitor.servers() if server.runtime.name == runtime.name), None)
        return self._controller.unsupported(runtime, known)

    async def act(self, name: str, action: Action, by: str) -> Operation | None:
        """Tell a server something, which begins an operation; None where there is no server of that name.

        Args:
            name: whom.
            action: what.
            by: who asks, for the audit: see `Wanted.by`.

        Raises:
            UnsupportedError: it cannot be told that from here.
            BusyError: another operation on it is under way.
            StateError: the operation cannot be kept, so nothing is done.
        """
        server = await self.one(name)
        if server is None:
            return None
        runtime = server.runtime
        wanted = Wanted(Kind(action), runtime.name, runtime.provider, None, by)
        # What can be done changes while something is being done: that something is what to say then.
        if self._operations.running(runtime.name) is None and (words := self.unsupported(runtime).get(action)) is not None:
            self._operations.refuse(wanted, words)
            raise UnsupportedError(words)

        environment = self._environment(server, self.known())

        async def work(say: Callable[[Progress], None]) -> None:
            try:
                await self._controller.act(runtime, action, environment=environment, say=say, look=partial(self.look, runtime))
            finally:
                self._monitor.look_anew(runtime.name)  # however it went, how the server is now is soon known

        return self._operations.begin(wanted, work)

    async def log(self, name: str, lines: int) -> Sequence[str] | None:
        """The last lines that a server's commands have printed, without credentials; None where there is no server of that name."""
        server = await self.one(name)
        return None if server is None else await asyncio.to_thread(self._controller.log_tail, server.runtime, lines)

    def _note(self, look: Look) -> None:
        """Runs in the monitor's thread."""
        self._latencies.note(look.server.runtime.name, look.server.checked_ns, look.server.reading.latency_s)
        if look.server.reading.state.status is Status.ONLINE:
            self._operations.seen_online(look.server.runtime.name)

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


class ServerChanges(Queued["Look"]):
    """Gives each change of a server's state, the first look at a server among them. Made by `LlmServers.changes`."""

    def _on_report(self, report: Look) -> None:
        if report.changed:
            super()._on_report(report)
