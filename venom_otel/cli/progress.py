"""An operation of the running cockpit, followed to its end: a line that changes and, where bytes are counted, a bar."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.progress import Task

    from venom_otel.cli.client import Client, ServerSent

_INTERRUPTED: Final = 130
"""The exit status of a program that Ctrl-C ended."""
_MEANWHILE: Final = "venom-otel up has ended meanwhile; `venom-otel runtimes` says how the server is."


def follow(client: Client, begun: dict[str, Any], what: str) -> None:
    """Show how far an operation is, and how it ended: in a terminal in one place, elsewhere a line for each new step.

    Args:
        client: asks the cockpit.
        begun: the operation, as the API has it.
        what: was begun, for the last line.

    Raises:
        typer.Exit: it did not succeed (1), or Ctrl-C ended the waiting (130).
        CockpitError: the cockpit no longer answers.
    """
    try:
        ended = watch(client, begun)
    except KeyboardInterrupt:
        typer.echo(_goes_on(begun), err=True)
        raise typer.Exit(_INTERRUPTED) from None
    if ended["state"] != "succeeded":
        typer.echo(f"{what}: {ended['state']}: {ended['error'] or _MEANWHILE}", err=True)
        raise typer.Exit(1)
    seconds = (datetime.fromisoformat(ended["finished_at"]) - datetime.fromisoformat(ended["created_at"])).total_seconds()
    print(f"{what}: succeeded after {seconds:.1f} s")


def watch(client: Client, begun: dict[str, Any]) -> dict[str, Any]:
    """Show how far an operation is; how it was at its end, as the API has it.

    Raises:
        CockpitError: the cockpit no longer answers.
    """
    return _shown(client.follow(begun["links"]["stream"]))


def _goes_on(begun: dict[str, Any]) -> str:
    """What whoever waits no longer should know."""
    if begun["kind"] == Kind.INSTALL:
        model = begun["model"]
        return f"{begun['server']} goes on fetching {model}, as operation {begun['id']}; `venom-otel models cancel {model}` ends it."
    return f"venom-otel up goes on with it: operation {begun['id']}."


def _shown(events: Iterator[ServerSent]) -> dict[str, Any]:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    columns = (_Counted(BarColumn()), _Counted(DownloadColumn()), _Counted(TransferSpeedColumn()), _Counted(TimeRemainingColumn()))
    words = ""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        *columns,
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("", total=None)
        for event in events:
            if event.name == "finished":
                return event.data
            step = event.data
            if not console.is_terminal and step["words"] != words:
                typer.echo(step["words"], err=True)
            words = step["words"]
            bar.update(task, description=words, completed=step["completed"] or 0, total=step["total"])
    raise AssertionError("a stream ends with the event `finished`")


class _Counted(ProgressColumn):
    """A column that is there only where bytes are counted."""

    def __init__(self, column: ProgressColumn) -> None:
        super().__init__()
        self._column = column

    def render(self, task: Task) -> Any:
        """As the column itself, or nothing."""
        return Text("") if task.total is None else self._column.render(task)
