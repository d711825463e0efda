"""Opening the store's file: made whole or not at all, brought up to date, and refused in words where it is not ours.

A file is known by SQLite's `application_id` and `user_version`. A file of another program or of a newer version is not even opened for
writing: both numbers are read from the file's first bytes.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StoreError, StoreFormatError
from venom_otel.store.embedded.rollups import add_functions
from venom_otel.store.embedded.sql import statement, versions

if TYPE_CHECKING:
    from pathlib import Path

APPLICATION_ID: Final = 0x76656E6D
"""`venm`."""

_MAGIC: Final = b"SQLite format 3\x00"
_HEADER_BYTES: Final = 100
_USER_VERSION: Final = slice(60, 64)
_APPLICATION_ID: Final = slice(68, 72)


def current_version() -> int:
    """The version that this program writes."""
    return versions()[-1].number


def open_writer(path: Path) -> sqlite3.Connection:
    """Open the store at `path` for the one thread that writes, creating or upgrading it first.

    Raises:
        StoreFormatError: another program's file, or one of a newer version; it is left untouched.
        StoreError: the file cannot be made, read or brought up to date.
    """
    try:
        if not path.exists():
            _create(path)
        _check(path)
        connection = _connect(path, "rw")
        try:
            upgrade(connection)
            connection.executescript(statement("open_writer"))
        except BaseException:
            connection.close()
            raise
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store {path} cannot be opened: {error}. Check the directory's permissions and free space.") from error
    return connection


def open_reader(path: Path) -> sqlite3.Connection:
    """Open the store at `path` for reading; it must exist."""
    connection = _connect(path, "ro")
    connection.executescript(statement("open_reader"))
    return connection


def open_archive(path: Path) -> sqlite3.Connection:
    """Open the store at `path` for reading from another process than the one that may write it.

    Raises:
        StoreFormatError: another program's file, or one of a newer version.
        StoreError: there is none, it cannot be read, or it is of an older version.
    """
    if not path.exists():
        raise StoreError(f"there is no store at {path} yet. `venom-otel up` makes one, and `venom-otel import` fills it.")
    try:
        _check(path)
        connection = open_reader(path)
        version = _version(connection)
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"the store {path} cannot be opened: {error}. Check its permissions.") from error
    if version < current_version():
        connection.close()
        raise StoreError(
            f"{path} was written by an older venom-otel (store version {version}, this one writes {current_version()}). "
            "Start `venom-otel up` once, which brings it up to date; end one that still runs first."
        )
    return connection


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False)


def _create(path: Path) -> None:
    """Make the file beside its place and move it there, so that no half-made store is ever found."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.new")
    draft.unlink(missing_ok=True)
    with closing(_connect(draft, "rwc")) as connection:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        upgrade(connection)
    draft.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _check(path: Path) -> None:
    with path.open("rb") as file:
        header = file.read(_HEADER_BYTES)
    application = int.from_bytes(header[_APPLICATION_ID], "big")
    if not header.startswith(_MAGIC) or application != APPLICATION_ID:
        raise StoreFormatError(
            f"{path} is not a store of venom-otel and is left untouched. "
            "Set VENOM_OTEL_DATA_DIR to another directory, or move the file away."
        )
    _refuse_newer(path, int.from_bytes(header[_USER_VERSION], "big"))
    # An upgrade that was never moved from the write-ahead log into the file is seen only through SQLite.
    with closing(_connect(path, "ro")) as connection:
        _refuse_newer(path, _version(connection))


def _refuse_newer(path: Path, version: int) -> None:
    if version > current_version():
        raise StoreFormatError(
            f"{path} was written by a newer venom-otel (store version {version}, this one knows {current_version()}) "
            "and is left untouched. Upgrade venom-otel, or set VENOM_OTEL_DATA_DIR to another directory."
        )


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def upgrade(connection: sqlite3.Connection) -> None:
    """Apply every step after the file's own version, each in a transaction with its number."""
    add_functions(connection)
    for step in versions():
        if step.number > _version(connection):
            connection.executescript(f"BEGIN IMMEDIATE;\n{step.ddl}\nPRAGMA user_version = {step.number};\nCOMMIT;")
