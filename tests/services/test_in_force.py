"""What is configured, and from where."""

from pathlib import Path

import pytest

from venom_otel.services.configuration import InUse
from venom_otel.services.in_force import InForce, Installation, Source
from venom_otel.settings import CockpitSettings, RuntimeSettings, load

HERE = Installation("1", "http://127.0.0.1:1", "http://127.0.0.1:2", None, Path("/data"), Path("/app/.env"))
KEY = "sk-proj-abcdefghijklmnop"


@pytest.fixture
def in_force(monkeypatch):
    """What holds with some variables, some of which came from the file, and options."""

    def known(variables, *, from_file=(), options=(), in_use=None):
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        sections = {"Cockpit": load(CockpitSettings), "Model servers": load(RuntimeSettings)}
        model = variables.get("LLM_MODEL_NAME", "")
        found = InForce(
            HERE,
            sections,
            options=frozenset(options),
            environment=variables,
            from_file=lambda: frozenset(from_file),
            in_use=lambda: in_use or InUse(model, ""),
        )
        return {setting.variable: setting for section in found.now() for setting in section.settings}

    return known


def test_where_each_value_comes_from(in_force):
    settings = in_force(
        {"VENOM_OTEL_PORT": "1234", "OLLAMA_ENDPOINT": "http://gpu:11434", "VENOM_OTEL_HOST": "0.0.0.0"},
        from_file=["OLLAMA_ENDPOINT"],
        options=["VENOM_OTEL_PORT"],
    )
    found = {name: (settings[name].value, settings[name].source) for name in ("VENOM_OTEL_PORT", "OLLAMA_ENDPOINT", "VENOM_OTEL_HOST")}
    assert found == {
        "VENOM_OTEL_PORT": ("1234", Source.OPTION),
        "OLLAMA_ENDPOINT": ("http://gpu:11434", Source.FILE),
        "VENOM_OTEL_HOST": ("0.0.0.0", Source.ENVIRONMENT),
    }
    usual = settings["VENOM_OTEL_PROBE_INTERVAL_S"]
    assert (usual.value, usual.source, usual.secret) == ("10", Source.DEFAULT, False)
    assert usual.description
    assert settings["VENOM_OTEL_OTLP_GRPC"].value == "true"
    assert settings["VLLM_ENDPOINT"].value == ""


def test_every_setting_is_there_once(in_force):
    expected = [f"VENOM_OTEL_{name.upper()}" for name in CockpitSettings.model_fields] + [
        name.upper() for name in RuntimeSettings.model_fields
    ]
    assert list(in_force({})) == expected


def test_an_empty_variable_that_is_not_heard_is_no_source(in_force):
    assert in_force({"OLLAMA_ENDPOINT": ""})["OLLAMA_ENDPOINT"].source is Source.DEFAULT


def test_no_secret_is_shown(in_force):
    variables = {
        "OPENAI_API_KEY": KEY,
        "VENOM_OTEL_TOKEN": "a-token-of-my-own-making",
        "VENOM_OTEL_WEBHOOK_URL": "https://hooks.example.com/secret-path",
        "OPENAI_BASE_URL": "https://ada:hunter22@api.example.com/v1?api-key=q1w2e3r4",
        "VLLM_START_COMMAND": f"vllm serve m --api-key swordfish-1 --port 8000 {KEY}",
        "BIG_START_COMMAND": "env HF_TOKEN=swordfish-2 vllm serve 'a b'",
        "BIG_STOP_COMMAND": "kill 'swordfish-3",
        "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer swordfish-4",
    }
    settings = in_force(variables)
    shown = " ".join(setting.value for setting in settings.values())
    for secret in (KEY, "a-token", "secret-path", "hunter22", "q1w2e3r4", "swordfish"):
        assert secret not in shown
    for name in ("OPENAI_API_KEY", "VENOM_OTEL_TOKEN", "VENOM_OTEL_WEBHOOK_URL", "OTEL_EXPORTER_OTLP_HEADERS"):
        assert (settings[name].value, settings[name].secret) == ("***", True)
    assert settings["VLLM_API_KEY"].value == ""
    assert not settings["VLLM_API_KEY"].secret
    assert settings["VLLM_START_COMMAND"].value == "vllm serve m --api-key *** --port 8000 ***"
    assert settings["BIG_START_COMMAND"].value == "env HF_TOKEN=*** vllm serve 'a b'"
    assert settings["OPENAI_BASE_URL"].value == "https://***@api.example.com/v1?***"


def test_the_model_is_the_one_that_is_configured_now(in_force):
    settings = in_force({"LLM_MODEL_NAME": "before"}, from_file=["LLM_MODEL_NAME"], in_use=InUse("after", "http://gpu:8000/v1"))
    assert settings["LLM_MODEL_NAME"].value == "after"
    assert settings["LLM_LOCAL_ENDPOINT"].value == "http://gpu:8000/v1"


def test_variables_of_opentelemetry_that_are_set(in_force):
    assert in_force({"OTEL_SERVICE_NAME": "x"})["OTEL_SERVICE_NAME"].value == "x"
