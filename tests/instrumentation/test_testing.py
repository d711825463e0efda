"""`venom_otel.testing`: what users compare their spans with."""

import subprocess
import sys
import threading

import pytest
from opentelemetry._logs import SeverityNumber
from opentelemetry.trace import SpanKind, Status, StatusCode

from venom_otel.testing import ELAPSED, Capture

SCHEMA = "https://opentelemetry.io/schemas/1.41.1"


def test_spans_are_whole_dictionaries_with_counted_ids(capture):
    tracer = capture.tracer_provider.get_tracer("app", schema_url=SCHEMA)
    with tracer.start_as_current_span("outer", kind=SpanKind.CLIENT, attributes={"n": (1, 2)}) as outer:
        outer.set_attribute("gen_ai.response.time_to_first_chunk", 0.25)
        outer.set_attribute("llm.timing.load", 0.5)
        with tracer.start_as_current_span("inner") as inner:
            inner.add_event("exception", {"exception.type": "ValueError"})
            inner.set_status(Status(StatusCode.ERROR, "went wrong"))
    assert capture.span_dicts() == [
        {
            "name": "outer",
            "kind": "CLIENT",
            "trace": 1,
            "id": 1,
            "parent": None,
            "status": "UNSET",
            "description": None,
            "attributes": {"n": (1, 2), "gen_ai.response.time_to_first_chunk": ELAPSED, "llm.timing.load": 0.5},
            "events": [],
            "links": [],
            "scope": "app",
            "schema_url": SCHEMA,
        },
        {
            "name": "inner",
            "kind": "INTERNAL",
            "trace": 1,
            "id": 2,
            "parent": 1,
            "status": "ERROR",
            "description": "went wrong",
            "attributes": {},
            "events": [{"name": "exception", "attributes": {"exception.type": "ValueError"}}],
            "links": [],
            "scope": "app",
            "schema_url": SCHEMA,
        },
    ]
    assert capture.tree() == [("outer", [("inner", [])])]


@pytest.mark.parametrize("wrong", [-0.1, "0.2", 1])
def test_a_measured_time_that_cannot_be_one_is_shown(capture, wrong):
    with capture.tracer_provider.get_tracer("app").start_as_current_span("s") as span:
        span.set_attribute("gen_ai.response.time_to_first_chunk", wrong)
    assert capture.span_dicts()[0]["attributes"] == {"gen_ai.response.time_to_first_chunk": wrong}


def test_spans_come_in_the_order_in_which_they_were_begun(capture):
    tracer = capture.tracer_provider.get_tracer("app")
    first, second = tracer.start_span("first"), tracer.start_span("second")
    second.end()
    first.end()
    assert [(span["name"], span["trace"]) for span in capture.span_dicts()] == [("first", 1), ("second", 2)]
    assert capture.tree() == [("first", []), ("second", [])]


def test_metrics_are_points_by_name(capture):
    meter = capture.meter_provider.get_meter("app", schema_url=SCHEMA)
    duration = meter.create_histogram("d", unit="s", explicit_bucket_boundaries_advisory=[0.1, 1])
    duration.record(0.2, {"b": 1})
    duration.record(0.4, {"b": 1})
    meter.create_histogram("tokens", unit="{token}", explicit_bucket_boundaries_advisory=[1, 4]).record(7, {})
    meter.create_counter("c").add(2, {"k": "z"})
    meter.create_counter("c").add(3, {"k": "a"})
    expected = {
        "d": {
            "unit": "s",
            "scope": "app",
            "schema_url": SCHEMA,
            "points": [{"attributes": {"b": 1}, "count": 2, "sum": ELAPSED, "bounds": (0.1, 1)}],
        },
        "tokens": {
            "unit": "{token}",
            "scope": "app",
            "schema_url": SCHEMA,
            "points": [{"attributes": {}, "count": 1, "sum": 7, "bounds": (1, 4)}],
        },
        "c": {
            "unit": "",
            "scope": "app",
            "schema_url": SCHEMA,
            "points": [{"attributes": {"k": "a"}, "value": 3}, {"attributes": {"k": "z"}, "value": 2}],
        },
    }
    assert capture.metrics() == expected
    assert capture.metrics() == expected, "reading does not reset"


def test_logs_carry_their_span(capture):
    logger = capture.logger_provider.get_logger("app", schema_url=SCHEMA)
    with capture.tracer_provider.get_tracer("app").start_as_current_span("s"):
        logger.emit(severity_number=SeverityNumber.WARN, body="inside", attributes={"k": 1}, event_name="e")
    logger.emit(severity_number=SeverityNumber.INFO, body="outside")
    inside = {"event_name": "e", "severity": "WARN", "body": "inside", "attributes": {"k": 1}, "trace": 1, "span": 1}
    outside = {"event_name": None, "severity": "INFO", "body": "outside", "attributes": {}, "trace": None, "span": None}
    scope = {"scope": "app", "schema_url": SCHEMA}
    assert capture.logs() == [inside | scope, outside | scope]


def test_waiting_for_a_span_of_another_thread(capture):
    span = capture.tracer_provider.get_tracer("app").start_span("late")
    threading.Timer(0.01, span.end).start()
    assert [span.name for span in capture.wait_for_spans(1)] == ["late"]
    assert [span.name for span in capture.wait_for_spans(1, scope="app")] == ["late"]
    with pytest.raises(TimeoutError, match=r"1 spans expected.*\[\]"):
        capture.wait_for_spans(1, timeout=0, scope="another")
    with pytest.raises(TimeoutError, match=r"2 spans expected.*\['late'\]"):
        capture.wait_for_spans(2, timeout=0)


def test_two_captures_share_nothing():
    first, second = Capture(), Capture({"service.name": "shop"})
    first.tracer_provider.get_tracer("app").start_span("s").end()
    assert [span.context.span_id for span in first.spans()] == [1]
    assert second.spans() == []
    second.tracer_provider.get_tracer("app").start_span("s").end()
    assert dict(second.spans()[0].resource.attributes) == {"service.name": "shop"}
    first.close()
    second.close()


def test_it_needs_no_pytest():
    code = "import sys; sys.modules['pytest'] = None; import venom_otel.testing as t; t.Capture().close(); assert not hasattr(t, 'capture')"
    subprocess.run([sys.executable, "-c", code], check=True)
