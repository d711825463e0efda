"""From a command of the settings to a process, with a line in the server's log before it, and in words why not."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
from dataclasses import dataclass
from typing import TYPE_CHECKING

from venom_otel.control.children import Child
from venom_otel.control.model import Action
from venom_otel.control.processes import Tree
from venom_otel.errors import ActionError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from venom_otel.control.commands import Command
    from venom_otel.control.logs import Log
    from venom_otel.control.pid_files import PidFiles
    from venom_otel.runtimes.model import Runtime


@dataclass(frozen=True, slots=True)
class Server:
    """A server and what there is of it on this machine."""

    runtime: Runtime
    commands: Mapping[Action, Command]
    """Those that are set."""
    pid_files: PidFiles
    log: Log
    directory: Path
    """Where commands run."""
    secrets: tuple[str, ...]
    """Never shown."""
    limit_s: float
    """For an action, or for each half of a restart."""
    grace_s: float
    """Between SIGTERM and SIGKILL."""


def launch(server: Server, action: Action, environment: Mapping[str, str], started: Callable[[Child], None]) -> tuple[Child, int]:
    """Run the command for an action, which must be set. Blocks for as long as the system takes to begin it.

    Args:
        server: whose command.
        action: what for. The process of a start is written down before anybody can lose sight of it.
        environment: variables on top of our own.
        started: told of the process of a start.

    Returns:
        The process, and the byte in the log at which its output begins.

    Raises:
        ActionError: it cannot be run; nothing was started.
    """
    command = server.commands[action]
    try:
        output = server.log.open(f"{action}: {command.shown(server.secrets)}")
    except OSError as error:
        raise ActionError(f"{server.log.path} cannot be written: {error.strerror}; VENOM_OTEL_LOGS_DIR names its directory.") from None
    try:
        since = server.log.size()
        child = Child(command.argv, server.directory, {**os.environ, **environment}, output)
    except OSError as error:
        raise ActionError(_why_not(command, server.directory, error)) from None
    finally:
        os.close(output)
    if action is Action.START:
        started(child)
        _write_down(server, child)
    return child, since


def _write_down(server: Server, child: Child) -> None:
    try:
        server.pid_files.begin(child.record)
    except OSError as error:
        with contextlib.suppress(PermissionError):  # of another user by now: its own end is its own affair
            Tree(child.record).send(signal.SIGKILL)
            child.ended.result()
        words = f"it was not started, for no PID file can be written ({error.strerror}); VENOM_OTEL_RUN_DIR names its directory."
        raise ActionError(words) from None


def _why_not(command: Command, directory: Path, error: OSError) -> str:
    program = command.argv[0]
    if isinstance(error, FileNotFoundError) and not directory.is_dir():
        return f"{command.variable} cannot be run: its directory {directory} is not there."
    if isinstance(error, FileNotFoundError):
        if "=" in program:
            hint = f"to set a variable, write `env {program} …`"
        elif program.startswith("~"):
            hint = "no shell reads it, so write the whole path instead of `~`"
        elif "/" in program:
            hint = f"relative paths begin at {directory}; a script's first line must name a program that is there"
        else:
            hint = "install it, or give its whole path"
        return f"{command.variable}: there is no program {program!r}: {hint}."
    if error.errno == errno.ENOEXEC:
        return f"{command.variable}: {program!r} is no program: a script begins with a line such as `#!/bin/sh`."
    if isinstance(error, PermissionError):
        return f"{command.variable}: {program!r} is not executable: `chmod +x` makes a file so."
    return f"{command.variable}: {program!r} cannot be run: {error.strerror}."
