"""The per-user cache of what the tests build, and how something gets into it: once, whole, or not at all."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class ToolError(Exception):
    """A build cannot go on; the message says what is missing and which command brings it."""


def cache_dir() -> Path:
    """The cache's root: `$XDG_CACHE_HOME/venom-otel`, by default `~/.cache/venom-otel`.

    A relative `XDG_CACHE_HOME` is ignored, as the XDG Base Directory Specification asks.
    """
    configured = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (configured if configured.is_absolute() else Path.home() / ".cache") / "venom-otel"


def key(*parts: str) -> str:
    """Eight hex digits that change whenever one of `parts` (versions, flags, hashes) does."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


def build_once(target: Path, build: Callable[[Path], None]) -> Path:
    """Return the directory `target`, made by `build` where it is missing.

    `build` gets an empty directory that becomes `target` by one rename when it returns, so that a build that fails or is killed leaves
    nothing behind that looks finished. Runs side by side wait for one another; the second finds the first's result.
    """
    if target.is_dir():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with _locked(target.parent / ".lock", waiting_for=target.name):
        if not target.is_dir():
            with tempfile.TemporaryDirectory(prefix=".building-", dir=target.parent) as scratch:
                result = Path(scratch, "result")
                result.mkdir()
                build(result)
                result.rename(target)
    return target


@contextlib.contextmanager
def _locked(path: Path, *, waiting_for: str) -> Iterator[None]:
    with path.open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"waiting for another run that builds {waiting_for}", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
