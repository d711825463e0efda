"""What is old, or more than may be kept, is deleted; and space goes back to the disk. Runs in the thread that writes, in small steps.

Between two steps senders are served: while there is something to delete, each group of requests waits for one step at most. Giving space
back means copying what is kept, during which nothing is stored: it is done only where nothing waits, much is free and little is kept, or
where somebody asked for it.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StoreError
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import Purged, Signal

if TYPE_CHECKING:
    from collections.abc import Sequence
    from concurrent.futures import Future
    from pathlib import Path

    from venom_otel.store.embedded.removal import Removed
    from venom_otel.store.embedded.writer import Room, Writer

_logger: Final = logging.getLogger(__name__)

CHECK_S: Final = 60.0
"""So long after something became too old it is deleted, at the latest."""
_NS: Final = 1_000_000_000
_REST_S: Final = 600.0
"""After a failure."""
_PAUSE_S: Final = 1.0
_LOW_WATER: Final = 0.98
"""Of the largest size: once it is passed, deleting goes on until so much is kept, so that not every commit deletes."""
_MUCH_BYTES: Final = 64 * 1024 * 1024
_MUCH_OF_FILE: Final = 0.5
MAX_COPIED_BYTES: Final = 256 * 1024 * 1024
"""More than this is not copied unasked: senders would wait for seconds."""
_ROOM_TO_COPY: Final = 2.2
"""Copying needs the kept pages twice, beside the file and in its log."""


@dataclass(frozen=True, slots=True)
class Retention:
    """How long and how much is kept; 0 for no limit."""

    age_s: float = 0
    """Since the arrival."""
    size_bytes: int = 0
    """On the disk, without the log beside the file."""


@dataclass(slots=True)
class Purge:
    """An order to delete what arrived before a time, or all that is there."""

    before_ns: int | None
    done: Future[Purged]
    last: int = -1
    """The newest block when the order was taken; what comes later stays."""
    file_bytes: int | None = None
    """Before anything was deleted."""
    items: Counter[Signal] = field(default_factory=Counter)
    requests: int = 0


class Upkeep:
    """Decides what is to be deleted and does it.

    Args:
        writer: of the same thread.
        path: the file.
        retention: how long and how much is kept.
        min_free_bytes: what must stay free on the disk.
    """

    def __init__(self, writer: Writer, path: Path, retention: Retention, min_free_bytes: int) -> None:
        self._writer = writer
        self._path = path
        self._retention = retention
        self._min_free_bytes = min_free_bytes
        self._purges: deque[Purge] = deque()
        self._above = False
        self._deleted = False
        self._rest_until = 0.0

    def add(self, purge: Purge) -> None:
        """Take an order, unless whoever gave it waits no longer."""
        if purge.done.set_running_or_notify_cancel():
            purge.last = self._writer.newest_block
            self._purges.append(purge)

    def pause(self) -> float:
        """Seconds until there may be something to do; 0 where there is."""
        if self._purges:
            return 0
        rest = self._rest_until - time.monotonic()
        if rest > 0:
            return rest
        try:
            return 0 if self._deleted or self._is_too_large() else min(max(self._until_too_old(), 0), CHECK_S)
        except Exception as error:
            self._fail(error)
            return _REST_S

    def step(self, *, idle: bool) -> Sequence[bytes]:
        """Do one transaction's worth; digests of the requests that are deleted, by block.

        Args:
            idle: whether nothing waits to be stored.
        """
        try:
            return self._step(idle=idle)
        except Exception as error:
            self._fail(error)
            return ()

    def close(self) -> None:
        """Orders that are not done yet never will be."""
        while self._purges:
            self._purges.popleft().done.set_exception(StoreError("the store was closed before all was deleted"))

    def _fail(self, error: Exception) -> None:
        """Leave it for a while; the thread goes on storing, whatever happened here."""
        self._rest_until = time.monotonic() + _REST_S
        self._deleted = self._above = False
        if not isinstance(error, StoreError):
            _logger.error("the store's upkeep failed", exc_info=error)
            error = StoreError("it could not be deleted; venom-otel's log says why")
        if self._purges:
            self._purges.popleft().done.set_exception(error)
        else:
            _logger.warning("what is too old or too much cannot be deleted now: %s", error)

    def _step(self, *, idle: bool) -> Sequence[bytes]:
        if self._purges:
            return self._purge(self._purges[0])
        if self._until_too_old() <= 0:
            return self._note(self._writer.remove(before_ns=time.time_ns() - round(self._retention.age_s * _NS))).digests
        if self._is_too_large():
            return self._note(self._writer.remove()).digests
        room = self._writer.room()
        if not self._is_worth_copying(room):
            self._deleted = False
        elif idle:
            self._deleted = False
            self._give_back()
        return ()

    def _give_back(self) -> None:
        """Give free space back to the disk; where that cannot be, it is used for what comes."""
        room = self._writer.room()
        try:
            if room.free and self._has_room_to_copy(room):
                self._writer.vacuum()
        except StoreError as error:
            _logger.warning("free space stays in the store's file: %s", error)

    def _note(self, removed: Removed) -> Removed:
        if removed.blocks:
            self._deleted = True
        else:  # nothing to delete after all: what says otherwise is asked again later, not at once
            self._rest_until = time.monotonic() + _PAUSE_S
        return removed

    def _purge(self, purge: Purge) -> Sequence[bytes]:
        if purge.file_bytes is None:
            purge.file_bytes = self._writer.room().file
        before_ns = MAX_INT64 if purge.before_ns is None else purge.before_ns
        removed = self._writer.remove(last=purge.last, before_ns=before_ns)
        purge.items.update(removed.items)
        purge.requests += removed.requests
        if not removed.blocks:
            self._give_back()
            self._purges.popleft()
            freed = max(purge.file_bytes - self._writer.room().file, 0)
            purge.done.set_result(Purged({signal: purge.items[signal] for signal in Signal}, purge.requests, freed))
        return removed.digests

    def _until_too_old(self) -> float:
        """Seconds, 0 or less where something is; without an end where nothing ever will be."""
        oldest_ns = self._writer.oldest_ns() if self._retention.age_s else None
        return float("inf") if oldest_ns is None else oldest_ns / _NS + self._retention.age_s - time.time()

    def _is_too_large(self) -> bool:
        limit = self._retention.size_bytes
        if limit:
            self._above = self._writer.room().used > limit * (_LOW_WATER if self._above else 1) and self._writer.oldest_ns() is not None
        return self._above

    @staticmethod
    def _is_worth_copying(room: Room) -> bool:
        return room.free >= max(_MUCH_BYTES, _MUCH_OF_FILE * room.file) and room.used <= MAX_COPIED_BYTES

    def _has_room_to_copy(self, room: Room) -> bool:
        return shutil.disk_usage(self._path.parent).free > room.used * _ROOM_TO_COPY + self._min_free_bytes
