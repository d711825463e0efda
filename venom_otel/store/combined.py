"""The embedded store with what was before it: what is new from here, older requests and traces from where they are kept for weeks."""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final, ParamSpec, Protocol, TypeVar

from venom_otel.errors import StoreError
from venom_otel.store.protocol import Found

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from concurrent.futures import Future

    from venom_otel.store.protocol import (
        Aggregate,
        Dimension,
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
        Span,
        TelemetryStore,
        Usage,
        Written,
    )

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

_PAST: Final = 0
"""The embedded store counts from 1, the past below 0."""

REST_S: Final = 15.0
"""After a failure the older telemetry is not asked for so long; who asks meanwhile is told the same words at once."""


class Past(Protocol):
    """Where older requests and traces are; its sequence numbers are negative, in the order in which the requests began."""

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """See `TelemetryStore.requests`."""
        ...

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """See `TelemetryStore.request`."""
        ...

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """See `TelemetryStore.search`."""
        ...

    async def trace(self, trace_id: str) -> Sequence[Span]:
        """See `TelemetryStore.trace`."""
        ...

    def close(self) -> None:
        """See `TelemetryStore.close`."""
        ...


class CombinedStore:
    """A `TelemetryStore` whose lists, searches and traces go on in the past.

    What arrives, is followed, counted and added up is the embedded store's alone. A list goes on in the past with what began before the
    oldest that the embedded store holds arrived; what both have is given once, as the embedded store has it.

    Args:
        here: what the receiver writes; its owner closes it.
        past: where the older requests are; closed with this.
    """

    def __init__(self, here: TelemetryStore, past: Past) -> None:
        self._here = here
        self._past = past
        self._words: str | None = None
        self._rests_until = 0.0

    @property
    def missing(self) -> str | None:
        """See `TelemetryStore.missing`."""
        return self._words if time.monotonic() < self._rests_until else None

    def write(self, signal: Signal, request: bytes) -> Future[Written]:
        """See `TelemetryStore.write`."""
        return self._here.write(signal, request)

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """See `TelemetryStore.subscribe`."""
        return self._here.subscribe(listener)

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """See `TelemetryStore.requests`; where the past cannot be asked, what is here, and `missing` says so."""
        found = [] if _in_the_past(which) else list(await self._here.requests(which, limit))
        if which.after is not None or len(found) >= limit:
            return found
        older = await self._of_the_past(which)
        while older is not None and len(found) < limit:
            wanted = limit - len(found)
            try:
                page = await self._ask(self._past.requests, older, wanted)
            except StoreError:
                break
            found += await self._not_here(page)
            older = replace(older, before=page[-1].sequence) if len(page) == wanted else None
        return found

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """See `TelemetryStore.request`."""
        return await self._here.request(trace_id, span_id) or await self._ask(self._past.request, trace_id, span_id)

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """See `TelemetryStore.search`; a page is either from here or from the past, never of both."""
        if not _in_the_past(which):
            found = await self._here.search(which, query, limit)
            goes_on = found.reached is None and which.after is None and await self._of_the_past(which) is not None
            return replace(found, reached=_PAST) if goes_on else found
        older = await self._of_the_past(which)
        if older is None:
            return Found((), None)
        try:
            found = await self._ask(self._past.search, older, query, limit)
        except StoreError:
            return Found((), which.before)
        return replace(found, items=await self._not_here(found.items))

    async def aggregates(self, which: RequestFilter, *, by: Sequence[Dimension] = (), step_ns: int | None = None) -> Sequence[Aggregate]:
        """See `TelemetryStore.aggregates`: of what is here."""
        return await self._here.aggregates(which, by=by, step_ns=step_ns)

    async def trace(self, trace_id: str) -> Sequence[Span]:
        """See `TelemetryStore.trace`; the past is asked where nothing of it is here, or it began before what is."""
        found = await self._here.trace(trace_id)
        if found and found[0].start_ns >= await self._oldest_ns():
            return found
        try:
            older = await self._ask(self._past.trace, trace_id)
        except StoreError:
            if not found:
                raise
            return found
        spans = {span.span_id: span for span in (*older, *found)}
        return sorted(spans.values(), key=lambda span: (span.start_ns, span.end_ns))

    async def logs(self, which: LogFilter, limit: int) -> Found[LogRecord]:
        """See `TelemetryStore.logs`: of what is here."""
        return await self._here.logs(which, limit)

    async def metric_series(self, which: MetricFilter, limit: int) -> Sequence[MetricSeries]:
        """See `TelemetryStore.metric_series`: of what is here."""
        return await self._here.metric_series(which, limit)

    async def metric_points(self, series: int, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """See `TelemetryStore.metric_points`: of what is here."""
        return await self._here.metric_points(series, since_ns, until_ns, limit)

    async def usage(self) -> Usage:
        """See `TelemetryStore.usage`: of what is here."""
        return await self._here.usage()

    async def purge(self, before_ns: int | None) -> Purged:
        """See `TelemetryStore.purge`: of what is here; the past is another's to delete."""
        return await self._here.purge(before_ns)

    def close(self) -> None:
        """See `TelemetryStore.close`."""
        self._past.close()

    async def _oldest_ns(self) -> int:
        """What began before this may not be here."""
        oldest = (await self._here.usage()).oldest_ns
        return time.time_ns() if oldest is None else oldest

    async def _of_the_past(self, which: RequestFilter) -> RequestFilter | None:
        """The question that is left for the past; None where nothing it may ask for is older than what is here."""
        newest_ns = await self._oldest_ns() - 1
        until_ns = newest_ns if which.until_ns is None else min(which.until_ns, newest_ns)
        if which.since_ns is not None and which.since_ns > until_ns:
            return None
        return replace(which, until_ns=until_ns, before=which.before if _in_the_past(which) else None)

    async def _not_here(self, items: Sequence[RequestSummary]) -> list[RequestSummary]:
        """Those of the past that did not arrive here, too, as what takes long does: it begins before and ends after."""
        return [item for item in items if await self._here.request(item.trace_id, item.span_id) is None]

    async def _ask(self, question: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the past.

        Raises:
            StoreError: it does not answer, or did not a moment ago.
        """
        if (words := self.missing) is not None:
            raise StoreError(words)
        try:
            return await question(*args, **kwargs)
        except StoreError as error:
            self._words, self._rests_until = f"What is older than the telemetry here is missing: {error}", time.monotonic() + REST_S
            _log.warning("%s", self._words)
            raise StoreError(self._words) from error


def _in_the_past(which: RequestFilter) -> bool:
    """Whether only what the past has numbered is asked for."""
    return which.after is None and which.before is not None and which.before <= _PAST
