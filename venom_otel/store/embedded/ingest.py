"""The one thread that writes: it decodes what waits, commits it as a group and only then answers each sender; in between it deletes."""

from __future__ import annotations

import logging
import queue
import sqlite3
import threading
import time
from collections import OrderedDict
from concurrent.futures import Future
from typing import TYPE_CHECKING, Final, NamedTuple

from venom_otel.errors import PayloadError, StoreBusyError, StoreError
from venom_otel.store.embedded.decode import DIGEST_BYTES, Decoder
from venom_otel.store.embedded.upkeep import Purge
from venom_otel.store.protocol import Written

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from venom_otel.store.embedded.decode import Decoded
    from venom_otel.store.embedded.upkeep import Upkeep
    from venom_otel.store.embedded.writer import Writer
    from venom_otel.store.protocol import Purged, Signal

_logger: Final = logging.getLogger(__name__)

GROUP_S: Final = 0.2
"""A group is closed when nothing waits, or after so long."""
GROUP_ITEMS: Final = 32_768
_INTERRUPT_S: Final = 0.1
REMEMBERED: Final = 32_768
"""Requests that are recognised when they are sent again: minutes at full speed, more than exporters go on trying."""


class Waiting(NamedTuple):
    """A request on its way to the disk."""

    signal: Signal
    raw: bytes
    done: Future[Written]


class Ingest:
    """Takes requests from any thread; the future it gives resolves after the commit."""

    def __init__(self, writer: Writer, upkeep: Upkeep, max_queue_bytes: int) -> None:
        self._writer = writer
        self._upkeep = upkeep
        self._max_queue_bytes = max_queue_bytes
        self._decoder = Decoder(writer.streams)
        self._recent: OrderedDict[bytes, None] = OrderedDict.fromkeys(reversed(list(writer.recent_digests(REMEMBERED))))
        self._queue: queue.SimpleQueue[Waiting | Purge | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._bytes = 0
        self._closed = False
        self._listeners: dict[object, Callable[[int], None]] = {}
        self._refusing = False
        self._log_stuck = False
        self._thread = threading.Thread(target=self._run, name="venom-otel-store", daemon=True)
        self._thread.start()

    def submit(self, signal: Signal, raw: bytes) -> Future[Written]:
        """Queue a request; see `TelemetryStore.write`."""
        done: Future[Written] = Future()
        with self._lock:
            if self._closed:
                done.set_exception(StoreError("the store is closed"))
            elif self._bytes and self._bytes + len(raw) > self._max_queue_bytes:  # a request alone is always let in
                done.set_exception(StoreBusyError(f"{self._bytes} bytes already wait to be stored; try again in a moment"))
            else:
                self._bytes += len(raw)
                self._queue.put(Waiting(signal, raw, done))
        return done

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """See `TelemetryStore.subscribe`."""
        token = object()
        with self._lock:
            self._listeners[token] = listener

        def unsubscribe() -> None:
            with self._lock:
                self._listeners.pop(token, None)

        return unsubscribe

    def purge(self, before_ns: int | None) -> Future[Purged]:
        """Delete what is stored when the order is met in the queue; see `TelemetryStore.purge`."""
        done: Future[Purged] = Future()
        with self._lock:
            if self._closed:
                done.set_exception(StoreError("the store is closed"))
            else:
                self._queue.put(Purge(before_ns, done))
        return done

    def close(self) -> None:
        """Store what waits, then stop. Calling it twice does no harm."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        while self._thread.is_alive():
            self._writer.interrupt_vacuum()
            self._thread.join(_INTERRUPT_S)

    def _run(self) -> None:
        while (first := self._next()) is not None:
            group, last = self._gather(first)
            self._store(group)
            if last:
                break
            if self._queue.empty():
                self._checkpoint()
            if self._upkeep.pause() <= 0:
                self._keep_up(idle=False)
        self._upkeep.close()

    def _next(self) -> Waiting | None:
        """Wait for a request, None at the end; while none comes, what is old is deleted."""
        while True:
            try:
                return self._get(self._upkeep.pause())
            except queue.Empty:
                self._keep_up(idle=True)

    def _get(self, timeout: float) -> Waiting | None:
        """The next request, None at the end; orders on the way are handed on."""
        while isinstance(item := self._queue.get(timeout=timeout), Purge):
            self._upkeep.add(item)
            timeout = 0
        return item

    def _keep_up(self, *, idle: bool) -> None:
        for digests in self._upkeep.step(idle=idle):
            for start in range(0, len(digests), DIGEST_BYTES):
                self._recent.pop(digests[start : start + DIGEST_BYTES], None)

    def _gather(self, first: Waiting) -> tuple[list[tuple[Waiting, Decoded]], bool]:
        """Decode what waits until nothing does, or the group is large or old enough; true where the end of the queue was met."""
        deadline, items = time.monotonic() + GROUP_S, 0
        group: list[tuple[Waiting, Decoded]] = []
        waiting: Waiting | None = first
        while waiting is not None:
            decoded = self._decode(waiting)
            if decoded is not None:
                group.append((waiting, decoded))
                items += decoded.items
            if items >= GROUP_ITEMS or time.monotonic() >= deadline:
                return group, False
            try:
                waiting = self._get(0)
            except queue.Empty:
                return group, False
        return group, True

    def _decode(self, waiting: Waiting) -> Decoded | None:
        if not waiting.done.set_running_or_notify_cancel():
            self._release(waiting)
            return None
        try:
            return self._decoder.decode(waiting.signal, waiting.raw)
        except PayloadError as error:
            self._fail(waiting, error)
        except Exception:
            # A mistake of ours must not make the sender try for ever, nor cost the requests beside it.
            _logger.exception("a %s request of %d bytes cannot be decoded", waiting.signal, len(waiting.raw))
            self._fail(waiting, PayloadError(f"this {waiting.signal} request cannot be stored; venom-otel's log says why"))
        return None

    def _store(self, group: Sequence[tuple[Waiting, Decoded]]) -> None:
        fresh: dict[bytes, Decoded] = {}
        for _, decoded in group:
            if decoded.items and decoded.digest not in self._recent:
                fresh.setdefault(decoded.digest, decoded)
        try:
            if fresh:
                self._writer.commit(list(fresh.values()), time.time_ns())
        except StoreError as error:
            if not self._refusing:
                _logger.warning("%s", error)
            self._refusing = True
            for waiting, _ in group:
                self._fail(waiting, error)
            return
        except Exception as error:
            self._store_apart(group, error)
            return
        if fresh and self._refusing:
            self._refusing = False
            _logger.warning("telemetry is stored again")
        self._remember(fresh)
        answered: set[bytes] = set()
        for waiting, decoded in group:
            new = decoded.digest in fresh and decoded.digest not in answered
            answered.add(decoded.digest)
            self._release(waiting)
            waiting.done.set_result(Written(decoded.items if new else 0, decoded.rejected, decoded.reason))
        if any(decoded.trace_ids for decoded in fresh.values()):
            self._tell()

    def _store_apart(self, group: Sequence[tuple[Waiting, Decoded]], error: Exception) -> None:
        """A group that fails for no reason of the disk's holds a request that cannot be stored; the others must not pay for it."""
        if len(group) > 1:
            for one in group:
                self._store([one])
            return
        for waiting, _ in group:
            _logger.error("a %s request of %d bytes cannot be stored", waiting.signal, len(waiting.raw), exc_info=error)
            self._fail(waiting, PayloadError(f"this {waiting.signal} request cannot be stored; venom-otel's log says why"))

    def _remember(self, fresh: dict[bytes, Decoded]) -> None:
        self._recent.update(dict.fromkeys(fresh))
        while len(self._recent) > REMEMBERED:
            self._recent.popitem(last=False)

    def _fail(self, waiting: Waiting, error: Exception) -> None:
        self._release(waiting)
        waiting.done.set_exception(error)

    def _release(self, waiting: Waiting) -> None:
        with self._lock:
            self._bytes -= len(waiting.raw)

    def _tell(self) -> None:
        newest = self._writer.newest_request
        with self._lock:
            listeners = list(self._listeners.values())
        for listener in listeners:
            try:
                listener(newest)
            except Exception:
                _logger.exception("a listener to new arrivals failed")

    def _checkpoint(self) -> None:
        try:
            self._writer.checkpoint()
        except (sqlite3.Error, OSError) as error:
            if not self._log_stuck:
                _logger.warning("the store's log cannot be moved into its file (%s); this is tried again after each write", error)
            self._log_stuck = True
        else:
            self._log_stuck = False
