"""Data points as slim rows, and back: all five of OTLP's kinds of metric.

Numbers keep their type (a whole number is not the same as a float), NaN is kept as a text, for SQLite makes NULL of it. Bounds and counts
of buckets are packed; exemplars stay in the raw request alone.
"""

from __future__ import annotations

import math
from array import array
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.metrics.v1.metrics_pb2 import DataPointFlags, ExponentialHistogramDataPoint, SummaryDataPoint

from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import MetricKind, MetricPoint

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Buckets = ExponentialHistogramDataPoint.Buckets
Number = int | float | str | None

_NO_VALUE: Final = DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK
_NAN: Final = "NaN"
_INF: Final = math.inf
_MAX_EXPONENT: Final = 1023.9999999999999


class PointRow(NamedTuple):
    """A data point, ready to be stored."""

    stream: bytes
    """The stream's digest."""
    time_ns: int
    """0 where the sender did not say."""
    start_ns: int | None
    value: Number
    """Of a gauge or a sum; of the other kinds the sum of the values."""
    counted: int | None = None
    """How many values."""
    low: Number = None
    high: Number = None
    bounds: bytes | None = None
    """Of a histogram: its explicit bounds."""
    detail: bytes | None = None
    """Of a histogram its counts, of an exponential one all about its buckets, of a summary its quantiles: serialized messages of OTLP's."""


class StoredPoint(NamedTuple):
    """A data point as the file has it: the columns of `points_of_stream`."""

    time_ns: int
    start_ns: int | None
    value: Number
    counted: int | None
    low: Number
    high: Number
    bounds: bytes | None
    """None where they are the stream's."""
    detail: bytes | None


def row(kind: MetricKind, stream: bytes, point: Any) -> PointRow:
    """The row of one of OTLP's data points; a point that says that there is no value has none."""
    times = (stream, min(point.time_unix_nano, MAX_INT64), min(point.start_time_unix_nano, MAX_INT64) or None)
    if point.flags & _NO_VALUE:
        return PointRow(*times, None)
    if kind in (MetricKind.GAUGE, MetricKind.SUM):
        which = point.WhichOneof("value")
        return PointRow(*times, _keep(getattr(point, which)) if which else None)
    count = min(point.count, MAX_INT64)
    if kind is MetricKind.SUMMARY:
        return PointRow(*times, _keep(point.sum), count, detail=SummaryDataPoint(quantile_values=point.quantile_values).SerializeToString())
    total, low, high = (_keep(getattr(point, name)) if point.HasField(name) else None for name in ("sum", "min", "max"))
    if kind is MetricKind.HISTOGRAM:
        counts = Buckets(bucket_counts=point.bucket_counts).SerializeToString()
        return PointRow(*times, total, count, low, high, array("d", point.explicit_bounds).tobytes(), counts)
    buckets = ExponentialHistogramDataPoint(
        scale=point.scale,
        zero_count=point.zero_count,
        zero_threshold=point.zero_threshold,
        positive=point.positive if point.HasField("positive") else None,
        negative=point.negative if point.HasField("negative") else None,
    )
    return PointRow(*times, total, count, low, high, None, buckets.SerializeToString())


def point(kind: MetricKind, of_stream: bytes | None, kept: StoredPoint) -> MetricPoint:
    """The point of a row of a stream of this kind and with these bounds."""
    is_number = kind in (MetricKind.GAUGE, MetricKind.SUM)
    buckets: Sequence[tuple[float, int]] = ()
    quantiles: Sequence[tuple[float, float]] = ()
    if kept.detail is not None:
        match kind:
            case MetricKind.HISTOGRAM:
                bounds = of_stream if kept.bounds is None else kept.bounds
                buckets = _explicit(bounds or b"", Buckets.FromString(kept.detail).bucket_counts)
            case MetricKind.EXPONENTIAL_HISTOGRAM:
                buckets = tuple(_exponential(ExponentialHistogramDataPoint.FromString(kept.detail)))
            case MetricKind.SUMMARY:
                quantiles = tuple((item.quantile, item.value) for item in SummaryDataPoint.FromString(kept.detail).quantile_values)
    return MetricPoint(
        time_ns=kept.time_ns,
        start_ns=kept.start_ns,
        value=_kept(kept.value) if is_number else None,
        count=kept.counted,
        sum=None if is_number else _kept(kept.value),
        min=_kept(kept.low),
        max=_kept(kept.high),
        buckets=buckets,
        quantiles=quantiles,
    )


def _keep(value: float) -> Number:
    return _NAN if value != value else value  # noqa: PLR0124 - true of NaN alone


def _kept(value: Number) -> float | None:
    return math.nan if isinstance(value, str) else value


def _explicit(bounds: bytes, counts: Sequence[int]) -> Sequence[tuple[float, int]]:
    """Upper bounds with their counts; a histogram may have no buckets at all."""
    return tuple(zip((*array("d", bounds), _INF), counts, strict=False)) if counts else ()


def _exponential(said: ExponentialHistogramDataPoint) -> Iterator[tuple[float, int]]:
    """Upper bounds from the most negative on. Where a range begins, an empty bucket ends at its lower bound, so that it stays narrow."""
    per_bucket = 2.0 ** min(max(-said.scale, -1_000), 1_000)

    def power(index: int) -> float:
        exponent = index * per_bucket
        return 2.0**exponent if exponent < _MAX_EXPONENT else _INF

    below, above = said.negative, said.positive
    if below.bucket_counts:
        yield -power(below.offset + len(below.bucket_counts)), 0
        for place in range(len(below.bucket_counts) - 1, -1, -1):
            yield -power(below.offset + place), below.bucket_counts[place]
    if said.zero_count or below.bucket_counts:
        if said.zero_threshold:
            yield -said.zero_threshold, 0
        yield said.zero_threshold, said.zero_count
    last = 0.0
    if above.bucket_counts:
        yield power(above.offset), 0
        for place, count in enumerate(above.bucket_counts, above.offset + 1):
            last = power(place)
            yield last, count
    if last < _INF:
        yield _INF, 0
