"""The embedded store: SQLite on this machine, one process writing, any number reading."""

from __future__ import annotations

import asyncio
import fcntl
import os
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StoreError
from venom_otel.store.embedded import logs, metrics, reads
from venom_otel.store.embedded.aggregates import Aggregates
from venom_otel.store.embedded.ingest import Ingest
from venom_otel.store.embedded.pool import ReadPool
from venom_otel.store.embedded.schema import open_writer
from venom_otel.store.embedded.search import search
from venom_otel.store.embedded.streams import DEFAULT_LIMIT
from venom_otel.store.embedded.upkeep import Retention, Upkeep
from venom_otel.store.embedded.usage import usage
from venom_otel.store.embedded.writer import Writer
from venom_otel.store.protocol import Past, Spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from venom_otel.settings import CockpitSettings
    from venom_otel.store.protocol import (
        Aggregate,
        Dimension,
        Found,
        LogFilter,
        LogRecord,
        MetricFilter,
        MetricPoint,
        MetricSeries,
        Purged,
        RequestFilter,
        RequestSummary,
        Search,
        Signal,
        Usage,
        Written,
    )

_MIB: Final = 1024 * 1024
_DAY_S: Final = 86_400
_FOR_EVER: Final = Retention()


class EmbeddedStore:
    """A `TelemetryStore` in one file, made where there is none.

    What is written is kept whole, as compressed blocks of the raw requests; requests to models also become rows of a list, and every
    trace is found by its id. Data points and log records become rows, too, found by their series, their service and their time.

    Args:
        path: the file; beside it lie SQLite's log and a lock.
        min_free_bytes: free disk space below which nothing more is stored.
        max_queue_bytes: most bytes that may wait for the disk.
        max_series: most streams of metric points that are kept; points of further ones are rejected.
        retention: how long and how much is kept.

    Raises:
        StoreFormatError: the file is another program's, or of a newer version.
        StoreError: it cannot be opened, or another process writes it.
    """

    def __init__(
        self,
        path: Path,
        *,
        min_free_bytes: int = 64 * _MIB,
        max_queue_bytes: int = 64 * _MIB,
        max_series: int = DEFAULT_LIMIT,
        retention: Retention = _FOR_EVER,
    ) -> None:
        self._lock = _lock(path)
        try:
            writer = _writer(path, min_free_bytes, max_series)
        except BaseException:
            os.close(self._lock)
            raise
        self._writer = writer
        self._path = path
        self._ingest = Ingest(writer, Upkeep(writer, path, retention, min_free_bytes), max_queue_bytes)
        self._reads = ReadPool(path)
        self._aggregates = Aggregates(writer.changes)
        self._open = True

    @classmethod
    def from_settings(cls, path: Path, settings: CockpitSettings) -> Self:
        """The store at `path`, with the limits that the settings give."""
        return cls(
            path,
            min_free_bytes=settings.min_free_bytes,
            max_queue_bytes=settings.max_queue_bytes,
            max_series=settings.max_series,
            retention=Retention(settings.retention_days * _DAY_S, settings.retention_bytes),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def write(self, signal: Signal, request: bytes) -> Future[Written]:
        """See `TelemetryStore.write`."""
        return self._ingest.submit(signal, request)

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """See `TelemetryStore.subscribe`."""
        return self._ingest.subscribe(listener)

    @property
    def past(self) -> Past:
        """See `TelemetryStore.past`: nobody is asked."""
        return Past()

    @property
    def missing(self) -> None:
        """See `TelemetryStore.missing`: this one has all it holds."""

    async def uncounted(self, since_ns: int) -> None:
        """See `TelemetryStore.uncounted`: this one counts all it holds."""

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """See `TelemetryStore.requests`."""
        return await self._reads.run(reads.requests, which, limit)

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """See `TelemetryStore.request`."""
        return await self._reads.run(reads.request, bytes.fromhex(trace_id), bytes.fromhex(span_id))

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """See `TelemetryStore.search`."""
        return await self._reads.run(search, which, query, limit)

    async def aggregates(self, which: RequestFilter, *, by: Sequence[Dimension] = (), step_ns: int | None = None) -> Sequence[Aggregate]:
        """See `TelemetryStore.aggregates`."""
        return await self._reads.run(self._aggregates.ask, which, by, step_ns)

    async def trace(self, trace_id: str) -> Spans:
        """See `TelemetryStore.trace`."""
        return Spans(await self._reads.run(reads.trace, bytes.fromhex(trace_id)))

    async def logs(self, which: LogFilter, limit: int) -> Found[LogRecord]:
        """See `TelemetryStore.logs`."""
        return await self._reads.run(logs.logs, which, limit)

    async def metric_series(self, which: MetricFilter, limit: int) -> Sequence[MetricSeries]:
        """See `TelemetryStore.metric_series`."""
        return await self._reads.run(metrics.series, which, limit)

    async def metric_points(self, series: int, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """See `TelemetryStore.metric_points`."""
        return await self._reads.run(metrics.points, series, since_ns, until_ns, limit)

    async def usage(self) -> Usage:
        """See `TelemetryStore.usage`."""
        return await self._reads.run(usage, self._path)

    async def purge(self, before_ns: int | None) -> Purged:
        """See `TelemetryStore.purge`."""
        return await asyncio.wrap_future(self._ingest.purge(before_ns))

    def close(self) -> None:
        """See `TelemetryStore.close`."""
        if self._open:
            self._open = False
            self._ingest.close()
            self._reads.close()
            self._writer.close()
            os.close(self._lock)


def _writer(path: Path, min_free_bytes: int, max_series: int) -> Writer:
    connection = open_writer(path)
    try:
        return Writer(connection, path, min_free_bytes, max_series)
    except BaseException:
        connection.close()
        raise


def _lock(path: Path) -> int:
    """Keep other writers out until the process ends or the file is closed."""
    lock = path.with_name(f"{path.name}.lock")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StoreError(f"the store {path} cannot be opened: {error}. Check the directory's permissions and free space.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        owner = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise StoreError(
            f"the store {path} is written by another venom-otel (process {owner or 'unknown'}). "
            "End that one, or set VENOM_OTEL_DATA_DIR to another directory."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor
