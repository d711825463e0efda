"""Finds the Chromium that the browser tests drive, or installs Debian's: `python -m tools.chromium` prints where it lies.

Playwright's own browser is not used: it would be one more download from one more host.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from tools import programs
from tools.cache import ToolError

if TYPE_CHECKING:
    from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
MAC = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "~/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def find() -> Path | None:
    """Where Chromium or Chrome lies: the variable `CHROMIUM`, then PATH, then macOS's applications; None where there is none.

    Raises:
        ToolError: `CHROMIUM` is set, but names no program.
    """
    if configured := os.environ.get("CHROMIUM"):
        path = programs.find(configured)
        if path is None:
            raise ToolError(f"CHROMIUM={configured} is no program; set it to a Chromium or Chrome, or unset it to have one looked for")
        return path
    return programs.find(*NAMES, elsewhere=MAC)


def ensure() -> Path:
    """Where Chromium lies, after installing Debian's package where there was none.

    Raises:
        ToolError: there is none, and none can be installed without asking a person.
    """
    if (path := find()) is None:
        programs.install(
            "Chromium, for the browser tests,",
            debian=("chromium",),
            elsewhere="Install Chromium or Google Chrome, or set CHROMIUM to where one lies.",
        )
        path = find()
    if path is None:
        raise ToolError("Chromium was installed but is not found on PATH; set CHROMIUM to where it lies")
    return path


def main() -> int:
    try:
        print(ensure())
    except ToolError as error:
        print(f"chromium: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
