"""What `venom-otel up` says once it is ready: where everything is, and what to do next."""

from __future__ import annotations

import ipaddress
import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from rich.console import Console
from rich.markup import escape

from venom_otel import __version__

if TYPE_CHECKING:
    from venom_otel.cli.running import Running

_NAME: Final = "venom-otel"
_STANDARD_OTLP_PORT: Final = 4318
"""OTLP over HTTP; an exporter that is told nothing sends there."""


@dataclass(frozen=True, slots=True)
class Ready:
    """Where everything is."""

    running: Running
    data_dir: Path
    file: Path | None
    """What holds `running`; None where it could not be written."""
    host: str
    """As it was asked for; the addresses in `running` are those that work on this machine."""

    def as_json(self) -> str:
        """One line, for programs. Without the token, since such lines end in logs: `up_file` has it, for its owner alone."""
        running = self.running
        return json.dumps(
            {
                "page": running.page,
                "otlp": running.otlp,
                "otlp_grpc": running.otlp_grpc,
                "data_dir": str(self.data_dir),
                "up_file": str(self.file) if self.file is not None else None,
                "pid": running.pid,
            }
        )


def announce(ready: Ready, *, as_json: bool) -> None:
    """Print it: for a person, or as one line of JSON."""
    if as_json:
        print(ready.as_json(), flush=True)
        return
    console = Console(highlight=False, soft_wrap=True)
    console.print(f"[bold]venom-otel[/] {__version__}\n")
    running = ready.running
    for name, words in (
        ("Page", f"[bold cyan link={running.page}]{running.page}[/]"),
        ("OTLP", f"{running.otlp}  (HTTP)"),
        *([("OTLP", f"{running.otlp_grpc}  (gRPC)")] if running.otlp_grpc is not None else []),
        ("Data", escape(str(ready.data_dir))),
        ("Token", f"{escape(running.token)}  (for write actions of the API: Authorization: Bearer …)"),
    ):
        console.print(f"  [dim]{name:<5}[/]  {words}")
    console.print("\n  Add two lines to the application that holds your kernel:\n")
    _code(console, "import venom_otel", "venom_otel.instrument(kernel)")
    if urlsplit(running.otlp).port != _STANDARD_OTLP_PORT:
        console.print("\n  and start it with this variable, since the receiver is not at its standard address:\n")
        _code(console, f"OTEL_EXPORTER_OTLP_ENDPOINT={running.otlp}")
    console.print("\n  Then run it: each request appears on the page. Ctrl-C ends this.")
    program = escape(typed(Path(sys.argv[0])))
    console.print(f"  No model at hand? [green]{program} demo[/]   Nothing arrives? [green]{program} doctor[/]")
    if not _is_loopback(ready.host):
        console.print(f"\n  [yellow]Everyone who can reach {escape(ready.host)} can read what is stored here.[/]")


def typed(program: Path) -> str:
    """How the program that runs is typed in this directory: by its name where the shell finds it, else by its path."""
    found = shutil.which(_NAME)
    if program.name != _NAME or not program.exists() or (found is not None and program.samefile(found)):
        return _NAME
    whole = program.absolute()
    return str(whole.relative_to(Path.cwd()) if whole.is_relative_to(Path.cwd()) else whole)


def _code(console: Console, *lines: str) -> None:
    for line in lines:
        console.print(f"      [green]{escape(line)}[/]")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
