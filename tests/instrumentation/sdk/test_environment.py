"""The standard variables, and what holds where they say nothing."""

import pytest

from venom_otel.instrumentation.sdk import environment, notice
from venom_otel.instrumentation.sdk.environment import BatchLimits, Destination


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(notice, "_said", set())


def addresses(signal):
    return [(destination.exporter, str(destination.address)) for destination in environment.destinations(signal)]


@pytest.mark.parametrize("signal", ["traces", "metrics", "logs"])
def test_by_default_otlp_over_http_to_this_machine(signal):
    assert addresses(signal) == [("otlp_proto_http", "http://localhost:4318")]


@pytest.mark.parametrize(
    ("variables", "expected"),
    [
        ({"OTEL_TRACES_EXPORTER": "none"}, []),
        ({"OTEL_TRACES_EXPORTER": " "}, [("otlp_proto_http", "http://localhost:4318")]),
        ({"OTEL_TRACES_EXPORTER": "console"}, [("console", "None")]),
        ({"OTEL_TRACES_EXPORTER": "otlp, console,otlp"}, [("otlp_proto_http", "http://localhost:4318"), ("console", "None")]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, [("otlp_proto_grpc", "http://localhost:4317")]),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "http/json"}, [("otlp_json_http", "http://localhost:4318")]),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/protobuf"},
            [("otlp_proto_http", "http://localhost:4318")],
        ),
        ({"OTEL_TRACES_EXPORTER": "otlp_proto_grpc"}, [("otlp_proto_grpc", "http://localhost:4317")]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "https://user:secret@collector/otlp?key=1"}, [("otlp_proto_http", "https://collector:443")]),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://[::1]:99"}, [("otlp_proto_http", "http://[::1]:99")]),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "collector:4317"},
            [("otlp_proto_grpc", "http://collector:4317")],
        ),
        ({"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "unix:///run/otel.sock"}, [("otlp_proto_grpc", "None")]),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:1", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://b:2/x"},
            [("otlp_proto_http", "http://b:2")],
        ),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://a:port"}, [("otlp_proto_http", "None")]),
    ],
)
def test_traces_go_where_the_variables_say(monkeypatch, variables, expected):
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert addresses("traces") == expected


def test_one_signal_can_go_elsewhere(monkeypatch):
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://metrics:9/v1/metrics")
    assert addresses("logs") == []
    assert addresses("metrics") == [("otlp_proto_http", "http://metrics:9")]
    assert addresses("traces") == [("otlp_proto_http", "http://localhost:4318")]


def test_a_destination_says_what_asked_for_it(monkeypatch):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "carrier-pigeon")
    assert environment.destinations("logs") == [Destination("carrier-pigeon", None, "OTEL_EXPORTER_OTLP_PROTOCOL=carrier-pigeon")]


def test_waiting_and_batches_by_default():
    assert environment.batch_limits("traces") == environment.batch_limits("logs") == BatchLimits(queue=2048, batch=512, delay_s=0.5)
    assert environment.metric_interval_s() == 5.0
    assert environment.collect_timeout_ms() == 30_000


def test_waiting_and_batches_by_variables(monkeypatch):
    for name, value in {
        "OTEL_BSP_SCHEDULE_DELAY": "5000",
        "OTEL_BSP_MAX_QUEUE_SIZE": "100",
        "OTEL_BLRP_SCHEDULE_DELAY": "1000",
        "OTEL_BLRP_MAX_EXPORT_BATCH_SIZE": "10",
        "OTEL_METRIC_EXPORT_INTERVAL": "60000",
        "OTEL_METRIC_EXPORT_TIMEOUT": "1000",
    }.items():
        monkeypatch.setenv(name, value)
    assert environment.batch_limits("traces") == BatchLimits(queue=100, batch=100, delay_s=5.0)
    assert environment.batch_limits("logs") == BatchLimits(queue=2048, batch=10, delay_s=1.0)
    assert (environment.metric_interval_s(), environment.collect_timeout_ms()) == (60.0, 1000.0)


@pytest.mark.parametrize("wrong", ["soon", "-1", "0", "nan", "inf s"])
def test_what_is_no_number_is_said_once_and_the_default_holds(monkeypatch, caplog, wrong):
    monkeypatch.setenv("OTEL_BSP_SCHEDULE_DELAY", wrong)
    assert environment.batch_limits("traces").delay_s == environment.batch_limits("traces").delay_s == 0.5
    assert len(caplog.records) == 1
    assert "OTEL_BSP_SCHEDULE_DELAY" in caplog.text
    assert wrong in caplog.text


@pytest.mark.parametrize(("value", "disabled"), [("true", True), (" TRUE ", True), ("false", False), ("1", False), ("", False)])
def test_switching_off(monkeypatch, value, disabled):
    monkeypatch.setenv("OTEL_SDK_DISABLED", value)
    assert environment.sdk_disabled() is disabled


@pytest.mark.parametrize(
    ("endpoint", "loopback"),
    [
        ("http://localhost:1", True),
        ("http://127.0.0.9:1", True),
        ("http://[::1]:1", True),
        ("http://10.0.0.1:1", False),
        ("http://localhost.example:1", False),
    ],
)
def test_this_machine(monkeypatch, endpoint, loopback):
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
    assert environment.destinations("traces")[0].address.is_loopback is loopback
