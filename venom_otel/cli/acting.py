"""`venom-otel runtimes start`, `stop` and `restart`: the running `venom-otel up` is told, and its operation followed to the end."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final
from urllib.parse import quote

import typer

from venom_otel.cli.client import Client
from venom_otel.cli.options import DataDir  # noqa: TC001 - typer reads the annotations
from venom_otel.cli.progress import follow
from venom_otel.cli.running import Running
from venom_otel.cli.running import data_dir as directory_of
from venom_otel.errors import CockpitError
from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    from pathlib import Path

_SERVERS: Final = "/api/v1/system/llm-servers"

Name = Annotated[str, typer.Argument(help="The server's name, as `venom-otel runtimes` shows it.")]


def start(name: Name, *, data_dir: DataDir = None) -> None:
    """Start a model server by its *_START_COMMAND, and wait until it is online."""
    _act(name, "start", data_dir)


def stop(name: Name, *, data_dir: DataDir = None) -> None:
    """Stop a model server by its *_STOP_COMMAND, or by a signal if it was started from here, and wait until it is gone."""
    _act(name, "stop", data_dir)


def restart(name: Name, *, data_dir: DataDir = None) -> None:
    """Restart a model server by its *_RESTART_COMMAND, or stop and start it, and wait until it is online again."""
    _act(name, "restart", data_dir)


def cockpit(data_dir: Path | None) -> Client:
    """The API of the `venom-otel up` that runs, with its token.

    Raises:
        CockpitError: none runs.
    """
    directory = directory_of(load(CockpitSettings), data_dir)
    running = Running.find(directory)
    if running is None:
        raise CockpitError(
            f"no `venom-otel up` runs with its data in {directory}, and it is what starts and stops model servers: start it first, or name "
            "its directory with --data-dir."
        )
    return Client(running.page, running.token)


def _act(name: str, action: str, data_dir: Path | None) -> None:
    if "/" in name:  # which no path can say
        raise CockpitError(f"there is no model server {name!r}: `venom-otel runtimes` lists those there are.")
    with cockpit(data_dir) as client:
        begun = client.send("POST", f"{_SERVERS}/{quote(name, safe='')}/{action}", holding="links")
        follow(client, begun, f"{action} {name}")
