"""What the store holds and needs, from counters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.store.embedded.sql import statement
from venom_otel.store.protocol import Signal, Usage

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

ITEMS: Final = {Signal.TRACES: "spans", Signal.METRICS: "points", Signal.LOGS: "records"}
"""The counters of what is kept of each signal."""
_FILES: Final = ("", "-wal", "-shm")


def usage(connection: sqlite3.Connection, path: Path) -> Usage:
    """See `TelemetryStore.usage`."""
    connection.execute("BEGIN")
    try:
        counters = dict(connection.execute(statement("counters")))
        oldest = connection.execute(statement("oldest_arrival")).fetchone()
    finally:
        connection.execute("COMMIT")
    return Usage(
        items={signal: counters[name] for signal, name in ITEMS.items()},
        requests=counters["requests"],
        size_bytes=sum(_size(path.with_name(path.name + suffix)) for suffix in _FILES),
        oldest_ns=oldest[0] if oldest else None,
    )


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
