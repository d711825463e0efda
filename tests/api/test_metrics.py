"""Measurements by the API: which series there are, and their points."""

import time

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum
from support.otlp import metric_points, value
from support.patience import WAIT_S

from venom_otel.store.protocol import Signal

MINUTE = 60_000_000_000


def number(at_ns, amount, **attributes):
    pairs = [{"key": name, "value": value(one)} for name, one in attributes.items()]
    return NumberDataPoint(time_unix_nano=at_ns, as_double=amount, attributes=pairs)


@pytest.fixture
def measured(api):
    """A gauge of two applications, one with two attributes' values, and a histogram."""
    now = time.time_ns()
    memory = Gauge(data_points=[number(now - 2 * MINUTE, 1.5, host="a"), number(now - MINUTE, 2.5, host="a"), number(now, 3.5, host="b")])
    runs = Sum(data_points=[number(now - 90 * MINUTE, 7.0)], is_monotonic=True, aggregation_temporality=2)
    histogram = HistogramDataPoint(
        start_time_unix_nano=now - MINUTE,
        time_unix_nano=now,
        count=3,
        sum=2.4,
        min=0.1,
        max=2.0,
        explicit_bounds=[1.0],
        bucket_counts=[2, 1],
    )
    durations = Histogram(data_points=[histogram], aggregation_temporality=2)
    metrics = [
        Metric(name="memory", unit="By", gauge=memory),
        Metric(name="runs", sum=runs),
        Metric(name="took", unit="s", histogram=durations),
    ]
    api.store.write(Signal.METRICS, metric_points(*metrics)).result(WAIT_S)
    api.store.write(Signal.METRICS, metric_points(Metric(name="memory", gauge=memory), service="other")).result(WAIT_S)
    return api


def series(api, **query):
    answer = api.get("/metrics", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"service": "chat-api"}, ["memory", "memory", "runs", "took"]),
        ({"name": "memory"}, ["memory"] * 4),
        ({"name": "memory", "service": "other", "attribute": "host=b"}, ["memory"]),
        ({"service": "chat-api", "since": "1h"}, ["memory", "memory", "took"]),
        ({"name": "nothing"}, []),
        ({"limit": 1}, ["memory"]),
    ],
)
def test_which_series(measured, query, found):
    assert [one["name"] for one in series(measured, **query)] == found


def test_a_series_says_what_it_is(measured):
    (runs,) = series(measured, name="runs")
    assert (runs["kind"], runs["temporality"], runs["monotonic"], runs["service"], runs["scope"]) == (
        "sum",
        "cumulative",
        True,
        "chat-api",
        "tests",
    )
    (memory,) = series(measured, name="memory", service="other", attribute="host=b")
    assert (memory["kind"], memory["temporality"], memory["attributes"]) == ("gauge", None, {"host": "b"})
    assert memory["resource"]["service.name"] == "other"


def points(api, name, **query):
    (found, *_) = series(api, name=name, service="chat-api")
    answer = api.get(f"/metrics/{found['id']}/points", **query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


def test_points_by_time(measured):
    assert [one["value"] for one in points(measured, "memory")] == [1.5, 2.5]
    assert [one["value"] for one in points(measured, "memory", limit=1)] == [2.5]
    newest = points(measured, "memory")[-1]["at"]
    assert [one["value"] for one in points(measured, "memory", since=newest)] == [2.5]
    assert points(measured, "runs") == []
    assert [one["value"] for one in points(measured, "runs", since="2h")] == [7.0]


def test_a_histogram_s_point(measured):
    (point,) = points(measured, "took")
    assert (point["count"], point["sum"], point["min"], point["max"], point["value"]) == (3, 2.4, 0.1, 2.0, None)
    assert point["buckets"] == [[1.0, 2], [None, 1]]
    assert point["since"] < point["at"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/metrics?attribute=host", "'host' is no attribute and value"),
        ("/metrics?nmae=x", "there is no parameter 'nmae'"),
        ("/metrics?since=soon", "'soon' is no time"),
        ("/metrics/x/points", "series: "),
        ("/metrics/1/points?limit=0", "limit: "),
    ],
)
def test_errors_are_problems_with_words(api, path, words):
    answer = api.client.get(f"/api/v1{path}")
    assert answer.status_code == 422
    assert words in answer.json()["detail"]


def test_a_series_that_is_not_there_has_no_points(api):
    assert api.get("/metrics/999/points").json() == {"items": []}
