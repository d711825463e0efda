"""What the monitor measures, whole, as an in-memory reader collects it."""

import pytest
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime

from venom_otel.health.active import ActiveModels
from venom_otel.health.metrics import HealthMetrics
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.friendly import friendly_name
from venom_otel.runtimes.model import Reading, Reason, ServedModel, State
from venom_otel.testing import ELAPSED, Capture

URL = "http://127.0.0.1:8001/v1"
VLLM = {"llm.server": parse(URL).server, "llm.provider": "vllm", "llm.endpoint": URL, "llm.runtime.name": "vllm"}
BUSY = Reading(
    State.READY,
    latency_s=0.1,
    models=(ServedModel("models/gemma-3-4b-it", loaded=True), ServedModel("other", loaded=False)),
    requests_running=6,
    requests_waiting=2,
    memory_bytes=5 * 10**9,
)
STOPPED = Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")


@pytest.fixture
def capture():
    capture = Capture()
    yield capture
    capture.close()


def points(capture):
    return {name: metric["points"] for name, metric in capture.metrics().items()}


def states(now):
    return [
        {"attributes": {**VLLM, "llm.state": state}, "value": int(state == now)}
        for state in ("degraded", "failing", "loading", "ready", "starting", "stopped", "unreachable")
    ]


def test_everything_of_a_server_that_tells_all(capture):
    servers = Servers(runtime(url=URL))
    servers.readings["vllm"] = BUSY
    monitor = servers.monitor(interval_s=3600)
    HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: ("", "")))
    with monitor:
        monitor.look().result(WAIT_S)
        found = capture.metrics()
    assert {(metric["scope"], metric["schema_url"]) for metric in found.values()} == {
        ("venom_otel.monitor", "https://opentelemetry.io/schemas/1.41.1")
    }
    assert {name: metric["unit"] for name, metric in found.items()} == {
        "llm.runtime.up": "{server}",
        "llm.runtime.state": "{state}",
        "llm.runtime.probe.duration": "s",
        "llm.runtime.models.loaded": "{model}",
        "llm.runtime.requests.running": "{request}",
        "llm.runtime.requests.waiting": "{request}",
        "llm.runtime.memory": "By",
    }
    (duration,) = found.pop("llm.runtime.probe.duration")["points"]
    assert (duration["attributes"], duration["count"], duration["sum"]) == (VLLM, 1, ELAPSED)
    assert {name: metric["points"] for name, metric in found.items()} == {
        "llm.runtime.up": [{"attributes": VLLM, "value": 1}],
        "llm.runtime.state": states("ready"),
        "llm.runtime.models.loaded": [{"attributes": VLLM, "value": 1}],
        "llm.runtime.requests.running": [{"attributes": VLLM, "value": 6}],
        "llm.runtime.requests.waiting": [{"attributes": VLLM, "value": 2}],
        "llm.runtime.memory": [{"attributes": VLLM, "value": 5 * 10**9}],
    }


def test_what_is_not_known_is_not_measured_and_the_old_state_goes_on_as_0(capture):
    servers = Servers(runtime(url=URL))
    servers.readings["vllm"] = BUSY
    monitor = servers.monitor(interval_s=3600)
    HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: ("", "")))
    with monitor:
        monitor.look().result(WAIT_S)
        assert points(capture)["llm.runtime.state"] == states("ready")
        servers.readings["vllm"] = STOPPED
        monitor.look(0).result(WAIT_S)
        found = points(capture)
    assert found.pop("llm.runtime.probe.duration")[0]["count"] == 2
    assert found == {
        "llm.runtime.up": [{"attributes": VLLM, "value": 0}],
        "llm.runtime.state": states("stopped"),
        "llm.runtime.probe.failures": [{"attributes": {**VLLM, "llm.reason": "refused"}, "value": 1}],
    }


def test_models_of_a_server_that_does_not_tell_which_are_loaded(capture):
    servers = Servers(runtime(url=URL))
    servers.readings["vllm"] = Reading(State.READY, models=(ServedModel("gemma", loaded=None),))
    monitor = servers.monitor(interval_s=3600)
    HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: ("", "")))
    with monitor:
        monitor.look().result(WAIT_S)
        assert "llm.runtime.models.loaded" not in points(capture)


def test_nothing_is_counted_once_it_is_closed(capture):
    servers = Servers(runtime(url=URL))
    monitor = servers.monitor(interval_s=3600)
    metrics = HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: ("", "")))
    with monitor:
        monitor.look().result(WAIT_S)
        metrics.close()
        monitor.look(0).result(WAIT_S)
        assert points(capture)["llm.runtime.probe.duration"][0]["count"] == 1


def test_the_active_models(capture):
    """The configured one is at the server that has it; the one that answered changes, and the old one goes on as 0."""
    answers = iter(
        [
            None,
            ("gpt-4o-mini-2024-07-18", "openai", "https://key@api.openai.com/v1?k=1"),
            ("llama3.2:1b", "ollama", "http://127.0.0.1:11434"),
        ]
    )
    servers = Servers(runtime(url=URL))
    servers.readings["vllm"] = BUSY
    active = ActiveModels(lambda: ("models/gemma-3-4b-it", ""), lambda: next(answers), friendly_name)
    configured = {
        "llm.source": "configured",
        "llm.provider": "vllm",
        "llm.model": "models/gemma-3-4b-it",
        "llm.friendly_name": "Gemma 3 4B It",
        "llm.endpoint": URL,
        "llm.server": parse(URL).server,
    }
    cloud = {
        "llm.source": "answered",
        "llm.provider": "openai",
        "llm.model": "gpt-4o-mini-2024-07-18",
        "llm.friendly_name": "GPT 4o Mini 2024 07 18",
        "llm.endpoint": "https://api.openai.com/v1",
        "llm.server": "api.openai.com:443",
    }
    local = {
        "llm.source": "answered",
        "llm.provider": "ollama",
        "llm.model": "llama3.2:1b",
        "llm.friendly_name": "Llama3.2 1B",
        "llm.endpoint": "http://127.0.0.1:11434",
        "llm.server": parse("http://127.0.0.1:11434").server,
    }

    def seen():
        return {tuple(sorted(point["attributes"].items())): point["value"] for point in points(capture)["llm.active_model"]}

    def expected(*pairs):
        return {tuple(sorted(attributes.items())): value for attributes, value in pairs}

    monitor = servers.monitor(interval_s=3600)
    HealthMetrics(capture.meter_provider, monitor, active)
    with monitor:
        monitor.look().result(WAIT_S)
        assert seen() == expected((configured, 1))
        assert seen() == expected((configured, 1), (cloud, 1))
        assert seen() == expected((configured, 1), (cloud, 0), (local, 1))


@pytest.mark.parametrize(
    ("endpoint", "provider", "url"),
    [
        (URL.replace("127.0.0.1", "localhost"), "vllm", URL),
        ("http://127.0.0.1:9", "unknown", "http://127.0.0.1:9"),
        ("no address!", "unknown", None),
    ],
)
def test_the_configured_model_where_its_endpoint_is_named(capture, endpoint, provider, url):
    servers = Servers(runtime(url=URL))
    monitor = servers.monitor(interval_s=3600)
    HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: ("gemma", endpoint)))
    with monitor:
        monitor.look().result(WAIT_S)
        (point,) = points(capture)["llm.active_model"]
    assert (point["attributes"]["llm.provider"], point["attributes"].get("llm.endpoint"), point["value"]) == (provider, url, 1)


def test_models_that_were_active_are_forgotten(monkeypatch):
    names = iter(f"model-{number}" for number in range(1000))
    active = ActiveModels(lambda: ("", ""), lambda: (next(names), "vllm", URL))
    for _ in range(100):
        list(active.series(()))
    series = list(active.series(()))
    assert len(series) == 33
    assert [(model.model, value) for model, value in series[:1] + series[-1:]] == [("model-100", 1), ("model-99", 0)]
    monkeypatch.setattr("venom_otel.health.active.PAST_S", 0.0)
    assert [value for _, value in active.series(())] == [1]


@pytest.mark.parametrize(
    ("model", "name"),
    [
        ("models/gemma-3-4b-it", "Gemma 3 4B It"),
        ("Qwen/Qwen2.5-7B-Instruct", "Qwen2.5 7B Instruct"),
        ("llama3.2:1b", "Llama3.2 1B"),
        ("./models/tiny_llama.gguf", "Tiny Llama"),
        ("models/gemma/", "Gemma"),
        ("gpt-4o-mini", "GPT 4o Mini"),
        ("-", "-"),
    ],
)
def test_friendly_names(model, name):
    assert friendly_name(model) == name


def test_another_model_is_configured_while_it_runs(capture):
    configured = ("gemma", "")
    servers = Servers(runtime(url=URL))
    servers.readings["vllm"] = Reading(State.READY, models=(ServedModel("gemma", loaded=True), ServedModel("llama:latest", loaded=True)))
    monitor = servers.monitor(interval_s=3600)
    HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: configured, friendly_name=friendly_name))
    with monitor:
        monitor.look().result(WAIT_S)
        seen = [{point["attributes"]["llm.model"]: point["value"] for point in points(capture)["llm.active_model"]}]
        configured = ("llama", "")
        (new, old) = points(capture)["llm.active_model"]
        seen.append({point["attributes"]["llm.model"]: point["value"] for point in (new, old)})
    assert seen == [{"gemma": 1}, {"llama": 1, "gemma": 0}]
    assert {point["attributes"]["llm.endpoint"] for point in (new, old)} == {URL}  # it has the model under its name with a tag
