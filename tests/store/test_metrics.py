"""Data points are found again by their series and their time, of every kind and exactly."""

import math

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
    DataPointFlags,
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)
from support.otlp import SECOND, attributes, metric_points
from support.patience import WAIT_S

from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import MetricFilter, MetricKind, MetricPoint, Signal, Written

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
DELTA = AggregationTemporality.AGGREGATION_TEMPORALITY_DELTA
EVERYTHING = {"text": "häß", "yes": True, "int": -5, "float": 0.5, "bytes": b"\x00\xff", "list": [1, "a"], "map": {"a": {"b": 2.5}}}
Buckets = ExponentialHistogramDataPoint.Buckets


def send(store, *metrics, **others):
    return store.write(Signal.METRICS, metric_points(*metrics, **others)).result(WAIT_S)


def gauge(name="llm.runtime.up", *, said=None, **values):
    """A gauge of one point for each time in seconds, `_5=1.5`."""
    points = [number(int(at[1:]) * SECOND, value, said) for at, value in (values or {"_1": 1}).items()]
    return Metric(name=name, unit="{state}", description="Whether it runs.", gauge=Gauge(data_points=points))


def number(time_ns, value, said=None, **others):
    kind = {"as_int": value} if isinstance(value, int) else {"as_double": value}
    return NumberDataPoint(time_unix_nano=time_ns, attributes=attributes(said or {}), **kind, **others)


async def only_series(store, **which):
    (found,) = await store.metric_series(MetricFilter(**which), 10)
    return found


async def points(store, series=None, since=0, until=2**63 - 1, limit=1_000):
    number = (await only_series(store)).id if series is None else series
    return await store.metric_points(number, since, until, limit)


async def test_a_series_says_what_it_is(store):
    total = Sum(aggregation_temporality=CUMULATIVE, is_monotonic=True, data_points=[number(7 * SECOND, 1, EVERYTHING)])
    assert send(store, Metric(name="llm.fallbacks", unit="{fallback}", description="Fallbacks.", sum=total)) == Written(1)
    found = await only_series(store)
    assert (found.name, found.kind, found.unit, found.description) == ("llm.fallbacks", MetricKind.SUM, "{fallback}", "Fallbacks.")
    assert (found.temporality, found.monotonic) == ("cumulative", True)
    assert (found.service, found.scope, found.resource) == ("chat-api", "tests", {"service.name": "chat-api"})
    assert found.attributes == EVERYTHING
    assert found.last_ns == 7 * SECOND


async def test_numbers_keep_their_kind_and_every_value(store):
    values = {"_1": 3, "_2": 3.0, "_3": -(2**63), "_4": math.inf, "_5": -math.inf, "_6": 5e-324, "_7": 0, "_8": -0.0}
    send(store, gauge(**values))
    found = await points(store)
    assert [point.value for point in found] == list(values.values())
    assert [type(point.value) for point in found] == [type(value) for value in values.values()]
    assert math.copysign(1, found[-1].value) == -1
    assert found[0] == MetricPoint(SECOND, None, 3, None, None, None, None, (), ())


async def test_nan_is_a_value_and_no_value_is_none(store):
    no_value = number(2 * SECOND, 5.0, flags=DataPointFlags.DATA_POINT_FLAGS_NO_RECORDED_VALUE_MASK)
    send(store, Metric(name="x", gauge=Gauge(data_points=[number(SECOND, math.nan), no_value, NumberDataPoint(time_unix_nano=3 * SECOND)])))
    nan, flagged, empty = await points(store)
    assert math.isnan(nan.value)
    assert (flagged.value, flagged.time_ns) == (None, 2 * SECOND)
    assert empty.value is None


async def test_a_histogram_comes_back_with_its_buckets(store):
    first = HistogramDataPoint(
        start_time_unix_nano=SECOND,
        time_unix_nano=2 * SECOND,
        count=6,
        sum=12.5,
        min=0.25,
        max=9.5,
        explicit_bounds=[0.5, 1, 5],
        bucket_counts=[1, 2, 0, 3],
        exemplars=[Exemplar(as_double=0.25, time_unix_nano=SECOND)],
    )
    bare = HistogramDataPoint(time_unix_nano=3 * SECOND, count=2)
    other_bounds = HistogramDataPoint(time_unix_nano=4 * SECOND, count=2**40, explicit_bounds=[7], bucket_counts=[2**40 - 1, 1])
    send(store, Metric(name="h", histogram=Histogram(aggregation_temporality=DELTA, data_points=[first, bare, other_bounds])))
    assert await points(store) == [
        MetricPoint(2 * SECOND, SECOND, None, 6, 12.5, 0.25, 9.5, ((0.5, 1), (1.0, 2), (5.0, 0), (math.inf, 3)), ()),
        MetricPoint(3 * SECOND, None, None, 2, None, None, None, (), ()),
        MetricPoint(4 * SECOND, None, None, 2**40, None, None, None, ((7.0, 2**40 - 1), (math.inf, 1)), ()),
    ]
    assert (await only_series(store)).temporality == "delta"


async def test_an_exponential_histogram_s_buckets_have_their_true_bounds(store):
    point = ExponentialHistogramDataPoint(
        time_unix_nano=SECOND,
        count=15,
        sum=math.nan,
        scale=1,
        zero_count=4,
        zero_threshold=0.125,
        positive=Buckets(offset=0, bucket_counts=[1, 0, 2]),
        negative=Buckets(offset=-1, bucket_counts=[3, 5]),
        min=-2,
        max=3,
    )
    send(store, Metric(name="e", exponential_histogram=ExponentialHistogram(aggregation_temporality=CUMULATIVE, data_points=[point])))
    (found,) = await points(store)
    assert (found.count, found.min, found.max) == (15, -2.0, 3.0)
    assert math.isnan(found.sum)
    root = math.sqrt(2)
    expected = [(-root, 0), (-1, 5), (-1 / root, 3), (-0.125, 0), (0.125, 4), (1, 0), (root, 1), (2, 0), (2 * root, 2), (math.inf, 0)]
    assert [count for _, count in found.buckets] == [count for _, count in expected]
    assert [bound for bound, _ in found.buckets] == pytest.approx([bound for bound, _ in expected])
    assert sum(count for _, count in found.buckets) == found.count


@pytest.mark.parametrize("scale", [-(2**31), -11, 20, 2**31 - 1])
async def test_absurd_scales_do_no_harm(store, scale):
    buckets = Buckets(offset=2**31 - 1, bucket_counts=[1, 1])
    point = ExponentialHistogramDataPoint(time_unix_nano=SECOND, count=2, scale=scale, positive=buckets, negative=buckets)
    send(store, Metric(name="e", exponential_histogram=ExponentialHistogram(data_points=[point])))
    (found,) = await points(store)
    bounds = [bound for bound, _ in found.buckets]
    assert bounds == sorted(bounds)
    assert bounds[-1] == math.inf


async def test_a_summary_comes_back_with_its_quantiles(store):
    quantiles = [SummaryDataPoint.ValueAtQuantile(quantile=q, value=value) for q, value in ((0, 0.5), (0.99, 7), (1, math.inf))]
    point = SummaryDataPoint(time_unix_nano=SECOND, start_time_unix_nano=5, count=3, sum=9.5, quantile_values=quantiles)
    send(store, Metric(name="s", summary=Summary(data_points=[point])))
    assert await points(store) == [MetricPoint(SECOND, 5, None, 3, 9.5, None, None, (), ((0.0, 0.5), (0.99, 7.0), (1.0, math.inf)))]
    assert (await only_series(store)).temporality is None


async def test_the_same_stream_is_one_series_however_it_is_sent(store):
    send(store, gauge(said={"a": 1, "b": {"x": 1, "y": [2]}}, _1=1))
    send(store, gauge(said={"b": {"y": [2], "x": 1}, "a": 1}, _2=2.5))
    assert [point.value for point in await points(store)] == [1, 2.5]


async def test_what_differs_is_another_series(store):
    send(store, gauge(), gauge("other"), gauge(said={"a": 1}), gauge(said={"a": "1"}), gauge(said={"a": True}), gauge(said={"a": 1.0}))
    send(store, gauge(), service="another")
    send(store, gauge(), scope="another")
    send(store, Metric(name="llm.runtime.up", unit="{state}", sum=Sum(data_points=[number(1, 1)])))
    send(store, Metric(name="llm.runtime.up", unit="1", gauge=Gauge(data_points=[number(1, 1)])))
    assert len(await store.metric_series(MetricFilter(), 100)) == 10


async def test_series_are_found_by_name_service_attribute_and_time(store):
    send(store, gauge("b", _1=1), gauge("a", said={"port": 8000, "up": True}, _1=1), gauge("a", said={"port": 8001}, _9=1))
    send(store, gauge("a", _1=1), service="another")

    async def found(**which):
        limit = which.pop("limit", 10)
        return [(one.name, one.service, dict(one.attributes)) for one in await store.metric_series(MetricFilter(**which), limit)]

    everything = [
        ("a", "another", {}),
        ("a", "chat-api", {"port": 8000, "up": True}),
        ("a", "chat-api", {"port": 8001}),
        ("b", "chat-api", {}),
    ]
    assert await found() == everything
    assert await found(limit=2) == everything[:2]
    assert await found(name="a") == everything[:3]
    assert await found(service="another") == everything[:1]
    assert await found(attributes={"port": "8000", "up": "true"}) == everything[1:2]
    assert await found(attributes={"port": "8000", "up": "false"}) == []
    assert await found(attributes={"port": "8001"}, limit=1) == everything[2:3]
    assert await found(since_ns=9 * SECOND) == everything[2:3]
    assert await found(name="nothing") == []


async def test_points_come_by_time_and_the_newest_where_there_are_too_many(store):
    for second in (5, 1, 3, 2, 4):
        send(store, gauge(**{f"_{second}": second}))
    assert [point.value for point in await points(store)] == [1, 2, 3, 4, 5]
    assert [point.value for point in await points(store, since=2 * SECOND, until=4 * SECOND)] == [2, 3, 4]
    assert [point.value for point in await points(store, limit=2)] == [4, 5]
    assert await points(store, series=77) == []
    assert await points(store, since=-(2**70), until=2**70) == await points(store)


async def test_a_point_without_a_time_has_its_arrival(store):
    send(store, Metric(name="x", gauge=Gauge(data_points=[NumberDataPoint(as_int=1)])))
    (found,) = await points(store)
    assert (await only_series(store)).last_ns == found.time_ns > 10**18


async def test_further_series_than_are_kept_are_refused_in_words_and_the_rest_stored(path):
    with EmbeddedStore(path, min_free_bytes=0, max_series=2) as store:
        assert send(store, gauge("a"), gauge("b", _1=1)).rejected == 0
        refused = send(store, gauge("a", _2=2), gauge("c", _2=2, _3=3), gauge("b", _2=2))
        assert (refused.items, refused.rejected) == (2, 2)
        assert "VENOM_OTEL_MAX_SERIES" in refused.reason
        assert send(store, gauge("d")) == Written(0, 1, refused.reason)
        assert [one.name for one in await store.metric_series(MetricFilter(), 10)] == ["a", "b"]
    with EmbeddedStore(path, min_free_bytes=0, max_series=3) as store:
        assert send(store, gauge("a", _9=9), gauge("c")).rejected == 0
        assert send(store, gauge("d")).rejected == 1


async def test_the_limit_holds_within_one_commit(path):
    with EmbeddedStore(path, min_free_bytes=0, max_series=10) as store:
        writes = [store.write(Signal.METRICS, metric_points(gauge(f"metric {number % 50}", _1=number))) for number in range(500)]
        written = [write.result(WAIT_S) for write in writes]
        assert sum(one.items for one in written) == 100
        assert sum(one.rejected for one in written) == 400
        assert len(await store.metric_series(MetricFilter(), 100)) == 10
