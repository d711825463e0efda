"""The four histograms of the GenAI client conventions, and the counter of fallbacks."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING, Final

from opentelemetry.trace import INVALID_SPAN, set_span_in_context

from venom_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from opentelemetry.context import Context
    from opentelemetry.metrics import Histogram, Meter
    from opentelemetry.util.types import AttributeValue

_NO_SPAN: Final = set_span_in_context(INVALID_SPAN)
"""Not an empty context: the SDK takes the current one for that."""


class Instruments:
    """The instruments, made once for a meter provider."""

    __slots__ = ("_chunk", "_duration", "_fallbacks", "_first_chunk", "_pairs", "_tokens")

    def __init__(self, meter: Meter) -> None:
        def histogram(name: str, buckets: Iterable[float]) -> Histogram:
            _, unit, description = semconv.METRICS[name]
            return meter.create_histogram(name, unit, description, explicit_bucket_boundaries_advisory=list(buckets))

        self._duration = histogram(semconv.METRIC_OPERATION_DURATION, semconv.DURATION_BUCKETS)
        self._first_chunk = histogram(semconv.METRIC_TIME_TO_FIRST_CHUNK, semconv.DURATION_BUCKETS)
        self._chunk = histogram(semconv.METRIC_TIME_PER_OUTPUT_CHUNK, semconv.DURATION_BUCKETS)
        self._tokens = histogram(semconv.METRIC_TOKEN_USAGE, semconv.TOKEN_BUCKETS)
        _, unit, description = semconv.ROUTE_METRICS[semconv.METRIC_FALLBACKS]
        self._fallbacks = meter.create_counter(semconv.METRIC_FALLBACKS, unit, description)
        self._pairs: set[tuple[str, str]] = set()

    def record(
        self,
        attributes: dict[str, AttributeValue],
        ending: Mapping[str, AttributeValue],
        *,
        duration_s: float,
        first_chunk_s: float | None,
        chunk_gaps_s: list[float] | None,
        input_tokens: int | None,
        output_tokens: int | None,
        context: Context,
    ) -> None:
        """Record one round trip. `attributes` holds what all points share, `ending` what tells durations apart besides.

        `context` is that of its span, to which exemplars then lead; the gaps between chunks, hundreds in a stream, are no exemplars.
        Durations are in seconds. Token counts are recorded only where the reply gave them, as the conventions demand.
        """
        self._duration.record(duration_s, {**attributes, **ending}, context)
        if first_chunk_s is not None:
            self._first_chunk.record(first_chunk_s, attributes, context)
        if chunk_gaps_s:
            record_gap = self._chunk.record
            for gap in chunk_gaps_s:
                record_gap(gap, attributes, _NO_SPAN)
        if input_tokens is not None:
            self._tokens.record(input_tokens, {**attributes, semconv.GEN_AI_TOKEN_TYPE: semconv.TOKEN_TYPE_INPUT}, context)
        if output_tokens is not None:
            self._tokens.record(output_tokens, {**attributes, semconv.GEN_AI_TOKEN_TYPE: semconv.TOKEN_TYPE_OUTPUT}, context)

    def begin_pair(self, source: str, target: str) -> None:
        """Begin the series of a pair of providers at 0, once, so that its first increase is seen as one."""
        if (source, target) not in self._pairs:
            self._pairs.add((source, target))
            for error_type in semconv.FALLBACK_ERROR_TYPES:
                self.count_fallback(source, target, error_type, _NO_SPAN, number=0)

    def begin_pairs(self, providers: Sequence[str | None]) -> None:
        """The same for each pair of an ordered list, as far as it is known."""
        for source, target in itertools.combinations(filter(None, providers), 2):
            self.begin_pair(source, target)

    def count_fallback(self, source: str, target: str, error_type: str, context: Context, *, number: int = 1) -> None:
        """Count an attempt at the provider `target` in place of `source`."""
        attributes = {semconv.LLM_ROUTE_FROM: source, semconv.LLM_ROUTE_TO: target, semconv.ERROR_TYPE: error_type}
        self._fallbacks.add(number, attributes, context)
