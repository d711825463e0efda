"""The charts' options, without a page."""

import pytest

from venom_otel.cockpit import texts
from venom_otel.cockpit.history import charts
from venom_otel.services.figures import DAY, HOUR, MINUTE, SECOND, Figures, Window
from venom_otel.store.distribution import Distribution, bucket
from venom_otel.store.generation import UNKNOWN
from venom_otel.store.protocol import RequestStatus

BEGIN = 1_790_000_040 * SECOND
STATUSES = (RequestStatus.COMPLETED, RequestStatus.FAILED, RequestStatus.CANCELLED)


def figures(completed=0, failed=0, cancelled=0, seconds=(), firsts=()):
    def spread(of):
        return Distribution(round(sum(of) * SECOND), {bucket(round(value * SECOND)): 1 for value in of})

    return Figures(dict(zip(STATUSES, (completed, failed, cancelled), strict=True)), 0, 0, spread(seconds), spread(firsts), UNKNOWN)


def data(options):
    return {series["name"]: series["data"] for series in options["series"]}


def test_requests_by_status_in_each_step():
    steps = {BEGIN: figures(3, 1), BEGIN + 2 * MINUTE: figures(completed=2, cancelled=1)}
    options = charts.requests_chart(Window(BEGIN, BEGIN + 3 * MINUTE, MINUTE), steps)
    assert data(options) == {"Failed": [1, None, None], "Cancelled": [None, None, 1], "Completed": [3, None, 2]}
    assert options["xAxis"]["data"] == [str((BEGIN + step * MINUTE) // 1_000_000) for step in range(3)]
    assert len({series["stack"] for series in options["series"]}) == 1


def test_latency_in_each_step():
    steps = {BEGIN: figures(2, seconds=(1, 4), firsts=(0.5,)), BEGIN + MINUTE: figures(1, seconds=(2,))}
    found = data(charts.latency_chart(Window(BEGIN, BEGIN + 3 * MINUTE, MINUTE), steps))
    assert found[texts.DURATION_P50] == [pytest.approx(1, rel=0.012), pytest.approx(2, rel=0.012), None]
    assert found[texts.DURATION_P95] == [pytest.approx(4, rel=0.012), pytest.approx(2, rel=0.012), None]
    # A value that stands alone has no line, so it is a dot.
    assert found[texts.FIRST_P50] == [{"value": pytest.approx(0.5, rel=0.012), "symbol": "circle", "symbolSize": 4}, None, None]


def test_colours_come_from_the_theme():
    for options in (charts.requests_chart(Window(0, HOUR, MINUTE), {}), charts.latency_chart(Window(0, HOUR, MINUTE), {})):
        assert all(series["color"].startswith("var(--") for series in options["series"])


@pytest.mark.parametrize(
    ("length", "tick"),
    [(15 * MINUTE, 5 * MINUTE), (HOUR, 10 * MINUTE), (6 * HOUR, HOUR), (DAY, 3 * HOUR), (7 * DAY, DAY), (30 * DAY, 5 * DAY)],
)
def test_labels_are_few(length, tick):
    axis = charts.requests_chart(Window.readable(BEGIN - length, BEGIN), {})["xAxis"]["axisLabel"]
    assert f"/ {tick // 1_000_000})" in axis[":interval"]
