"""`/api/v1/settings`, of the real `venom-otel up`."""

import httpx
import pytest
from support.cockpit import Cockpit

import venom_otel


@pytest.fixture
def cockpit(tmp_path):
    (tmp_path / ".env").write_text("OLLAMA_ENDPOINT=http://gpu:11434\nOPENAI_API_KEY=sk-of-nobody-at-all\nLLM_MODEL_NAME=gemma3:4b\n")
    with Cockpit(tmp_path, VENOM_OTEL_RETENTION_DAYS="7") as running:
        yield running


def test_what_is_configured_and_from_where(cockpit, tmp_path):
    reply = httpx.get(f"{cockpit.page}/api/v1/settings").raise_for_status()
    assert "nobody" not in reply.text
    found = reply.json()
    sections = found.pop("sections")
    assert found == {
        "version": venom_otel.__version__,
        "page": cockpit.page,
        "otlp": cockpit.otlp,
        "otlp_grpc": cockpit.otlp_grpc,
        "data_dir": str(tmp_path / "data"),
        "env_file": str(tmp_path / ".env"),
    }
    assert [section["name"] for section in sections] == ["Cockpit", "Model servers", "Instrumentation", "OpenTelemetry"]
    settings = {one["variable"]: (one["value"], one["source"], one["secret"]) for section in sections for one in section["settings"]}
    assert settings["OLLAMA_ENDPOINT"] == ("http://gpu:11434", ".env", False)
    assert settings["OPENAI_API_KEY"] == ("***", ".env", True)
    assert settings["LLM_MODEL_NAME"] == ("gemma3:4b", ".env", False)
    assert settings["VENOM_OTEL_RETENTION_DAYS"] == ("7", "environment", False)
    assert settings["VENOM_OTEL_DATA_DIR"] == (str(tmp_path / "data"), "option", False)
    assert settings["VENOM_OTEL_HOST"] == ("127.0.0.1", "default", False)
    assert settings["VLLM_ENDPOINT"] == (None, "default", False)
    assert settings["OTEL_METRIC_EXPORT_INTERVAL"] == ("3600000", "environment", False)
