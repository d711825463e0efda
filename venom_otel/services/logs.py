"""Log records of every application, by page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel.store.protocol import LogFilter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.store.protocol import LogRecord, TelemetryStore

MAX_RECORDS: Final = 500
"""Of one page."""


@dataclass(frozen=True, slots=True)
class LogPage:
    """One page of log records, in the order that was asked for: newest first, or oldest first after a cursor."""

    items: Sequence[LogRecord]
    older: int | None
    """Pass as `LogFilter.before` for what lies before this page; None where nothing is left there. Of a search it may come with few items
    or none: so far was looked, and older matches may follow."""
    newer: int
    """Pass as `LogFilter.after` for what has arrived since the first page; stays the same while nothing has."""


async def page(store: TelemetryStore, which: LogFilter, limit: int) -> LogPage:
    """The newest records that match, newest first; with `which.after` the oldest after that cursor, oldest first.

    Args:
        store: where they are kept.
        which: what must hold.
        limit: at most so many items, 1 to `MAX_RECORDS`; values outside are brought inside.
    """
    # Read before the page, so that the page has seen everything up to it.
    newest = max((record.sequence for record in (await store.logs(LogFilter(), 1)).items), default=0)
    found = await store.logs(which, min(max(limit, 1), MAX_RECORDS))
    numbers = [record.sequence for record in found.items]
    if which.after is None:
        return LogPage(found.items, older=found.reached, newer=max(newest, *numbers, 0))
    reached = max(newest, which.after) if found.reached is None else found.reached
    return LogPage(found.items, older=min(numbers, default=None), newer=max(reached, *numbers, 0))
