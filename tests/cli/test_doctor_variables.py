"""`venom-otel doctor` over the environment: what is set, what is wrong with it, and what would be right."""

import pytest
from support.doctor import findings, holds

from venom_otel.cli.doctor import variables
from venom_otel.cli.doctor.findings import Status


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://gpu:4318/v1/traces"},
            "ends in /v1/traces, and exporters put that behind it once more → OTEL_EXPORTER_OTLP_ENDPOINT=http://gpu:4318",
        ),
        (
            {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://gpu:4318/"},
            "is used as it is, without a path → OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=http://gpu:4318/v1/traces",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "gpu:4318"},
            "broken: OTEL_EXPORTER_OTLP_ENDPOINT=gpu:4318 has no scheme → OTEL_EXPORTER_OTLP_ENDPOINT=http://gpu:4318",
        ),
        (
            {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://gpu:4318"},
            "warning: traces go by gRPC to port 4318, which is HTTP's → port 4317, or OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf",
        ),
        (
            {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://gpu:4317"},
            "warning: logs go by HTTP to port 4317, which is gRPC's → port 4318, or OTEL_EXPORTER_OTLP_PROTOCOL=grpc",
        ),
        ({"OTEL_TRACES_SAMPLER": "always_off"}, "broken: OTEL_TRACES_SAMPLER=always_off: no request is ever seen"),
        (
            {"OTEL_TRACES_SAMPLER": "parentbased_traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.1"},
            "warning: OTEL_TRACES_SAMPLER=parentbased_traceidratio: only a share of 0.1 of all requests is seen",
        ),
        ({"OTEL_METRICS_EXPORTER": "none"}, "warning: OTEL_METRICS_EXPORTER=none: no metrics are sent"),
        ({"OTEL_CONFIG_FILE": "otel.yaml"}, "broken: OTEL_CONFIG_FILE is set, which venom-otel's own SDK does not read"),
        ({"VENOM_OTEL_PROVIDRES": "a=b"}, "warning: VENOM_OTEL_PROVIDRES is no setting of venom-otel"),
        ({"VENOM_OTEL_PROVIDRES": "a=b"}, "did you mean VENOM_OTEL_PROVIDERS?"),
        ({"VENOM_OTEL_PORT": "eighty"}, "broken: VENOM_OTEL_PORT='eighty'"),
        ({"VENOM_OTEL_PROVIDERS": "x"}, "broken: VENOM_OTEL_PROVIDERS: 'x' is not name=provider"),
        ({"VENOM_OTEL_TOKEN": "short"}, "broken: VENOM_OTEL_TOKEN must have at least 16 characters"),
        ({"VENOM_OTEL_HTTP_SPANS": "false"}, "note: VENOM_OTEL_HTTP_SPANS=false (from the environment)"),
        ({}, "ok: no VENOM_OTEL_* variable is set: the defaults hold"),
    ],
)
def test_variables(shell, values, words):
    shell(**values)
    holds(findings(variables.check(frozenset())), words)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://gpu:4318"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc", "OTEL_EXPORTER_OTLP_ENDPOINT": "http://gpu:4317"},
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://gpu/otlp/v1/traces", "OTEL_TRACES_SAMPLER": "always_on"},
        {"VENOM_OTEL_PROVIDERS": "http://gpu:8000=vllm", "VENOM_OTEL_URL": "http://gpu:8765"},
        dict.fromkeys(("VENOM_OTEL_TOKEN", "VENOM_OTEL_DATA_DIR"), "/some/where-long"),
    ],
)
def test_variables_that_are_right(shell, values):
    shell(**values)
    assert {found.status for found in variables.check(frozenset())} <= {Status.OK, Status.NOTE}


def test_no_secret_is_shown(shell):
    secret = "s3cret-value-of-mine"
    shell(
        VENOM_OTEL_TOKEN=secret,
        OTEL_EXPORTER_OTLP_HEADERS=f"authorization=Bearer {secret}",
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://user:{secret}@gpu:4318/v1/traces",
    )
    lines = findings(variables.check(frozenset()))
    holds(lines, "VENOM_OTEL_TOKEN is set", "OTEL_EXPORTER_OTLP_HEADERS is set", "gpu:4318")
    assert secret not in "\n".join(lines)
