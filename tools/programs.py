"""Programs from outside Python: found where they are, brought by the system's packages where that needs no question, else named."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.cache import ToolError


def find(*names: str, elsewhere: tuple[str, ...] = ()) -> Path | None:
    """The first of `names` on PATH, else the newest file that fits one of the patterns `elsewhere`; None where there is none."""
    for name in names:
        if found := shutil.which(name):
            return Path(found)
    for pattern in elsewhere:
        absolute = Path(pattern).expanduser()
        for path in sorted(Path("/").glob(str(absolute.relative_to("/"))), reverse=True):
            if os.access(path, os.X_OK):
                return path
    return None


def install(what: str, *, debian: tuple[str, ...], elsewhere: str) -> None:
    """Install Debian's packages for `what`, as root or by a sudo that asks nothing.

    Raises:
        ToolError: that is not possible here; the message says what a person should run, `elsewhere` than on Debian.
    """
    if shutil.which("apt-get") is None:
        raise ToolError(f"{what} is missing. {elsewhere}")
    command = f"apt-get install -y --no-install-recommends {' '.join(debian)}"
    if os.geteuid() == 0:
        prefix: list[str] = []
    elif shutil.which("sudo") and subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        prefix = ["sudo", "-n"]
    else:
        raise ToolError(f"{what} is missing. Run: sudo apt-get update && sudo {command}")
    print(f"{what} is missing: {' '.join([*prefix, command])}", file=sys.stderr, flush=True)
    prefix += ["env", "DEBIAN_FRONTEND=noninteractive"]
    quiet = ["-qq", "--option=Dpkg::Use-Pty=0"]
    for program, *arguments in (["apt-get", "update"], command.split()):
        # An update that fails for one of several sources still leaves lists that may do; the install's own status decides.
        done = subprocess.run([*prefix, program, *quiet, *arguments], stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise ToolError(f"{what} is missing, and `{command}` failed with status {done.returncode}; its words are above")


def run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    """Run a command of a build in `directory`; what it prints goes to standard error.

    Raises:
        ToolError: it failed.
    """
    done = subprocess.run(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise ToolError(f"`{' '.join(command)}` failed with status {done.returncode}; its words are above")
