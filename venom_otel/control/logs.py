"""The log of a server: what it and the commands for it print, kept small, and its last lines."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from venom_otel.identity.redaction import redact

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

MOST_BYTES: Final = 10 * 1024**2
"""Of one file, beyond which it is put aside."""
KEPT: Final = 5
"""Files that were put aside, as `vllm.log.1`, the newest, to `vllm.log.5`."""
_TAIL_BYTES: Final = 64 * 1024
_LONGEST: Final = 500
"""Characters of a line that are shown."""
_ESCAPES: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[@-Z\\-_])")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


class Log:
    """One file, to which any number of processes append."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, words: str) -> int:
        """Open it for a process to append to, after a line of ours: the time and `words`. Gives the descriptor; not inherited.

        Raises:
            OSError: it cannot be written.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.size() > MOST_BYTES:
            self._put_aside(copy=False)
        return self._with(words)

    def note(self, words: str) -> None:
        """Add a line of ours, where it can be written."""
        with contextlib.suppress(OSError):
            os.close(self._with(words))

    def trim(self) -> None:
        """Put aside what is too much, while a server goes on writing: it is copied, and the file made empty.

        What is written between the two is lost. The server must append (`>>`), as those do that are started from here.

        Raises:
            OSError: there is no room for the copy; nothing is lost then.
        """
        if self.size() > MOST_BYTES:
            self._put_aside(copy=True)

    def size(self) -> int:
        """Bytes in it; 0 where there is none."""
        with contextlib.suppress(OSError):
            return self.path.stat().st_size
        return 0

    def tail(self, lines: int, secrets: Iterable[str] = (), *, since: int = 0) -> Sequence[str]:
        """Its last lines, at most `lines`, without credentials and without colours.

        Args:
            lines: how many.
            secrets: credentials known to be in use.
            since: the byte at which to begin; the file may have been made empty since.
        """
        try:
            with self.path.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                begin = max(since if since <= size else 0, size - _TAIL_BYTES)
                file.seek(begin)
                text = file.read(_TAIL_BYTES).decode(errors="replace")
        except OSError:
            return ()
        plain = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
        shown = redact(_CONTROL.sub("", plain), secrets).splitlines()
        if begin > since and len(shown) > 1:
            del shown[0]  # the middle of a line
        kept = [line.rstrip() for line in shown if line.strip()][-lines:] if lines > 0 else []
        return [line if len(line) <= _LONGEST else f"{line[:_LONGEST]}…" for line in kept]

    def _with(self, words: str) -> int:
        """The file, made where there is none, with another line of ours. Whoever runs the servers alone may read it: servers print keys."""
        descriptor = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            os.write(descriptor, _line(words))
        except OSError:
            os.close(descriptor)
            raise
        return descriptor

    def _put_aside(self, *, copy: bool) -> None:
        newest = self._aside(1)
        fresh = newest.with_name(f"{newest.name}.new")
        if copy:
            try:
                shutil.copyfile(self.path, fresh)
                fresh.chmod(0o600)
            except OSError:
                fresh.unlink(missing_ok=True)
                raise
        for number in range(KEPT, 1, -1):
            with contextlib.suppress(FileNotFoundError):
                self._aside(number - 1).replace(self._aside(number))
        (fresh if copy else self.path).replace(newest)
        if copy:
            os.truncate(self.path, 0)

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")


def _line(words: str) -> bytes:
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} venom-otel {words}\n".encode()
