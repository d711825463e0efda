"""examples/quickstart.py as a newcomer runs it: by the installed wheel, against a real server."""

import pytest
from support.chat_server import ClosedPort
from support.otlp_sink import OtlpSink
from support.repository import ROOT

QUICKSTART = ROOT / "examples" / "quickstart.py"


def test_it_is_an_application_with_two_more_lines():
    added = [line.strip() for line in QUICKSTART.read_text(encoding="utf-8").splitlines() if "venom_otel" in line]
    assert added == ["import venom_otel", "venom_otel.instrument(kernel)"]


@pytest.fixture
def sink():
    """Where its telemetry goes."""
    with OtlpSink() as running:
        yield running


def test_it_answers_by_ollama(whole, ollama, sink):
    done = whole.run(QUICKSTART, "hello world", MODEL_URL=f"{ollama.url}/v1", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 1
    assert done.stderr == ""
    assert seen(sink) == ("ollama", "gemma3:tiny", "ok")


def test_it_answers_by_vllm(whole, vllm, sink):
    done = whole.run(QUICKSTART, "hello world", MODEL_URL=f"{vllm.url}/v1", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert done.returncode == 0, done.stderr
    assert done.stdout == " brown one assistant while eight red birds red\n"
    assert seen(sink) == ("vllm", "gemma-3", "ok")


def test_it_says_that_no_server_is_there(whole, sink):
    nobody = ClosedPort()
    try:
        done = whole.run(QUICKSTART, MODEL_URL=f"{nobody.url}/v1", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    finally:
        nobody.close()
    assert done.returncode == 1
    assert f"No model server answers at {nobody.url}/v1" in done.stderr
    assert "Traceback" not in done.stderr
    assert seen(sink) == ("unknown", "llama3.2", "error")


def test_it_says_that_the_model_is_missing(whole, ollama, sink):
    done = whole.run(QUICKSTART, MODEL_URL=f"{ollama.url}/v1", MODEL="missing:1b", OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert done.returncode == 1
    assert "has no model 'missing:1b'" in done.stderr
    assert "Traceback" not in done.stderr
    assert seen(sink) == ("ollama", "missing:1b", "error")


def seen(sink):
    """Provider, model and outcome of the one request that was sent."""
    (span,) = [span.attributes for span in sink.spans if "llm.outcome" in span.attributes]
    return span["llm.provider"], span["llm.model"], span["llm.outcome"]
