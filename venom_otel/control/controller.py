"""Starts, stops and restarts model servers by their commands, and knows their processes."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
import re
import time
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from venom_otel.control.acting import GONE, Act
from venom_otel.control.commands import Commands, secrets_of_environment
from venom_otel.control.launching import Server
from venom_otel.control.logs import MOST_BYTES, Log
from venom_otel.control.model import Action, Life
from venom_otel.control.pid_files import PidFiles
from venom_otel.control.processes import since_ns
from venom_otel.control.supporting import unsupported
from venom_otel.errors import ActionError, BusyError
from venom_otel.identity.background import in_daemon_thread
from venom_otel.runtimes.failures import place
from venom_otel.runtimes.model import Reason, State, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence
    from pathlib import Path

    from venom_otel.control.children import Child
    from venom_otel.runtimes.model import Reading, Runtime
    from venom_otel.runtimes.protocol import Progress
    from venom_otel.settings import CockpitSettings, RuntimeSettings

GRACE_S: Final = 10.0
"""What a server has to end after SIGTERM, before SIGKILL."""

logger: Final = logging.getLogger("venom_otel")


class Controller:
    """Acts on model servers. What it starts outlives it, and is known again by the next one through its PID file.

    No task outlives a call. All methods but `act` may be called from any thread; none but `act` takes longer than reading a small file.

    Args:
        settings: the commands, and which servers there are.
        cockpit: where logs and PID files are, and how long an action may take.
        directory: where the `.env` is: commands run there, and relative paths begin there.
        grace_s: seconds between SIGTERM and SIGKILL.

    Raises:
        SettingsError: a command cannot be used; the message names its variable.
    """

    def __init__(self, settings: RuntimeSettings, cockpit: CockpitSettings, *, directory: Path, grace_s: float = GRACE_S) -> None:
        self._commands = Commands(settings)
        self._directory = directory.absolute()
        self._logs = self._directory / cockpit.logs_dir.expanduser()
        self._run = self._directory / cockpit.run_dir.expanduser()
        self._limit_s = cockpit.action_timeout_s
        self._grace_s = grace_s
        self._children: dict[str, Child] = {}
        """The last start command of each server."""
        self._acting: dict[str, Action] = {}

    def unsupported(self, runtime: Runtime, reading: Reading | None = None) -> Mapping[Action, str]:
        """Why each action cannot be done, in words that name the variable to set; an action that is not in it can be.

        Args:
            runtime: the server.
            reading: how it was seen last, where that is known: one that has ended need not be stopped to be restarted.
        """
        gone = reading is not None and reading.reason in GONE
        return unsupported(runtime, self._commands, lives=self._pid_files(runtime).living() is not None, gone=gone)

    async def act(
        self,
        runtime: Runtime,
        action: Action,
        *,
        environment: Mapping[str, str] = MappingProxyType({}),
        say: Callable[[Progress], None],
        look: Callable[[], Awaitable[Reading]],
    ) -> None:
        """Do something with a server, and wait until it is as it was told to be. Cancelling ends the waiting: what has begun goes on.

        Args:
            runtime: the server.
            action: what to do.
            environment: variables for the command, on top of our own. Never anything from a request.
            say: told how far it is.
            look: a fresh look at the server.

        Raises:
            ActionError: it cannot be done, or did not come to pass; the message has the last lines of the log.
            BusyError: it is being acted on already.
        """
        if (other := self._acting.get(runtime.name)) is not None:
            raise BusyError(f"{runtime.label} is being told to {other}; wait until that is done.")
        server = self._server(runtime)
        act = Act(
            server,
            before=self._children.get(runtime.name),
            started=lambda child: self._children.__setitem__(runtime.name, child),
            environment=environment,
            say=say,
            look=look,
        )
        self._acting[runtime.name] = action
        try:
            reading = await look() if action is Action.RESTART else None
            if (why := self.unsupported(runtime, reading).get(action)) is not None:
                raise ActionError(f"{runtime.label} cannot be told to {action}: {why.removesuffix('.')}.")
            match action:
                case Action.START:
                    await act.start()
                case Action.STOP:
                    await act.stop()
                case Action.RESTART:
                    await act.restart()
        except ActionError as error:
            server.log.note(f"{action} failed: {str(error).partition(chr(10))[0]}")
            raise
        except asyncio.CancelledError:
            server.log.note(f"{action}: nobody waits for it any more; what was begun goes on")
            raise
        except OSError as error:
            raise ActionError(f"{error.filename or self._run} cannot be written: {error.strerror}.") from None
        else:
            server.log.note(f"{action} done")
        finally:
            del self._acting[runtime.name]

    def life(self, runtime: Runtime) -> Life | None:
        """The living process of a server, or that of its start command, whoever wrote it down; None where none is known."""
        known = self._pid_files(runtime).living()
        began = None if known is None else since_ns(known)
        return Life(known.pid, began) if known is not None and began is not None else None

    def log_tail(self, runtime: Runtime, lines: int) -> Sequence[str]:
        """The last lines of a server's log, without credentials; empty where it has none."""
        server = self._server(runtime)
        return server.log.tail(lines, server.secrets)

    def watching(self, read: Callable[[Runtime], Awaitable[Reading]], *, keeping: bool = False) -> Callable[[Runtime], Awaitable[Reading]]:
        """Wrap a look: a server whose process lives while its port refuses is `starting`.

        Args:
            read: the look.
            keeping: by the way, keep the server's log small and its PID file true; for the one program in a directory that acts on servers.
        """

        async def look(runtime: Runtime) -> Reading:
            reading = await read(runtime)
            if keeping and runtime.name not in self._acting:
                if self._log(runtime).size() > MOST_BYTES:
                    await in_daemon_thread(lambda: self._trim(runtime))
                if reading.state.status is Status.ONLINE:
                    self._adopt(runtime)
            if reading.state is not State.STOPPED or reading.reason is not Reason.REFUSED:
                return reading
            acting = self._acting.get(runtime.name)
            if acting is Action.STOP or (life := self.life(runtime)) is None:
                return reading
            seconds = max(0, time.time_ns() - life.since_ns) / 1e9
            cause = (
                f"its process {life.pid} lives for {seconds:.0f} s, and {place(runtime.endpoint)} does not answer yet; "
                f"{self._log(runtime).path} says what it does"
            )
            return dataclasses.replace(reading, state=State.STARTING, cause=cause)

        return look

    def _adopt(self, runtime: Runtime) -> None:
        """A start that nobody waited for to its end has come to one."""
        try:
            self._pid_files(runtime).settle_rest()
        except OSError as error:
            logger.debug("the PID file of %s cannot be written: %s", runtime.name, error)

    def _trim(self, runtime: Runtime) -> None:
        try:
            self._log(runtime).trim()
        except OSError as error:
            logger.debug("%s cannot be put aside: %s", self._log(runtime).path, error)

    def _server(self, runtime: Runtime) -> Server:
        commands = self._commands.usable(runtime.name)
        key = () if runtime.key is None else (runtime.key.get_secret_value(),)
        own = (secret for command in commands.values() for secret in command.secrets())
        return Server(
            runtime,
            commands,
            self._pid_files(runtime),
            self._log(runtime),
            self._directory,
            (*key, *own, *secrets_of_environment()),
            self._limit_s,
            self._grace_s,
        )

    def _pid_files(self, runtime: Runtime) -> PidFiles:
        return PidFiles(self._run, _file_name(runtime))

    def _log(self, runtime: Runtime) -> Log:
        return Log(self._logs / f"{_file_name(runtime)}.log")


def _file_name(runtime: Runtime) -> str:
    """Its name, which settings keep to what a file's name may have, and other packages may not."""
    return re.sub(r"[^\w.-]", "_", runtime.name)
