"""Commands as processes of their own: they outlive this one, hold nothing of it, and are never left as zombies."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from concurrent.futures import Future
from typing import TYPE_CHECKING

import psutil

from venom_otel.control.processes import Record, group, record

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


class Child:
    """A command that was started: in a session of its own, which a Ctrl-C in our terminal does not reach, with no input.

    A thread waits for its end for as long as it takes, so that it is heard of at once.

    Args:
        argv: the program and its arguments.
        directory: where it runs.
        environment: all of its variables.
        output: the descriptor for what it prints; still the caller's to close.

    Raises:
        OSError: it cannot be started.
    """

    def __init__(self, argv: Sequence[str], directory: Path, environment: Mapping[str, str], output: int) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - argv of the settings, without a shell
            argv,
            cwd=directory,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self.record = record(self._process.pid, dead=True) or Record(self._process.pid, "")
        self.ended: Future[int] = Future()
        """How it ended, as `Popen.returncode`."""
        self.left: frozenset[psutil.Process] = frozenset()
        """What was still there of its group when it ended."""
        self.is_server = False
        """Whether it turned out to be the server, and no script that starts it."""
        self.ended.set_running_or_notify_cancel()  # whoever waits for it and gives up does not end it for the others
        threading.Thread(target=self._wait, name=f"venom-otel-child-{self.record.pid}", daemon=True).start()

    def _wait(self) -> None:
        with contextlib.suppress(OSError, psutil.Error):
            if hasattr(os, "waitid"):  # not on macOS before Python 3.13
                os.waitid(os.P_PID, self.record.pid, os.WEXITED | os.WNOWAIT)
                # Until it has been waited for, its number is nobody else's.
                self.left = frozenset(each for each in group(self.record) if each.pid != self.record.pid)
        self.ended.set_result(self._process.wait())


def ending(status: int) -> str:
    """How a process ended, in words; `status` as `Popen.returncode`."""
    if status >= 0:
        return f"ended with status {status}"
    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
