"""The history of requests: what happened, by whom it was answered, and how it went.

Everything here is a query over stored telemetry; nothing is kept a second time. Times are integers in nanoseconds, as in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from venom_otel.instrumentation.server_words import server_words
from venom_otel.services import logs
from venom_otel.services.changes import Changes, Listeners
from venom_otel.services.figures import DAY, overview
from venom_otel.services.traces import Trace, assembled, walk
from venom_otel.store.protocol import Dimension, LogFilter, RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from venom_otel.services.figures import Overview, Window
    from venom_otel.services.logs import LogPage
    from venom_otel.services.traces import Step
    from venom_otel.store.protocol import (
        LogRecord,
        MetricFilter,
        MetricPoint,
        MetricSeries,
        Past,
        Purged,
        RequestSummary,
        Search,
        TelemetryStore,
        Usage,
    )

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500

MAX_LOGS: Final = 1000
"""Log records of one trace that are read; a trace with more shows the first that arrived."""

CHOICES_NS: Final = 7 * DAY
"""How far back `History.choices` looks."""
CHOICES: Final = (
    Dimension.PROVIDER,
    Dimension.MODEL,
    Dimension.ENDPOINT,
    Dimension.SERVICE,
    Dimension.STATUS,
    Dimension.ERROR_KIND,
)
"""Of which dimensions `History.choices` gives the values."""
MAX_CHOICES: Final = 200
"""Values that `History.choices` gives of each dimension: the most frequent ones."""

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_REQUEST_ID = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One page of the request list, in the order that was asked for: newest first, or oldest first after a cursor."""

    items: Sequence[RequestSummary]
    older: int | None
    """Pass as `RequestFilter.before` for what lies before this page; None where nothing is left there. Of a search it may come with
    few items or none: so far was looked, and older matches may follow."""
    newer: int
    """Pass as `RequestFilter.after` for what has arrived since the first page; stays the same while nothing has."""
    missing: str | None = None
    """What this page leaves out, and why, in words; then asking for `older` asks for it again."""


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request with everything that is known of it."""

    summary: RequestSummary
    steps: Sequence[Step]
    """The request's own span as the root, its HTTP calls and whatever else ran inside it below."""
    trace: Trace
    """The whole trace the request belongs to."""


class History:
    """What the outside may ask about the past, over any store.

    Args:
        store: what is asked.
        live: what alone is asked what is newest, where the other is a combination with what others keep.
    """

    def __init__(self, store: TelemetryStore, live: TelemetryStore | None = None) -> None:
        self._store = store
        self._live = live or store
        self._listeners: Listeners[Changes] = Listeners()

    async def requests(
        self, which: RequestFilter | None = None, limit: int = DEFAULT_LIMIT, *, search: Search | None = None, wait_s: float = 0
    ) -> RequestPage:
        """The newest requests that match, newest first; with `which.after` the oldest after that cursor, oldest first.

        Args:
            which: what must hold; None for all.
            limit: at most so many items, 1 to `MAX_LIMIT`; values outside are brought inside.
            search: what their spans must hold besides; then a page may have few items or none, and still say how to go on.
            wait_s: where nothing matches yet, wait so many seconds at most for the first that does.
        """
        which = which or RequestFilter()
        limit = min(max(limit, 1), MAX_LIMIT)
        if wait_s <= 0:
            return await self._page(which, limit, search)
        with self.changes() as changes:
            page = await self._page(which, limit, search)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    while not page.items:
                        # A search that has not come to the end yet goes on; what it looked at once it does not look at again.
                        goes_on = which.after is not None and page.newer > which.after
                        if not goes_on and await anext(changes, None) is None:
                            break
                        which = replace(which, after=page.newer) if goes_on else which
                        page = await self._page(which, limit, search)
        return page

    @property
    def past(self) -> Past:
        """How far back others are asked for what is older than the telemetry here."""
        return self._store.past

    async def newest(self) -> int:
        """Cursor of the newest request; 0 while there is none."""
        return max((item.sequence for item in await self._live.requests(RequestFilter(), 1)), default=0)

    async def answered_last(self, which: RequestFilter | None = None) -> RequestSummary | None:
        """The newest request that succeeded, of those that match; None where there is none."""
        page = await self.requests(replace(which or RequestFilter(), status=RequestStatus.COMPLETED), 1)
        return page.items[0] if page.items else None

    async def everything(self, which: RequestFilter, *, search: Search | None = None) -> AsyncIterator[Sequence[RequestSummary]]:
        """All requests that match and are here by now, oldest first, a page at a time; a page of a search may be empty.

        Args:
            which: what must hold; its cursors are not asked.
            search: what their spans must hold besides.
        """
        newest = await self.newest()
        reached = 0
        while reached < newest:
            page = await self._page(replace(which, after=reached, before=newest + 1), MAX_LIMIT, search)
            yield page.items
            if search is None and len(page.items) < MAX_LIMIT:
                return
            reached = page.newer

    async def request(self, request_id: str) -> RequestDetail | None:
        """One request with its spans, or None where the store has none of that id (`{trace_id}-{span_id}`)."""
        parts = _REQUEST_ID.fullmatch(request_id)
        if parts is None:
            return None
        trace_id, span_id = parts.groups()
        summary = await self._store.request(trace_id, span_id)
        if summary is None:
            return None
        (summary,) = _in_words([summary])
        trace = await self.trace(trace_id)
        return RequestDetail(summary, [step for step in walk(trace.steps) if step.span.span_id == span_id], trace)

    async def summary(self, request_id: str) -> RequestSummary | None:
        """The same without its spans."""
        parts = _REQUEST_ID.fullmatch(request_id)
        found = await self._store.request(*parts.groups()) if parts else None
        return None if found is None else _in_words([found])[0]

    async def trace(self, trace_id: str) -> Trace:
        """Every span and log record of a trace, found by its id of 32 lower-case hexadecimal digits; empty where the store has none."""
        if not _TRACE_ID.fullmatch(trace_id):
            return Trace()
        spans = await self._store.trace(trace_id)
        return assembled(spans, await self._logs(trace_id), spans.missing)

    async def overview(self, window: Window, which: RequestFilter | None = None, by: Sequence[Dimension] = ()) -> Overview:
        """What the requests of a window come to, by group and step.

        Args:
            window: the range, whose ends the store widens to whole minutes, and to whole hours where it is longer than a day.
            which: what must hold besides; its own times and cursors are not asked.
            by: what tells groups apart; nothing for one group of all.
        """
        which = replace(which or RequestFilter(), since_ns=window.since_ns, until_ns=window.until_ns, after=None, before=None)
        dimensions = tuple(dict.fromkeys((*by, Dimension.STATUS)))
        found = overview(window, by, await self._store.aggregates(which, by=dimensions, step_ns=window.step_ns))
        return replace(found, missing=await self._store.uncounted(window.since_ns))

    async def choices(self) -> Mapping[Dimension, Mapping[str, int]]:
        """The values each filter can take, by the requests of the last days, with how many have them: the most frequent first."""
        counts: dict[Dimension, Counter[str]] = {dimension: Counter() for dimension in CHOICES}
        since = RequestFilter(since_ns=time.time_ns() - CHOICES_NS)
        for part in await self._store.aggregates(since, by=CHOICES):
            for dimension, value in part.group.items():
                if value:
                    counts[dimension][value] += part.requests
        return {dimension: dict(counter.most_common(MAX_CHOICES)) for dimension, counter in counts.items()}

    async def metric_series(self, which: MetricFilter, limit: int) -> Sequence[MetricSeries]:
        """Series of measurements that match, by name, then service, then attributes."""
        return await self._store.metric_series(which, limit)

    async def metric_points(self, series: int, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """The points of one series within a range, by time: where there are more than `limit`, the newest of them."""
        return await self._store.metric_points(series, since_ns, until_ns, limit)

    async def logs(self, which: LogFilter, limit: int) -> LogPage:
        """Log records of every application, by page; see `services.logs.page`."""
        return await logs.page(self._store, which, limit)

    async def usage(self) -> Usage:
        """How much is kept, and since when."""
        return await self._store.usage()

    async def purge(self, before_ns: int | None) -> Purged:
        """Delete what arrived before a time, or all that is there; see `TelemetryStore.purge`."""
        return await self._store.purge(before_ns)

    def changes(self) -> Changes:
        """Learn of arrivals without asking again and again.

        with history.changes() as changes:
            page = await history.requests()
            async for _ in changes:
                page = await history.requests(RequestFilter(after=page.newer))
        """
        return self._listeners.add(Changes(self._store.subscribe))

    def end_waiting(self) -> None:
        """End every wait for arrivals, now and later: a program that ends must not be held up by those who only wait."""
        self._listeners.end()

    async def _page(self, which: RequestFilter, limit: int, search: Search | None) -> RequestPage:
        if search is not None:
            return await self._searched(which, limit, search)
        found = await self._store.requests(which, limit + 1)
        items = _in_words(found[:limit])
        numbers = [item.sequence for item in items]
        if which.after is not None:
            return RequestPage(items, older=min(numbers, default=None), newer=max(numbers, default=which.after))
        missing = self._store.missing if len(found) <= limit else None
        older = min(numbers, default=which.before) if len(found) > limit or missing else None
        return RequestPage(items, older=older, newer=max([0, *numbers]), missing=missing)

    async def _searched(self, which: RequestFilter, limit: int, search: Search) -> RequestPage:
        # Read before the search, so that the search has seen everything up to it.
        newest = await self.newest()
        found = await self._store.search(which, search, limit)
        found = replace(found, items=_in_words(found.items))
        numbers = [item.sequence for item in found.items]
        if which.after is None:
            missing = self._store.missing if not found.items and found.reached == which.before else None
            return RequestPage(found.items, older=found.reached, newer=max(newest, *numbers, 0), missing=missing)
        reached = max(newest, which.after) if found.reached is None else found.reached
        return RequestPage(found.items, older=min(numbers, default=None), newer=max(reached, *numbers, 0))

    async def _logs(self, trace_id: str) -> Sequence[LogRecord]:
        records: list[LogRecord] = []
        reached: int | None = 0
        while reached is not None and len(records) < MAX_LOGS:
            found = await self._store.logs(LogFilter(trace_id=trace_id, after=reached), MAX_LOGS - len(records))
            records += found.items
            reached = found.reached
        return records


def _in_words(items: Sequence[RequestSummary]) -> list[RequestSummary]:
    """Requests, with what servers said in place of what clients made of it; their spans have that."""
    return [item if item.error_message is None else replace(item, error_message=server_words(item.error_message) or None) for item in items]
