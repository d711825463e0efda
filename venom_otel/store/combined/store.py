"""A `TelemetryStore` whose questions go on in the past."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final, Protocol

from venom_otel.errors import StoreError
from venom_otel.store.combined.asked import Asked
from venom_otel.store.combined.joined import joined, parts
from venom_otel.store.periods import HOUR, MINUTE_NS, covered
from venom_otel.store.protocol import Found, MetricFilter, Past, Spans

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from concurrent.futures import Future

    from venom_otel.store.protocol import (
        Aggregate,
        Dimension,
        LogFilter,
        LogRecord,
        MetricPoint,
        MetricSeries,
        Purged,
        RequestFilter,
        RequestSummary,
        Search,
        Signal,
        TelemetryStore,
        Usage,
        Written,
    )

_ROUNDED_NS: Final = HOUR * MINUTE_NS
"""A range that is as long as the past begins so much earlier, since it is widened to whole hours."""
_PAST: Final = 0
"""The embedded store counts from 1, the past below 0."""


class PastRequests(Protocol):
    """Where older requests and traces are; its sequence numbers are negative, in the order in which the requests began."""

    @property
    def back_ns(self) -> int:
        """How far back is looked."""
        ...

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """See `TelemetryStore.requests`."""
        ...

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """See `TelemetryStore.request`."""
        ...

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """See `TelemetryStore.search`."""
        ...

    async def trace(self, trace_id: str) -> Spans:
        """See `TelemetryStore.trace`."""
        ...

    def close(self) -> None:
        """See `TelemetryStore.close`."""
        ...


class PastFigures(Protocol):
    """Where figures of older requests are, and older points of metrics."""

    @property
    def back_ns(self) -> int:
        """How far back is looked."""
        ...

    async def aggregates(self, which: RequestFilter, *, by: Sequence[Dimension] = (), step_ns: int | None = None) -> Sequence[Aggregate]:
        """See `TelemetryStore.aggregates`."""
        ...

    async def metric_points(self, series: MetricSeries, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """See `TelemetryStore.metric_points`; of a series that the store here knows."""
        ...

    def close(self) -> None:
        """See `TelemetryStore.close`."""
        ...


class CombinedStore:
    """A `TelemetryStore` whose lists, searches, traces and figures go on in the past.

    What arrives and is followed is the embedded store's alone. A list goes on in the past with what began before the oldest that the
    embedded store holds arrived; what both have is given once, as the embedded store has it. Figures are counted there up to the minute
    in which that arrived, and here from it on.

    Args:
        here: what the receiver writes; its owner closes it.
        requests: where the older requests are; closed with this. None: nowhere.
        figures: where the figures of older requests are; closed with this. None: nowhere.
    """

    def __init__(self, here: TelemetryStore, *, requests: PastRequests | None = None, figures: PastFigures | None = None) -> None:
        self._here = here
        self._past = requests
        self._past_figures = figures
        self._requests_asked = Asked("What is older than the telemetry here is")
        self._figures_asked = Asked("Figures of what is older than the telemetry here are")

    @property
    def past(self) -> Past:
        """See `TelemetryStore.past`."""
        return Past(
            self._past.back_ns if self._past is not None else 0,
            self._past_figures.back_ns if self._past_figures is not None else 0,
        )

    @property
    def missing(self) -> str | None:
        """See `TelemetryStore.missing`."""
        return self._requests_asked.missing

    async def uncounted(self, since_ns: int) -> str | None:
        """See `TelemetryStore.uncounted`."""
        oldest_ns = await self._oldest_ns()
        if since_ns // MINUTE_NS >= oldest_ns // MINUTE_NS:
            return None
        if self._past_figures is None:
            return f"Figures begin with the telemetry here, {_said(oldest_ns)}: those of older requests need VENOM_OTEL_PROMETHEUS_URL."
        begin_ns = time.time_ns() - self._past_figures.back_ns
        if self._figures_asked.missing is not None or min(begin_ns, oldest_ns) - since_ns < _ROUNDED_NS:
            return self._figures_asked.missing
        return f"Figures begin {_said(min(begin_ns, oldest_ns))}: Prometheus is asked as far back as VENOM_OTEL_PROMETHEUS_DAYS says."

    def write(self, signal: Signal, request: bytes) -> Future[Written]:
        """See `TelemetryStore.write`."""
        return self._here.write(signal, request)

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """See `TelemetryStore.subscribe`."""
        return self._here.subscribe(listener)

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """See `TelemetryStore.requests`; where the past cannot be asked, what is here, and `missing` says so."""
        found = [] if _in_the_past(which) else list(await self._here.requests(which, limit))
        past = self._past
        if past is None or which.after is not None or len(found) >= limit:
            return found
        older = await self._of_the_past(which)
        while older is not None and len(found) < limit:
            wanted = limit - len(found)
            try:
                page = await self._requests_asked.ask(past.requests, older, wanted)
            except StoreError:
                break
            found += await self._not_here(page)
            older = replace(older, before=page[-1].sequence) if len(page) == wanted else None
        return found

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """See `TelemetryStore.request`."""
        found = await self._here.request(trace_id, span_id)
        if found is not None or self._past is None:
            return found
        return await self._requests_asked.ask(self._past.request, trace_id, span_id)

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """See `TelemetryStore.search`; a page is either from here or from the past, never of both."""
        if self._past is None or not _in_the_past(which):
            found = await self._here.search(which, query, limit)
            goes_on = found.reached is None and which.after is None and await self._of_the_past(which) is not None
            return replace(found, reached=_PAST) if goes_on else found
        older = await self._of_the_past(which)
        if older is None:
            return Found((), None)
        try:
            found = await self._requests_asked.ask(self._past.search, older, query, limit)
        except StoreError:
            return Found((), which.before)
        return replace(found, items=await self._not_here(found.items))

    async def aggregates(self, which: RequestFilter, *, by: Sequence[Dimension] = (), step_ns: int | None = None) -> Sequence[Aggregate]:
        """See `TelemetryStore.aggregates`; where the past cannot be asked, of what is here, and `uncounted` says so."""
        first, end = covered(which)
        cut = await self._oldest_ns() // MINUTE_NS
        if self._past_figures is None or first >= cut:
            return await self._here.aggregates(which, by=by, step_ns=step_ns)
        older = [self._older_figures(part, by, step_ns) for part in parts(which, first, min(cut, end))]
        newer = [self._here.aggregates(part, by=by, step_ns=step_ns) for part in parts(which, cut, end)] if cut < end else []
        found = await asyncio.gather(*older, *newer)
        return joined((one for part in found for one in part), first * MINUTE_NS if step_ns is None else None)

    async def trace(self, trace_id: str) -> Spans:
        """See `TelemetryStore.trace`; the past is asked where nothing of it is here, or it began before what is."""
        found = await self._here.trace(trace_id)
        if self._past is None or (found and found[0].start_ns >= await self._oldest_ns()):
            return found
        try:
            older = await self._requests_asked.ask(self._past.trace, trace_id)
        except StoreError:
            if not found:
                raise
            return Spans(found, missing=self._requests_asked.missing)
        spans = {span.span_id: span for span in (*older, *found)}
        return Spans(sorted(spans.values(), key=lambda span: (span.start_ns, span.end_ns)), missing=older.missing)

    async def logs(self, which: LogFilter, limit: int) -> Found[LogRecord]:
        """See `TelemetryStore.logs`: of what is here."""
        return await self._here.logs(which, limit)

    async def metric_series(self, which: MetricFilter, limit: int) -> Sequence[MetricSeries]:
        """See `TelemetryStore.metric_series`: of what is here."""
        return await self._here.metric_series(which, limit)

    async def metric_points(self, series: int, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """See `TelemetryStore.metric_points`; those from before the first that is here are the past's."""
        found = await self._here.metric_points(series, since_ns, until_ns, limit)
        before = found[0].time_ns - 1 if found else until_ns
        if self._past_figures is None or len(found) >= limit or since_ns > before:
            return found
        known = await self._here.metric_series(MetricFilter(id=series), 1)
        if not known:
            return found
        try:
            older = await self._figures_asked.ask(self._past_figures.metric_points, known[0], since_ns, before, limit - len(found))
        except StoreError:
            return found
        return [*older, *found]

    async def usage(self) -> Usage:
        """See `TelemetryStore.usage`: of what is here."""
        return await self._here.usage()

    async def purge(self, before_ns: int | None) -> Purged:
        """See `TelemetryStore.purge`: of what is here; the past is another's to delete."""
        return await self._here.purge(before_ns)

    def close(self) -> None:
        """See `TelemetryStore.close`."""
        for past in (self._past, self._past_figures):
            if past is not None:
                past.close()

    async def _older_figures(self, which: RequestFilter, by: Sequence[Dimension], step_ns: int | None) -> Sequence[Aggregate]:
        assert self._past_figures is not None
        try:
            return await self._figures_asked.ask(self._past_figures.aggregates, which, by=by, step_ns=step_ns)
        except StoreError:
            return ()

    async def _oldest_ns(self) -> int:
        """What began before this may not be here."""
        oldest = (await self._here.usage()).oldest_ns
        return time.time_ns() if oldest is None else oldest

    async def _of_the_past(self, which: RequestFilter) -> RequestFilter | None:
        """The question that is left for the past; None where nothing it may ask for is older than what is here."""
        if self._past is None:
            return None
        newest_ns = await self._oldest_ns() - 1
        until_ns = newest_ns if which.until_ns is None else min(which.until_ns, newest_ns)
        if which.since_ns is not None and which.since_ns > until_ns:
            return None
        return replace(which, until_ns=until_ns, before=which.before if _in_the_past(which) else None)

    async def _not_here(self, items: Sequence[RequestSummary]) -> list[RequestSummary]:
        """Those of the past that did not arrive here, too, as what takes long does: it begins before and ends after."""
        return [item for item in items if await self._here.request(item.trace_id, item.span_id) is None]


def _in_the_past(which: RequestFilter) -> bool:
    """Whether only what the past has numbered is asked for."""
    return which.after is None and which.before is not None and which.before <= _PAST


def _said(ns: int) -> str:
    return f"{datetime.fromtimestamp(ns / 1e9, UTC):%Y-%m-%d %H:%M} UTC"
