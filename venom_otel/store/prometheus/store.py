"""Figures and metrics out of Prometheus, as `TelemetryStore` gives them."""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StoreError
from venom_otel.store.backend import Backend
from venom_otel.store.periods import DAY, MINUTE_NS, covered
from venom_otel.store.prometheus.figures import NO_ANSWER, Answers, Series, aggregates, series_of
from venom_otel.store.prometheus.pieces import Piece, pieces
from venom_otel.store.prometheus.points import points, selectors
from venom_otel.store.prometheus.question import Question
from venom_otel.store.recent import Recent

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.store.protocol import Aggregate, Dimension, MetricPoint, MetricSeries, RequestFilter

VARIABLE: Final = "VENOM_OTEL_PROMETHEUS_URL"
FRESH_S: Final = 60.0
"""What was asked so lately is not asked again: a page that is open asks at each arrival of anything."""
REMEMBERED: Final = 200_000
"""Buckets of distributions that are remembered, about 100 bytes each; an answer of more is not."""
_MINUTE: Final = 60
_MS: Final = 1_000_000
_HOUR_MS: Final = 3_600_000
"""Points are looked for in windows from the newest back, an hour wide first and then `_WIDER` times as wide as the one before."""
_WIDER: Final = 4


class PrometheusStore:
    """What of `TelemetryStore` Prometheus can answer: figures, and points of known series; it is written by others.

    A request is counted when its metrics were sent: when it had ended, and up to the sender's export interval later. Percentiles are as
    exact as the buckets of the histograms, each twice as wide as the one before.

    Args:
        url: its HTTP address.
        days: how far back is looked.

    Raises:
        SettingsError: the address is none.
    """

    def __init__(self, url: str, days: float) -> None:
        self._prometheus = Backend(url, kind="Prometheus", variable=VARIABLE, example="http://localhost:9090")
        self._back = round(days * DAY)
        self.back_ns: Final = self._back * MINUTE_NS
        """How far back is looked."""
        self._recent: Recent[tuple[str, int, Piece], Sequence[Aggregate]] = Recent(fresh_s=FRESH_S, room=REMEMBERED, size=_size)

    @property
    def name(self) -> str:
        """What messages call it."""
        return self._prometheus.name

    async def aggregates(self, which: RequestFilter, *, by: Sequence[Dimension] = (), step_ns: int | None = None) -> Sequence[Aggregate]:
        """See `TelemetryStore.aggregates`; as it was at most `FRESH_S` ago.

        Raises:
            StoreError: it cannot be asked, or does not answer in time.
        """
        if step_ns is not None and (step_ns <= 0 or step_ns % MINUTE_NS):
            raise ValueError(f"a step is whole minutes, not {step_ns} ns")
        now = time.time_ns() // MINUTE_NS + 1
        first, end = covered(which)
        begin, end = max(first, now - self._back), min(end, now)
        if begin >= end:
            return ()
        question = Question(which, tuple(by))
        cut = pieces(begin, end, None if step_ns is None else step_ns // MINUTE_NS)
        found = await asyncio.gather(*(self._piece(question, first if step_ns is None else start, piece) for start, piece in cut))
        return sorted((one for part in found for one in part), key=lambda one: one.start_ns)

    async def metric_points(self, series: MetricSeries, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """The points of a series within a range, by time, to the millisecond: where there are more than `limit`, the newest of them.

        Raises:
            StoreError: it cannot be asked, or does not answer in time.
        """
        until = min(until_ns, time.time_ns()) // _MS
        since = max(-(-since_ns // _MS), time.time_ns() // _MS - self._back * _MINUTE * 1_000)
        texts, width = selectors(series), _HOUR_MS
        found: list[MetricPoint] = []
        while since <= until and len(found) < limit:
            length = min(width, until - since + 1)
            # A range leaves out what is exactly where it begins.
            params = [{"query": f"{text}[{length}ms]", "time": f"{until / 1_000:.3f}"} for text in texts]
            replies = await asyncio.gather(*(self._prometheus.run(partial(self._prometheus.get, "/api/v1/query", each)) for each in params))
            try:
                found = points(series, replies) + found
            except (KeyError, TypeError, ValueError) as error:
                raise StoreError(f"{self.name}: {NO_ANSWER}") from error
            until, width = until - length, width * _WIDER
        return found[-limit:]

    def close(self) -> None:
        """Let running questions end and release the connections."""
        self._prometheus.close()

    async def _piece(self, question: Question, start: int, piece: Piece) -> Sequence[Aggregate]:
        """The answer for one piece of the range, whose first step begins in the minute `start`."""
        return await self._recent.get((question.key, start, piece), partial(self._asked, question, start, piece))

    async def _asked(self, question: Question, start: int, piece: Piece) -> Sequence[Aggregate]:
        length_s = piece.width * _MINUTE
        asked = [question.durations("bucket", length_s), question.durations("sum", length_s)]
        if question.asks_for_answers:
            asked += [question.first_chunks("bucket", length_s), question.first_chunks("sum", length_s), question.tokens(length_s)]
        answers = Answers(*await asyncio.gather(*(self._prometheus.run(partial(self._ask, text, piece)) for text in asked)))
        return aggregates(question, answers, lambda at: start + round(at) // _MINUTE - piece.width - piece.first)

    def _ask(self, text: str, piece: Piece, until: float) -> list[Series]:
        """What PromQL finds, in a worker thread."""
        end = piece.end * _MINUTE
        if piece.end - piece.first == piece.width:
            reply = self._prometheus.get("/api/v1/query", {"query": text, "time": end}, until)
        else:
            times = {"start": (piece.first + piece.width) * _MINUTE, "end": end, "step": piece.width * _MINUTE}
            reply = self._prometheus.get("/api/v1/query_range", {"query": text, **times}, until)
        try:
            return series_of(reply)
        except StoreError as error:
            raise StoreError(f"{self.name}: {error}") from error


def _size(found: Sequence[Aggregate]) -> int:
    return sum(len(one.duration.buckets) + len(one.first_chunk.buckets) for one in found)
