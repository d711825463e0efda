"""The stack as compose puts it together: one `venom-otel up` watches the model servers, and all that it says goes through the Collector.

What it sees reaches Prometheus and its own store, once each, and so does who answers when a fallback does.
"""

import contextlib
import json

import httpx
import pytest
from support.chat_server import ClosedPort
from support.cockpit import Cockpit
from support.collector import Collector
from support.otlp_sink import OtlpSink
from support.patience import WAIT_S
from support.program import eventually
from support.prometheus_server import PrometheusServer
from support.repository import ROOT
from support.reserved import kept_port
from support.senders import KernelApplication

from venom_otel.grafana import names
from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

MODEL = "simulated-qwen-7b"
EVERY = {"OTEL_METRIC_EXPORT_INTERVAL": "500", "VENOM_OTEL_PROBE_INTERVAL_S": "1"}
OVERVIEW = json.loads((ROOT / "dashboards" / "overview.json").read_text(encoding="utf-8"))
SET, ANSWERED, BOTH = 1, 2, 3


def asked(title):
    """What the panel of that title asks, set to all there is."""
    (panel,) = [panel for panel in OVERVIEW["panels"] if panel["title"] == title]
    expr = panel["targets"][0]["expr"]
    for variable in ("provider", "model", "endpoint", "service"):
        expr = expr.replace(f"${variable}", ".*")
    # Grafana's interval is at least a minute, for applications that export once a minute; this one does so twice a second.
    return expr.replace("$__interval", "10s").replace("$__range", "10m")


@pytest.fixture(scope="module")
def stack(collector_program, prometheus_program, tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    tempo = OtlpSink()
    otlp_port = kept_port(tempo)
    with (
        tempo,
        PrometheusServer(folder / "prometheus") as prometheus,
        Collector(folder / "collector", tempo=tempo.url, prometheus=prometheus.otlp, cockpit=f"http://127.0.0.1:{otlp_port}") as collector,
        SimulatedVllm(SimulatedModel(MODEL), seed=7, speed=20) as vllm,
        SimulatedOllama(SimulatedModel(MODEL), seed=7, speed=20) as ollama,
        Cockpit(
            tmp_path_factory.mktemp("cockpit"),
            otlp_port=otlp_port,
            OTEL_EXPORTER_OTLP_ENDPOINT=collector.url,
            VLLM_ENDPOINT=vllm.url,
            OLLAMA_ENDPOINT=ollama.url,
            LLM_MODEL_NAME=MODEL,
            LLM_LOCAL_ENDPOINT=f"{vllm.url}/v1",
            **EVERY,
        ) as cockpit,
        KernelApplication(folder, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, OTEL_SERVICE_NAME="shop", **EVERY) as application,
    ):

        def active():
            return {one["metric"][names.PROVIDER]: int(one["value"][1]) for one in prometheus.query(asked("Active model over time"))}

        yield {"prometheus": prometheus, "cockpit": cockpit, "application": application, "vllm": vllm, "ollama": ollama, "active": active}


def test_who_is_set_and_who_answered_are_right_also_when_a_fallback_answers(stack):
    prometheus, application, active = stack["prometheus"], stack["application"], stack["active"]
    eventually(lambda: active() == {"vllm": SET}, WAIT_S, of=lambda: str(active()))
    assert [one["metric"][names.PROVIDER] for one in prometheus.query(asked("Active model"))] == ["vllm"]
    application.ask(connector="openai", url=stack["vllm"].url, model=MODEL, stream=False)
    eventually(lambda: active() == {"vllm": BOTH}, WAIT_S, of=lambda: str(active()))
    with contextlib.closing(ClosedPort()) as dead:
        application.ask(connector="fallback", url=f"{dead.url} {stack['ollama'].url}", model=MODEL, stream=False)
    eventually(lambda: active() == {"vllm": SET, "ollama": ANSWERED}, WAIT_S, of=lambda: str(active()))
    assert [one["metric"][names.PROVIDER] for one in prometheus.query(asked("Active model"))] == ["ollama"]

    def last():
        rows = prometheus.query(asked("Who answered last"))
        return [one["metric"] for one in sorted(rows, key=lambda one: -float(one["value"][1]))]

    eventually(lambda: [row[names.PROVIDER] for row in last()] == ["ollama", "vllm"], WAIT_S, of=lambda: str(last()))
    assert {(row[names.SERVICE], row[names.MODEL]) for row in last()} == {("shop", MODEL)}


def test_what_the_monitor_sees_is_in_prometheus_and_in_the_store_once(stack):
    prometheus, cockpit = stack["prometheus"], stack["cockpit"]
    query = f'count_over_time({names.UP}{{{names.PROVIDER}="vllm"}}[10m])'
    eventually(lambda: prometheus.query(f"{query} > 10"), WAIT_S, of=lambda: str(prometheus.query(query)))
    series = prometheus.query(names.UP)
    assert sorted(one["metric"][names.PROVIDER] for one in series) == ["ollama", "vllm"]
    assert {one["metric"]["job"] for one in series} == {"venom-otel-monitor"}
    with httpx.Client(base_url=f"{cockpit.page}/api/v1") as api:
        # The copy comes in: what the application measured is known here by it alone.
        eventually(lambda: api.get("/metrics", params={"service": "shop"}).json()["items"], WAIT_S)
        stored = api.get("/metrics", params={"name": "llm.runtime.up"}).json()["items"]
        assert sorted(one["attributes"]["llm.provider"] for one in stored) == ["ollama", "vllm"]
        (vllm,) = [one for one in stored if one["attributes"]["llm.provider"] == "vllm"]
        # Both get what is collected every half second; were the copy stored, here would be twice as many.
        points = len(api.get(f"/metrics/{vllm['id']}/points").json()["items"])
    samples = float(prometheus.query(query)[0]["value"][1])
    assert samples / 2 < points < samples * 1.5 + 2
