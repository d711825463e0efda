"""A small file system of its own for a process: a tmpfs that nobody else sees, gone with the process."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
from pathlib import Path

_MOUNT = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && shift 2 && exec "$@"'


@functools.cache
def unshare() -> tuple[str, ...]:
    """The command that gives a process mounts of its own: as root, else by a user namespace; empty where neither is allowed."""
    if (program := shutil.which("unshare")) is None:
        return ()
    for flags in (["--mount"], ["--mount", "--user", "--map-root-user"]):
        words = [program, *flags, "sh", "-c", 'mount -t tmpfs tmpfs "$1"', "sh", os.sep + "mnt"]
        if subprocess.run(words, capture_output=True, check=False).returncode == 0:
            return (program, *flags)
    return ()


def within(folder: Path, size: int) -> tuple[str, ...]:
    """A command that starts another one, in the same process, for which `folder` is an empty disk of `size` bytes."""
    return (*unshare(), "sh", "-c", _MOUNT, "sh", str(size), str(folder))


def seen_by(pid: int, folder: Path) -> Path:
    """The same folder as that process sees it."""
    return Path(f"/proc/{pid}/root{folder}")
