"""Processes by PID and by what tells one from a later one of the same PID, and all that belongs to one."""

from __future__ import annotations

import contextlib
import functools
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterator

_STATE, _THREADS, _STARTED = 0, 17, 19
"""Fields 3, 20 and 22 of /proc/PID/stat, counted from behind the program's name (proc_pid_stat(5))."""
_DEAD: Final = frozenset({b"Z", b"X", b"x"})


class Record(NamedTuple):
    """A process, as a PID file names it."""

    pid: int
    mark: str
    """Tells it from a later one of this PID. Linux: when it began, in clock ticks since the boot, and the boot's id; elsewhere, what
    `LC_ALL=C ps -o lstart= -p PID` prints, with single spaces."""


def record(pid: int, *, dead: bool = False) -> Record | None:
    """The living process of that PID; with `dead`, also one that has ended and waits for its parent to hear of it."""
    mark = _mark(pid, dead=dead)
    return None if mark is None else Record(pid, mark)


def lives(known: Record) -> bool:
    """Whether that very process is there and has not ended."""
    return _mark(known.pid, dead=False) == known.mark


def written(known: Record) -> str:
    """A process as PID files have it, which scripts write and compare too: the PID, and in the next line what the system prints itself."""
    mark = known.mark
    if sys.platform != "linux":
        command = ["/bin/ps", "-o", "lstart=", "-p", str(known.pid)]
        printed = subprocess.run(command, env={"LC_ALL": "C"}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)  # noqa: S603
        mark = printed.stdout.rstrip("\n") or mark
    return f"{known.pid}\n{mark}\n"


def since_ns(known: Record) -> int | None:
    """When a living process began, in nanoseconds since the epoch."""
    with contextlib.suppress(psutil.Error):
        began = psutil.Process(known.pid).create_time()
        return int(began * 1e9) if lives(known) else None
    return None


class Tree:
    """A living process and what belongs to it: the group it leads and all that they started. Keeps it in sight while it ends.

    All methods read the list of processes, which takes milliseconds: call them outside the event loop.
    """

    def __init__(self, root: Record) -> None:
        self._root = root
        self._seen: set[psutil.Process] = set()
        self._leads = False
        with contextlib.suppress(OSError):
            # One that does not lead its group was started by a script, whose group may hold anything.
            self._leads = os.getpgid(root.pid) == root.pid and lives(root)

    def living(self) -> frozenset[psutil.Process]:
        """Those that have not ended."""
        if lives(self._root):
            with contextlib.suppress(psutil.Error):
                root = psutil.Process(self._root.pid)
                self._seen |= {root, *root.children(recursive=True)}
        if self._leads:
            self._seen.update(group(self._root))
        self._seen = {each for each in self._seen if _runs(each)}
        return frozenset(self._seen)

    def send(self, number: int) -> None:
        """Send a signal to each.

        Raises:
            PermissionError: one belongs to another user.
        """
        send(self.living(), number)


def group(leader: Record) -> Iterator[psutil.Process]:
    """The processes of the group that `leader` leads, or led: its number is given to no other process while one of them is there."""
    now = record(leader.pid, dead=True)
    if now is not None and now != leader:
        return  # all have ended, and the number has been given again
    for pid in psutil.pids():
        with contextlib.suppress(OSError, psutil.NoSuchProcess):
            if os.getpgid(pid) == leader.pid and pid != os.getpid():
                yield psutil.Process(pid)


def send(processes: frozenset[psutil.Process], number: int) -> None:
    """Send a signal to each of these very processes, not to later ones of the same PIDs.

    Raises:
        PermissionError: one belongs to another user.
    """
    for each in processes:
        try:
            each.send_signal(number)
        except psutil.NoSuchProcess:
            pass
        except psutil.AccessDenied:
            raise PermissionError(each.pid) from None


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and record(process.pid) is not None


def _mark(pid: int, *, dead: bool) -> str | None:
    if sys.platform != "linux":
        return _started(pid, dead=dead)
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        # Its first thread may have ended before the others: until they have, its sockets are open.
        if fields[_STATE] in _DEAD and int(fields[_THREADS]) <= 1 and not dead:
            return None
        return f"{int(fields[_STARTED])} {_boot()}"
    except (OSError, IndexError, ValueError):
        return None


def _started(pid: int, *, dead: bool) -> str | None:
    try:
        process = psutil.Process(pid)
        if process.status() == psutil.STATUS_ZOMBIE and not dead:
            return None
        began = time.localtime(int(process.create_time()))
        return f"{time.strftime('%a %b', began)} {began.tm_mday} {time.strftime('%H:%M:%S %Y', began)}"
    except psutil.Error:
        return None


@functools.lru_cache(maxsize=1)
def _boot() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
