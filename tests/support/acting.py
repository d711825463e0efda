"""The model servers with all that can be done with them, over a monitor: the real parts, their files in the test's own folder."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, NamedTuple

from venom_otel.control import Controller
from venom_otel.services.operations import Operations
from venom_otel.services.servers import LlmServers
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.state.store import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from venom_otel.health import Monitor


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
    controller = Controller(runtimes or RuntimeSettings(), cockpit or CockpitSettings(action_timeout_s=20), directory=folder, grace_s=2)
    with State(folder / "state.sqlite3") as state:
        operations = Operations(state)
        watching = monitor(controller) if callable(monitor) else monitor
        yield Acting(LlmServers(watching, controller, operations), operations, state)
