"""What a program has shown in a terminal, once it has ended."""

from __future__ import annotations

import contextlib
import os


def shown(controller: int) -> str:
    """All of it, read from the terminal's other side; to be called when nobody has the terminal itself open any more.

    Not by one read: the system hands over what was written a piece at a time, and takes its own time for it.
    """
    seen = b""
    with contextlib.suppress(OSError):  # there is no more
        while piece := os.read(controller, 65536):
            seen += piece
    return seen.decode().replace("\r\n", "\n")
