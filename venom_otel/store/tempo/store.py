"""Requests and traces out of Tempo, as `TelemetryStore` gives them."""

from __future__ import annotations

import time
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StoreError
from venom_otel.store.backend import QUESTION_S, Backend, ReplyTooLargeError
from venom_otel.store.embedded.matching import Text, as_text
from venom_otel.store.protocol import Found, RequestStatus, Spans
from venom_otel.store.recent import Recent
from venom_otel.store.tempo import traceql
from venom_otel.store.tempo.cursors import EPOCH_NS, latest_ns
from venom_otel.store.tempo.replies import found_traces, missing_of, spans_of, summary

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterator, Sequence

    from venom_otel.store.protocol import RequestFilter, RequestSummary, Search, Span
    from venom_otel.store.tempo.replies import FoundTrace

VARIABLE: Final = "VENOM_OTEL_TEMPO_URL"
LOOKED_AT: Final = 200
"""Most requests whose spans one search looks at."""
PATIENCE_S: Final = 8.0
"""A search that has looked at spans for so long says how far it came."""
FRESH_S: Final = 5.0
"""A trace that was read so lately is not read again: who looks at one asks for it at each arrival of anything."""
_RECENT: Final = 8
TRACES: Final = 1_000
"""Most traces that one window may hold; where there are more it is made shorter."""
_FEW: Final = 100
_SECOND: Final = 1_000_000_000
_HOUR: Final = 3_600 * _SECOND
_WIDEST: Final = 6 * 24 * _HOUR
"""Tempo searches seven days at once and no more, unless it is told otherwise."""
_DAY: Final = 24 * _HOUR
_NARROWER: Final = 8
_WIDER: Final = 4


class TempoStore:
    """What of `TelemetryStore` Tempo can answer: lists, searches and traces; it is written by others.

    Tempo's search says nothing of an order, and where it finds more traces than it may give it leaves any of them out. So a list is asked
    for in windows of time, from the newest back, each narrow enough to be given whole.

    Args:
        url: its HTTP address.
        days: how far back is looked.

    Raises:
        SettingsError: the address is none.
    """

    def __init__(self, url: str, days: float) -> None:
        self._tempo = Backend(url, kind="Tempo", variable=VARIABLE, example="http://localhost:3200")
        self.back_ns: Final = round(days * _DAY)
        """How far back is looked."""
        self._lists: Recent[Hashable, Sequence[RequestSummary]] = Recent()
        self._searches: Recent[Hashable, Found[RequestSummary]] = Recent()
        self._traces: Recent[str, Spans] = Recent(fresh_s=FRESH_S, room=_RECENT)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._tempo.name

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """See `TelemetryStore.requests`; newest first by the time they began, whatever `which.after` says.

        Raises:
            StoreError: it cannot be asked, or does not answer in time.
        """
        return await self._lists.get((which, limit), partial(self._tempo.run, partial(self._list, which, limit)))

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """See `TelemetryStore.request`."""
        return next((summary(span) for span in await self.trace(trace_id) if span.span_id == span_id), None)

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """See `TelemetryStore.search`; in the order of `requests`."""
        key = which, query.text, frozenset(query.attributes.items()), limit
        return await self._searches.get(key, partial(self._tempo.run, partial(self._search, which, query, limit)))

    async def trace(self, trace_id: str) -> Spans:
        """See `TelemetryStore.trace`; as it was at most `FRESH_S` ago."""
        return await self._traces.get(trace_id, partial(self._tempo.run, partial(self._trace, trace_id)))

    def close(self) -> None:
        """Let running questions end and release the connections."""
        self._tempo.close()

    # -- lists, in worker threads ------------------------------------------------------------------------------------------------
    def _list(self, which: RequestFilter, limit: int, until: float) -> Sequence[RequestSummary]:
        return list(islice(self._newest_first(which, None, limit, until), limit))

    def _newest_first(self, which: RequestFilter, query: Search | None, limit: int, until: float) -> Iterator[RequestSummary]:
        """Requests that match, but for what `query` says of their spans, newest first."""
        question = traceql.requests(which, query.attributes if query else {})
        now = time.time_ns()
        end = min(now if which.until_ns is None else which.until_ns, now if which.before is None else latest_ns(which.before)) + 1
        floor = max(now - self.back_ns, EPOCH_NS, which.since_ns or 0)
        most = min(max(2 * limit, _FEW), TRACES)
        width = _HOUR
        while end > floor:
            begin = max(end - width, floor)
            traces = self._window(question, begin, end, most, until)
            if traces is None:
                most, width = TRACES, (end - begin) // _NARROWER
                if width < _SECOND // _NARROWER:
                    raise StoreError(f"{self.name} holds more requests within a second than can be read at once: name more in the filter.")
                continue
            found = (one for trace in traces for one in self._summaries(trace, until))
            yield from sorted(
                (one for one in found if begin <= one.start_ns < end and _matches(one, which)),
                key=lambda one: (one.sequence, one.start_ns, one.span_id),
                reverse=True,
            )
            end = begin
            if len(traces) < most // _WIDER:
                width = min(width * _WIDER, _WIDEST)

    def _window(self, question: str, begin: int, end: int, most: int, until: float) -> Sequence[FoundTrace] | None:
        """The traces of a part of time, whole; None where there are too many of them."""
        # Tempo takes whole seconds.
        times = {"start": begin // _SECOND, "end": -(-end // _SECOND)}
        try:
            reply = self._tempo.get("/api/search", {"q": question, "limit": most, **times}, until)
        except ReplyTooLargeError:
            return None
        traces = list(found_traces(reply))
        return traces if len(traces) < most else None

    def _summaries(self, trace: FoundTrace, until: float) -> Sequence[RequestSummary]:
        """Its requests, perhaps with some that do not match."""
        found = [one for one in (span.summary() for span in trace.spans) if one is not None]
        # What went wrong may stand in an event, which a search does not give.
        if not trace.certain or any(one.status is not RequestStatus.COMPLETED and one.error_message is None for one in found):
            whole = self._trace(trace.trace_id, until)
            requests = {one.span_id: one for one in found} if whole.missing else {}  # of a part of it some requests may be missing
            requests |= {one.span_id: one for one in map(summary, whole) if one is not None}
            return list(requests.values())
        return found

    def _trace(self, trace_id: str, until: float) -> Spans:
        reply = self._tempo.get(f"/api/v2/traces/{trace_id}", {}, until, or_nothing=True)
        return Spans(spans_of(reply), missing=missing_of(reply, self.name))

    def _search(self, which: RequestFilter, query: Search, limit: int, until: float) -> Found[RequestSummary]:
        patience = until - QUESTION_S + PATIENCE_S
        holds = _Holds(query)
        found: list[RequestSummary] = []
        spans: Sequence[Span] = ()
        for looked, candidate in enumerate(self._newest_first(which, query, LOOKED_AT, until), 1):
            if not spans or spans[0].trace_id != candidate.trace_id:
                spans = self._trace(candidate.trace_id, until)
            whole = next((span for span in spans if span.span_id == candidate.span_id), None)
            if whole is not None and holds(whole):
                found.append(summary(whole) or candidate)
            if len(found) == limit or looked == LOOKED_AT or time.monotonic() > patience:
                return Found(found, candidate.sequence)
        return Found(found, None)


class _Holds:
    """Whether a span holds what is looked for."""

    def __init__(self, query: Search) -> None:
        self._text = Text(query.text)
        self._wanted = query.attributes.items()

    def __call__(self, span: Span) -> bool:
        said = (span.attributes, span.resource)
        if not all(any(name in one and as_text(one[name]) == value for one in said) for name, value in self._wanted):
            return False
        strings = [span.name, span.status_message, *(event.name for event in span.events)]
        pairs = [pair for one in (*said, *(event.attributes for event in span.events)) for pair in one.items()]
        return any(map(self._text.in_string, strings)) or any(
            self._text.in_string(name) or self._text.in_value(value) for name, value in pairs
        )


def _matches(one: RequestSummary, which: RequestFilter) -> bool:
    named = (
        (which.provider, one.provider),
        (which.model, one.model),
        (which.endpoint, one.endpoint),
        (which.service, one.service),
        (which.status, one.status),
        (which.error_kind, one.error_kind),
    )
    return (
        all(wanted is None or said == wanted or (isinstance(wanted, tuple) and said in wanted) for wanted, said in named)
        and (which.fallback is None or one.fallback is which.fallback)
        and (which.before is None or one.sequence < which.before)
    )
