"""Opening the state's file: made whole or not at all, brought up to date, and refused in words where it is not ours.

A file is known by SQLite's `application_id` and `user_version`, as the store's is.
"""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StateError
from venom_otel.state.sql import statement, versions

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID: Final = 0x76656E73
"""`vens`."""

BUSY_S: Final = 0.25
"""The most that a statement waits for another program: some are made in the event loop."""

# https://www.sqlite.org/fileformat.html#the_database_header
_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_APPLICATION_ID: Final = slice(68, 72)


class ForeignFileError(StateError):
    """The file is another program's, or of a newer version; it is left untouched."""


def open_state(path: Path) -> sqlite3.Connection:
    """Open the state at `path`, creating or upgrading it first; usable from any thread, by one at a time.

    Raises:
        ForeignFileError: it is not ours to write.
        OSError, sqlite3.Error: it cannot be made, read or brought up to date.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))  # SQLite gives its log the same mode
    _check(path)
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S
    )
    try:
        _upgrade(path, connection)
        connection.executescript(statement("open"))
    except BaseException:
        connection.close()
        raise
    return connection


def _check(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    ours = header.startswith(_MAGIC) and int.from_bytes(header[_APPLICATION_ID], "big") == APPLICATION_ID
    if header and not ours:  # an empty one was just made, or was never finished
        raise ForeignFileError(
            f"{path} is not a file of venom-otel and is left untouched. "
            "Set VENOM_OTEL_DATA_DIR to another directory, or move the file away."
        )


def _upgrade(path: Path, connection: sqlite3.Connection) -> None:
    steps = versions()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version > len(steps):
        raise ForeignFileError(
            f"{path} was written by a newer venom-otel (state version {version}, this one knows {len(steps)}) and is left untouched. "
            "Upgrade venom-otel, or set VENOM_OTEL_DATA_DIR to another directory."
        )
    for number, ddl in enumerate(steps[version:], version + 1):
        connection.executescript(
            f"BEGIN IMMEDIATE;\nPRAGMA application_id = {APPLICATION_ID};\n{ddl}\nPRAGMA user_version = {number};\nCOMMIT;"
        )
