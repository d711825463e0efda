"""What telemetry cannot hold, in a SQLite file beside it: operations, the audit, and what `alerts.py` and `tasks.py` keep here.

There are few of them and each is small, so that everything here takes well under a millisecond and may be called in an event loop.
"""

from __future__ import annotations

import contextlib
import logging
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import StateError
from venom_otel.state.model import AuditEntry, AuditPage, Kind, Operation, OperationState, Outcome, Wanted
from venom_otel.state.schema import ForeignFileError, open_state
from venom_otel.state.sql import statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path
    from types import TracebackType
    from typing import Self

FILE: Final = "state.sqlite3"
"""Its name in the data directory."""

MOST_OPERATIONS: Final = 1_000
MOST_AUDITED: Final = 10_000
KEPT_NS: Final = 400 * 86_400 * 1_000_000_000
"""More than a year; both numbers above hold besides."""

_OUTCOMES: Final[Mapping[OperationState, Outcome]] = {
    OperationState.RUNNING: Outcome.BEGUN,
    OperationState.SUCCEEDED: Outcome.SUCCEEDED,
    OperationState.FAILED: Outcome.FAILED,
    OperationState.INTERRUPTED: Outcome.INTERRUPTED,
    OperationState.CANCELLED: Outcome.CANCELLED,
}

logger: Final = logging.getLogger("venom_otel")


class State:
    """Operations and the audit. A context manager; its methods may be called from any thread, and raise `StateError` with words.

    Where the file cannot be opened, because the disk is full or the directory not writable, each call tries again. What the disk refuses
    is not kept; what is there can still be read. Operations that a program which has ended left running are interrupted.

    Args:
        path: the file, made where there is none; one process at a time may use it.

    Raises:
        StateError: the file is another program's, or of a newer version.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._closed = False
        self._running: set[str] = set()
        """Those that were begun here; all others that the file calls running were left behind."""
        try:
            self._open()
        except ForeignFileError:
            raise
        except StateError as error:
            logger.warning("venom_otel: %s", error)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._closed = True
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def begun(self, operation: Operation) -> None:
        """Keep an operation that begins now, with its line in the audit; what is too old or too much goes."""
        with self.writing() as connection:
            connection.execute(statement("insert_operation"), _columns(operation))
            _audit(connection, operation, operation.created_ns)
            connection.execute(statement("prune_operations"), {"since_ns": operation.created_ns - KEPT_NS, "most": MOST_OPERATIONS})
        self._running.add(operation.id)

    def finished(self, operation: Operation) -> None:
        """Keep how an operation ended, with its line in the audit."""
        with self.writing() as connection:
            _finish(connection, operation)
        self._running.discard(operation.id)

    def refused(self, wanted: Wanted, words: str, at_ns: int) -> None:
        """Keep in the audit that something was asked for and not begun."""
        with self.writing() as connection:
            _add_to_audit(connection, {"at_ns": at_ns, **_asked(wanted), "outcome": Outcome.REFUSED, "detail": words, "operation_id": None})

    def operation(self, operation_id: str) -> Operation | None:
        """The operation of that id."""
        found = self.read("operation", {"id": operation_id})
        return self._operation(found[0]) if found else None

    def operations(self, server: str | None, limit: int) -> Sequence[Operation]:
        """The newest operations, newest first.

        Args:
            server: those of this one; None for all.
            limit: the most of them.
        """
        query = "operations" if server is None else "operations_of_server"
        return [self._operation(row) for row in self.read(query, {"server": server, "limit": limit})]

    def audit(self, before: int | None, limit: int, server: str | None = None) -> AuditPage:
        """Lines of the audit, newest first.

        Args:
            before: the `older` of the page that came before; None for the newest.
            limit: the most of them.
            server: those about this one; None for all.
        """
        rows = self.read("audit", {"before": 2**63 - 1 if before is None else before, "limit": limit + 1, "server": server})
        page = rows[:limit]
        return AuditPage([_entry(row) for row in page], older=page[-1]["number"] if len(rows) > limit else None)

    def _operation(self, row: sqlite3.Row) -> Operation:
        state = OperationState(row["state"])
        if state is OperationState.RUNNING and row["id"] not in self._running:
            state = OperationState.INTERRUPTED
        return Operation(row["id"], _wanted(row), state, row["created_ns"], row["finished_ns"], row["error"])

    def read(self, name: str, arguments: Mapping[str, Any]) -> list[sqlite3.Row]:
        """The rows of a query of this room's, by its name."""
        with self._lock, self._in_words():
            return self._open().execute(statement(name), arguments).fetchall()

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction of this room's: all of it is kept, or nothing."""
        with self._lock, self._in_words():
            connection = self._open()
            with _transaction(connection):
                yield connection

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StateError(
                f"what is kept in {self._path} cannot be read or written: {error}. Check the directory's permissions and free "
                "space, then try again."
            ) from error

    def _open(self) -> sqlite3.Connection:
        if self._connection is not None:
            return self._connection
        if self._closed:
            raise StateError(f"{self._path} is closed: venom-otel is ending.")
        try:
            connection = open_state(self._path)
        except (OSError, sqlite3.Error) as error:
            raise StateError(
                f"{self._path}, for operations, tasks and alerts, cannot be opened: {error}. Check the directory's permissions and free "
                "space. Until then no model server can be told anything from here, and no task begun."
            ) from error
        connection.row_factory = sqlite3.Row
        self._connection = connection
        self._interrupt(connection)
        return connection

    def _interrupt(self, connection: sqlite3.Connection) -> None:
        """Finish what a program that has ended left running; where the disk refuses that, reading says the same."""
        try:
            with _transaction(connection):
                for row in connection.execute(statement("running")).fetchall():
                    left = Operation(row["id"], _wanted(row), OperationState.INTERRUPTED, row["created_ns"], time.time_ns())
                    _finish(connection, left)
        except sqlite3.Error as error:
            logger.warning("venom_otel: the operations in %s that were interrupted stay as they are: %s", self._path, error)


@contextlib.contextmanager
def _transaction(connection: sqlite3.Connection) -> Iterator[None]:
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk may have ended it already
            connection.execute("ROLLBACK")
        raise


def _finish(connection: sqlite3.Connection, operation: Operation) -> None:
    connection.execute(statement("finish_operation"), _columns(operation))
    _audit(connection, operation, operation.finished_ns or operation.created_ns)


def _audit(connection: sqlite3.Connection, operation: Operation, at_ns: int) -> None:
    line = {"at_ns": at_ns, "outcome": _OUTCOMES[operation.state], "detail": operation.error, "operation_id": operation.id}
    _add_to_audit(connection, line | _asked(operation.wanted))


def _add_to_audit(connection: sqlite3.Connection, line: Mapping[str, Any]) -> None:
    """Add a line; what is too old or too much goes."""
    connection.execute(statement("insert_audit"), line)
    connection.execute(statement("prune_audit"), {"since_ns": line["at_ns"] - KEPT_NS, "most": MOST_AUDITED})


def _columns(operation: Operation) -> dict[str, Any]:
    return {
        "id": operation.id,
        **_asked(operation.wanted),
        "state": operation.state,
        "created_ns": operation.created_ns,
        "finished_ns": operation.finished_ns,
        "error": operation.error,
    }


def _asked(wanted: Wanted) -> dict[str, Any]:
    return {"kind": wanted.kind, "server": wanted.server, "provider": wanted.provider, "model": wanted.model, "asked_by": wanted.by}


def _wanted(row: sqlite3.Row) -> Wanted:
    return Wanted(Kind(row["kind"]), row["server"], row["provider"], row["model"], row["asked_by"])


def _entry(row: sqlite3.Row) -> AuditEntry:
    return AuditEntry(row["at_ns"], _wanted(row), Outcome(row["outcome"]), row["detail"], row["operation_id"])
