"""A server from outside Python as a child of the test: its words in a file, waited for by a condition, ended for certain."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Self, TypeVar

import httpx
from support.patience import WAIT_S
from support.reserved import kept_port

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

T = TypeVar("T")


def eventually(condition: Callable[[], T], timeout_s: float = WAIT_S, *, of: Callable[[], str] = lambda: "") -> T:
    """Wait until `condition` gives something true, and give it back.

    Raises:
        AssertionError: not within `timeout_s` seconds; the message ends with what `of` says.
    """
    deadline = time.monotonic() + timeout_s
    while not (value := condition()):
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {value!r} {of()}"
        time.sleep(0.05)
    return value


class Program:
    """A process that is started and ended, any number of times; its log is that of the last start."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def log(self) -> str:
        """What it has written since it was last started."""
        return self._log.read_text(errors="replace")

    def start(self, command: Sequence[str | Path], environment: dict[str, str], ready: Callable[[], Any]) -> None:
        """Start it and wait until `ready`.

        Raises:
            RuntimeError: it ended, or was not ready in time; the message has the end of its log.
        """
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                command,
                env={"PATH": os.environ.get("PATH", os.defpath), **environment},
                cwd=self._log.parent,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        deadline = time.monotonic() + WAIT_S
        try:
            while not ready():
                if self._process.poll() is not None or time.monotonic() > deadline:
                    raise RuntimeError(f"{command[0]} does not start: {self.log[-2000:]}")
                time.sleep(0.02)
        except BaseException:
            self.end(signal.SIGKILL)
            raise

    def end(self, number: int = signal.SIGTERM) -> None:
        """End it, and what it has started, by a signal; where it runs."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            process.wait(WAIT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise


class Server(ABC):
    """A server that is such a program, on a port of 127.0.0.1 that it has at each start. Leaving the context kills it.

    Args:
        log: what it writes; its home is where that lies.
        port: 0 for one that nobody else is given.
    """

    def __init__(self, log: Path, port: int = 0) -> None:
        log.parent.mkdir(parents=True, exist_ok=True)
        self.port = port or kept_port(self)
        self._folder = log.parent
        self._program = Program(log)

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """What it has written since it was last started."""
        return self._program.log

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.kill()

    @abstractmethod
    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            RuntimeError: it ended, or was not ready in time; the message has the end of its log.
        """

    def answers(self, path: str) -> bool:
        """Whether it answers well."""
        try:
            return httpx.get(f"{self.url}{path}").is_success
        except httpx.TransportError:
            return False

    def stop(self) -> None:
        """End it in order."""
        self._program.end()

    def kill(self) -> None:
        """End it at once, as a crash would; its port then refuses connections."""
        self._program.end(signal.SIGKILL)
