"""PID files: which process is a server's, as we or a script wrote it down.

`run/<name>.pid` is the server's, and the scripts know it too. `run/.<name>.start` is that of a start command which is still under way: it
may become the server, or be a script that will write the other file.
"""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

from venom_otel.control.processes import Record, lives, written

if TYPE_CHECKING:
    from pathlib import Path


class PidFiles:
    """Those of one server. Raises `OSError` where they cannot be written; what cannot be read is not there."""

    def __init__(self, directory: Path, name: str) -> None:
        self._server = directory / f"{name}.pid"
        self._starting = directory / f".{name}.start"

    def living(self) -> Record | None:
        """The process of the server, or else that of its start command, if it lives."""
        return next((each for each in (_read(self._server), _read(self._starting)) if each is not None and lives(each)), None)

    def server(self) -> Record | None:
        """What is written of the server, whether it lives or not."""
        return _read(self._server)

    def begin(self, command: Record) -> None:
        """A start command is under way."""
        _write(self._starting, command)

    def settle(self, command: Record) -> bool:
        """The start command is the server itself, unless it has written down another process; gives which."""
        before = self.server()
        is_server = before is None or not lives(before)
        if is_server:
            _write(self._server, command)
        self.end_beginning()
        return is_server

    def settle_rest(self) -> None:
        """The server is online: what was under way, when it was lost sight of, has come to its end."""
        command = _read(self._starting)
        if command is not None and lives(command):
            self.settle(command)
        elif command is not None:
            self.end_beginning()

    def end_beginning(self) -> None:
        """No start command is under way."""
        self._starting.unlink(missing_ok=True)

    def remove(self) -> None:
        """The server has ended; what names a living process stays."""
        for path in (self._server, self._starting):
            named = _read(path)
            if named is None or not lives(named):
                path.unlink(missing_ok=True)


def _read(path: Path) -> Record | None:
    with contextlib.suppress(OSError, UnicodeDecodeError, ValueError):
        first, _, second = path.read_text(encoding="utf-8").strip().partition("\n")
        pid, mark = int(first), " ".join(second.split())
        if pid > 1 and mark:
            return Record(pid, mark)
    return None


def _write(path: Path, process: Record) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        unfinished.write_text(written(process), encoding="utf-8")
        unfinished.replace(path)  # readers see the whole of it or none
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise
