"""Points of metrics out of a real Prometheus are those that the embedded store has of the same exports."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    AggregationTemporality,
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
from support import otlp
from support.prometheus_server import PrometheusServer

from venom_otel.store.combined import CombinedStore
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.prometheus import PrometheusStore
from venom_otel.store.protocol import MetricFilter, Signal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from venom_otel.store.protocol import MetricPoint, MetricSeries

CUMULATIVE = AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE
MINUTE = 60 * 10**9
NUMBER = 400
"""Points of each series, a minute apart: more than fit into the first windows that are asked for."""
SAID = {"llm.provider": "vllm", "llm.model": 'a "b" \\ ü', "yes": True, "port": 8000}
OTHERS = {**SAID, "more": "x"}
UNTIL = 2**63 - 1


def exported(number: int, at_ns: int) -> bytes:
    """What an application exports at its `number`th time: a metric of each kind, and some names that are translated."""
    said = otlp.attributes(SAID)

    def value(of: float, attributes: dict[str, object] = SAID) -> list[NumberDataPoint]:
        return [NumberDataPoint(time_unix_nano=at_ns, as_double=of, attributes=otlp.attributes(attributes))]

    def total(name: str, unit: str, of: float) -> Metric:
        return Metric(name=name, unit=unit, sum=Sum(is_monotonic=True, aggregation_temporality=CUMULATIVE, data_points=value(of)))

    histogram = HistogramDataPoint(
        time_unix_nano=at_ns,
        attributes=said,
        count=3 * number,
        sum=1.5 * number,
        explicit_bounds=[0.1, 1.0],
        bucket_counts=[number, number, number],
    )
    native = ExponentialHistogramDataPoint(
        time_unix_nano=at_ns,
        attributes=said,
        count=3 * number,
        sum=5.0 * number,
        scale=2,
        positive=ExponentialHistogramDataPoint.Buckets(offset=3, bucket_counts=[number, 0, 2 * number]),
    )
    quantile = SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=0.25)
    summary = SummaryDataPoint(time_unix_nano=at_ns, attributes=said, count=number, sum=2.0 * number, quantile_values=[quantile])
    return otlp.metric_points(
        Metric(name="llm.runtime.memory", unit="By", gauge=Gauge(data_points=[*value(number), *value(-1.0, OTHERS)])),
        Metric(name="queue.share", unit="1", gauge=Gauge(data_points=value(number / NUMBER))),
        total("llm.fallbacks", "{fallback}", number),
        total("io.total.size", "KiBy/s", number),
        total("9lives", "d", number),
        Metric(name="open_files", sum=Sum(aggregation_temporality=CUMULATIVE, data_points=value(number % 7))),
        Metric(
            name="gen_ai.client.operation.duration",
            unit="s",
            histogram=Histogram(aggregation_temporality=CUMULATIVE, data_points=[histogram]),
        ),
        Metric(
            name="native",
            unit="ms",
            exponential_histogram=ExponentialHistogram(aggregation_temporality=CUMULATIVE, data_points=[native]),
        ),
        Metric(name="rpc.took", unit="s", summary=Summary(data_points=[summary])),
    )


@pytest.fixture(scope="module")
def begin_ns() -> int:
    """When the first point was measured; to the millisecond, as Prometheus has times."""
    return (time.time_ns() // MINUTE - NUMBER - 5) * MINUTE + 123 * 10**6


@pytest.fixture(scope="module")
def here(begin_ns: int, tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStore]:
    """All of it in the embedded store."""
    with EmbeddedStore(tmp_path_factory.mktemp("here") / "telemetry.db", min_free_bytes=0) as store:
        for number in range(NUMBER):
            store.write(Signal.METRICS, exported(number, begin_ns + number * MINUTE)).result()
        yield store


@pytest.fixture(scope="module")
def server(begin_ns: int, prometheus_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """The same in a Prometheus."""
    with PrometheusServer(tmp_path_factory.mktemp("prometheus")) as server, httpx.Client(trust_env=False) as client:
        for number in range(NUMBER):
            body = exported(number, begin_ns + number * MINUTE)
            sent = client.post(f"{server.otlp}/v1/metrics", content=body, headers={"content-type": "application/x-protobuf"})
            sent.raise_for_status()
        yield server


@pytest.fixture
def there(server: PrometheusServer) -> Iterator[PrometheusStore]:
    """Our questions to it."""
    with contextlib.closing(PrometheusStore(server.url, days=2)) as store:
        yield store


async def series_of(store: EmbeddedStore, name: str) -> MetricSeries:
    """The series of a metric that has no attribute more."""
    found = await store.metric_series(MetricFilter(name=name), 10)
    [one] = [one for one in found if "more" not in one.attributes]
    return one


def comparable(points: list[MetricPoint] | tuple[MetricPoint, ...]) -> list[MetricPoint]:
    """What both know: Prometheus keeps no empty buckets of its native histograms, and rounds their bounds otherwise."""
    return [
        replace(
            one,
            start_ns=None,
            min=None,
            max=None,
            buckets=[(round(bound, 9), count) for bound, count in one.buckets if count],
            quantiles=list(one.quantiles),
        )
        for one in points
    ]


NAMES = (
    "llm.runtime.memory",
    "queue.share",
    "llm.fallbacks",
    "io.total.size",
    "9lives",
    "open_files",
    "gen_ai.client.operation.duration",
    "native",
    "rpc.took",
)


@pytest.mark.parametrize("name", NAMES)
async def test_each_kind(name: str, begin_ns: int, here: EmbeddedStore, there: PrometheusStore) -> None:
    series = await series_of(here, name)
    for since, until, limit in (
        (0, UNTIL, 1_000),
        (begin_ns + 7 * MINUTE, begin_ns + 300 * MINUTE, 1_000),
        (0, UNTIL, 70),
        (begin_ns, begin_ns, 5),
    ):
        wanted = comparable(list(await here.metric_points(series.id, since, until, limit)))
        assert wanted
        assert comparable(list(await there.metric_points(series, since, until, limit))) == wanted


async def test_older_points_come_before_those_that_are_here(
    begin_ns: int, here: EmbeddedStore, server: PrometheusServer, tmp_path: Path
) -> None:
    with EmbeddedStore(tmp_path / "late.db", min_free_bytes=0) as late:
        for number in range(NUMBER - 20, NUMBER):
            late.write(Signal.METRICS, exported(number, begin_ns + number * MINUTE)).result()
        series, whole = await series_of(late, "llm.fallbacks"), await series_of(here, "llm.fallbacks")
        with contextlib.closing(CombinedStore(late, figures=PrometheusStore(server.url, days=2))) as both:
            for since, until, limit in ((0, UNTIL, 1_000), (0, UNTIL, 20), (0, UNTIL, 33), (begin_ns, begin_ns + 9 * MINUTE, 50)):
                wanted = await here.metric_points(whole.id, since, until, limit)
                assert comparable(list(await both.metric_points(series.id, since, until, limit))) == comparable(list(wanted))
            assert await both.metric_points(999_999, 0, UNTIL, 10) == []
        with contextlib.closing(CombinedStore(late, figures=PrometheusStore("http://127.0.0.1:9", days=2))) as alone:
            assert len(await alone.metric_points(series.id, 0, UNTIL, 1_000)) == 20
