"""The checkout as a whole: what is in it."""

from __future__ import annotations

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]


def tracked(*under: str) -> list[Path]:
    """The files that version control has, below the given folders or all, relative to `ROOT`; not those deleted here."""
    listed = subprocess.run(["git", "ls-files", "-z", *under], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [Path(name) for name in listed.split("\0") if name and (ROOT / name).is_file()]


def texts(*under: str) -> dict[Path, str]:
    """Those of them that hold text, with it."""
    found = {}
    for path in tracked(*under):
        content = (ROOT / path).read_bytes()
        if b"\0" not in content:
            found[path] = content.decode("utf-8", errors="replace")
    return found
