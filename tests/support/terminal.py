"""What a program shows in a terminal, up to its end."""

from __future__ import annotations

import contextlib
import os


def shown(controller: int, seen: bytes = b"") -> str:
    """All of it, read from the terminal's other side, after what was `seen` already; ends with the last program that has the terminal open.

    Not by one read: the system hands over what was written a piece at a time, and takes its own time for it.
    """
    with contextlib.suppress(OSError):  # there is no more
        while piece := os.read(controller, 65536):
            seen += piece
    return seen.decode().replace("\r\n", "\n")
