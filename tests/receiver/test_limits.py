"""The limit on series: what is within is stored, what is beyond is rejected and said, by both protocols."""

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.otlp import metric_points

from venom_otel.settings import CockpitSettings
from venom_otel.store.protocol import MetricFilter, Signal


@pytest.fixture
def settings():
    return CockpitSettings(min_free_bytes=0, max_series=2)


def gauges(*names):
    return metric_points(*(Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=1, as_int=1)])) for name in names))


@pytest.mark.parametrize("protocol", ["http", "grpc"])
async def test_points_of_further_series_are_rejected_and_the_others_stored(receiver, rpc, protocol):
    body = gauges("a", "b", "c")
    if protocol == "http":
        answer = receiver.post(body, "/v1/metrics")
        assert answer.status_code == 200  # the whole must not be sent again
        answer = answer.content
    else:
        answer = rpc.export(body, Signal.METRICS)
    partial = ExportMetricsServiceResponse.FromString(answer).partial_success
    assert partial.rejected_data_points == 1
    assert "VENOM_OTEL_MAX_SERIES" in partial.error_message
    assert [series.name for series in await receiver.store.metric_series(MetricFilter(), 10)] == ["a", "b"]
