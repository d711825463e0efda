"""Real traffic through the stack: a kernel asks a real Ollama; the Collector sends on to a real Prometheus and a real cockpit.

For Tempo, which cannot be had here, stands an OTLP sink.
"""

import contextlib
import json
import time

import httpx
import pytest
from support import otlp
from support.chat_server import ClosedPort
from support.cockpit import Cockpit
from support.collector import Collector
from support.otlp_sink import OtlpSink
from support.program import eventually
from support.prometheus_server import PrometheusServer
from support.senders import KernelApplication, monitor

from venom_otel import semconv

pytestmark = [pytest.mark.slow, pytest.mark.ollama, pytest.mark.timeout(240)]

UNITS = {"s": "_seconds", "By": "_bytes", "1": "_ratio"}


def prometheus_name(metric, kind, unit):
    """The rule by which Prometheus names what comes by OTLP, written anew: units in braces add nothing."""
    suffix = "_count" if kind == "histogram" else "_total" if kind == "counter" else ""
    return metric.replace(".", "_") + UNITS.get(unit, "") + suffix


class Stack:
    """All that runs, and what the application asked: two answers, a stream, a missing model, a fallback and its failed attempt."""

    def __init__(self, tempo, prometheus, cockpit, collector):
        self.tempo, self.prometheus, self.cockpit, self.collector = tempo, prometheus, cockpit, collector


@pytest.fixture(scope="module")
def stack(collector_program, prometheus_program, ollama, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    with (
        OtlpSink() as tempo,
        PrometheusServer(folder / "prometheus") as prometheus,
        Cockpit(tmp_path_factory.mktemp("cockpit")) as cockpit,
        Collector(folder / "collector", tempo=tempo.url, prometheus=prometheus.otlp, cockpit=cockpit.otlp) as collector,
        contextlib.closing(ClosedPort()) as dead,
    ):
        ask = {"connector": "ollama", "url": ollama.url, "model": ollama.model, "stream": False}
        asked = [ask, ask, ask | {"stream": True}, ask | {"model": "missing:1b"}]
        asked.append(ask | {"connector": "fallback", "url": f"{dead.url} {ollama.url}"})
        with KernelApplication(folder, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_SERVICE_NAME="chat-api") as application:
            answers = [application.ask(**question) for question in asked]
        assert [set(answer) for answer in answers] == [{"text"}, {"text"}, {"text"}, {"error"}, {"text"}]
        yield Stack(tempo, prometheus, cockpit, collector)


def test_spans_reach_tempo(stack):
    spans = stack.tempo.wait_for(lambda sink: len([span for span in sink.spans if span.name.startswith("chat ")]) == 6 and sink.spans, 30)
    assert {span.resource["service.name"] for span in spans} == {"chat-api"}
    asked = [span for span in spans if span.name.startswith("chat ")]
    assert sorted(span.attributes["llm.outcome"] for span in asked) == ["error", "error", "ok", "ok", "ok", "ok"]
    assert {span.attributes["llm.provider"] for span in asked if span.attributes["llm.outcome"] == "ok"} == {"ollama"}


@pytest.mark.parametrize(
    ("metric", "kind", "unit", "having", "value"),
    [
        (semconv.METRIC_OPERATION_DURATION, "histogram", "s", 'error_type=""', 4),
        (semconv.METRIC_OPERATION_DURATION, "histogram", "s", 'error_type="404"', 1),
        (semconv.METRIC_OPERATION_DURATION, "histogram", "s", 'error_type="connection_error"', 1),
        (semconv.METRIC_TIME_TO_FIRST_CHUNK, "histogram", "s", "", 1),
        (semconv.METRIC_TOKEN_USAGE, "histogram", "{token}", 'gen_ai_token_type="output"', 4),
        (semconv.METRIC_FALLBACKS, "counter", "{fallback}", 'llm_route_to="ollama"', 1),
    ],
)
def test_metrics_reach_prometheus_by_their_names_there(stack, metric, kind, unit, having, value):
    name = prometheus_name(metric, kind, unit)
    selector = f'{name}{{job="chat-api",service_name="chat-api",{having}}}'
    eventually(
        lambda: stack.prometheus.value(f"sum({selector})") == value, of=lambda: str(stack.prometheus.query(f'{{__name__="{name}"}}'))
    )


def test_exemplars_lead_from_a_metric_to_its_trace(stack):
    name = prometheus_name(semconv.METRIC_OPERATION_DURATION, "", "s") + "_bucket"
    window = {"query": name, "start": time.time() - 600, "end": time.time() + 60}

    def exemplars():
        series = httpx.get(f"{stack.prometheus.url}/api/v1/query_exemplars", params=window).json()["data"]
        return {exemplar["labels"].get("trace_id") for one in series for exemplar in one["exemplars"]}

    known = {span.trace_id.hex() for span in stack.tempo.wait_for_spans(6)}
    assert eventually(exemplars) <= known


def test_the_cockpit_has_its_copy(stack):
    api = f"{stack.cockpit.page}/api/v1/history/requests"
    requests = eventually(lambda: (items := httpx.get(api).json()["items"]) and len(items) == 6 and items)
    assert sorted(request["status"] for request in requests) == ["COMPLETED"] * 4 + ["FAILED"] * 2
    metrics = httpx.get(f"{stack.cockpit.page}/api/v1/metrics").json()
    assert semconv.METRIC_OPERATION_DURATION in json.dumps(metrics)


def test_the_monitor_takes_the_same_road(stack, ollama, tmp_path):
    with monitor(tmp_path, OTEL_EXPORTER_OTLP_ENDPOINT=stack.collector.url, OLLAMA_ENDPOINT=ollama.url):
        up = prometheus_name(semconv.METRIC_RUNTIME_UP, "gauge", "{server}")
        series = eventually(lambda: stack.prometheus.query(f'{up}{{job="{semconv.MONITOR_SERVICE}"}} == 1'))
        assert {one["metric"]["llm_provider"] for one in series} == {"ollama"}
        assert {one["metric"]["llm_endpoint"] for one in series} == {ollama.url}


@pytest.mark.parametrize("profiles", ["loki", "ollama,loki", "*"])
def test_with_the_profile_logs_go_to_loki(collector_program, tmp_path, profiles):
    """By OTLP, which Loki takes; a sink stands for it."""
    with (
        OtlpSink() as loki,
        OtlpSink() as copy,
        Collector(tmp_path, cockpit=copy.url, LOKI_OTLP_URL=loki.url, COLLECTOR_PROFILES=profiles) as collector,
    ):
        log_through(collector)
        for sink in (loki, copy):
            (record,) = sink.wait_for(lambda sink: sink.logs, 30)
            assert record.body.string_value == "who answered"


@pytest.mark.parametrize("variables", [{}, {"COLLECTOR_PROFILES": ""}, {"COLLECTOR_PROFILES": "ollama,loki-not,vllm"}], ids=str)
def test_without_the_profile_nothing_waits_for_loki(collector_program, tmp_path, variables):
    with OtlpSink() as copy, Collector(tmp_path, cockpit=copy.url, **variables) as collector:
        log_through(collector)
        copy.wait_for(lambda sink: sink.logs, 30)
        assert collector.measured("otelcol_exporter_queue_size", "otlp_http/loki") == 0
        assert [line for line in collector.log.splitlines() if "loki" in line and "\tinfo\t" not in line] == []


def log_through(collector):
    body = otlp.log_records(otlp.log_record("who answered"))
    httpx.post(f"{collector.url}/v1/logs", content=body, headers={"Content-Type": "application/x-protobuf"}).raise_for_status()
