"""The model servers with all that can be done with them, over a monitor: the real parts, their files in the test's own folder."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Self

import psutil
from support.patience import WAIT_S

from venom_otel.control import Controller
from venom_otel.services.operations import Operations
from venom_otel.services.servers import LlmServers
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.state.store import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from venom_otel.health import Monitor


TINY = Path(__file__).with_name("tiny_server.py")


class Place:
    """A port and a folder for one harmless server (see `tiny_server`); whatever was started there is gone when the context is left."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __enter__(self) -> Self:
        self._keeps_the_port = socket.socket()
        self._keeps_the_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        self._keeps_the_port.bind(("127.0.0.1", 0))
        self.port = self._keeps_the_port.getsockname()[1]
        return self

    def __exit__(self, *exc: object) -> None:
        for each in self.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()
        self._keeps_the_port.close()

    @property
    def url(self) -> str:
        """Where the server answers."""
        return f"http://127.0.0.1:{self.port}"

    def command(self, *options: object) -> str:
        """What starts it."""
        return shlex.join([sys.executable, "-I", "-S", str(TINY), str(self.port), *map(str, options)])

    def processes(self) -> list[psutil.Process]:
        """What runs there and is not this program."""
        return processes(self.folder)


def processes(folder: Path) -> list[psutil.Process]:
    """What runs in a folder and is not this program."""
    found = psutil.process_iter(["cwd", "status"])
    here = [each for each in found if each.info["cwd"] == str(folder) and each.info["status"] != psutil.STATUS_ZOMBIE]
    return [each for each in here if each.pid != os.getpid()]


class Acting(NamedTuple):
    """What belongs together."""

    servers: LlmServers
    operations: Operations
    state: State


@contextlib.contextmanager
def acting(
    folder: Path,
    monitor: Monitor | Callable[[Controller], Monitor],
    runtimes: RuntimeSettings | None = None,
    cockpit: CockpitSettings | None = None,
) -> Iterator[Acting]:
    """The servers of a monitor, or of the one that is made for a controller; commands run in `folder`."""
    controller = Controller(runtimes or RuntimeSettings(), cockpit or CockpitSettings(action_timeout_s=WAIT_S), directory=folder, grace_s=2)
    with State(folder / "state.sqlite3") as state:
        operations = Operations(state)
        watching = monitor(controller) if callable(monitor) else monitor
        yield Acting(LlmServers(watching, controller, operations), operations, state)
