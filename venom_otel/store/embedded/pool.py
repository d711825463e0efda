"""Read connections, one for each reading thread, so that the event loop never waits for the disk."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Concatenate, Final, ParamSpec, TypeVar

from venom_otel.errors import StoreError
from venom_otel.store.embedded.schema import open_reader

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

P = ParamSpec("P")
T = TypeVar("T")

READERS: Final = 4


class ReadPool:
    """Runs read functions in worker threads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self._opened: list[sqlite3.Connection] = []
        self._threads = ThreadPoolExecutor(READERS, "venom-otel-read")

    async def run(self, read: Callable[Concatenate[sqlite3.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Call `read` with a connection of its own thread's.

        Raises:
            StoreError: the store is closed or its file cannot be read.
        """

        def work() -> T:
            try:
                return read(self._connection(), *args, **kwargs)
            except sqlite3.Error as error:
                raise StoreError(f"the store {self._path} cannot be read: {error}") from error

        try:
            future = self._threads.submit(work)
        except RuntimeError:  # what an executor says after its end
            raise StoreError("the store is closed") from None
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Let running reads finish and release the connections."""
        self._threads.shutdown(wait=True)
        while self._opened:
            self._opened.pop().close()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._own, "connection", None)
        if connection is None:
            connection = self._own.connection = open_reader(self._path)
            self._opened.append(connection)
        return connection
