"""examples/quickstart.py as a newcomer runs it: by the installed wheel, against a real server."""

from support.chat_server import ClosedPort
from support.repository import ROOT

QUICKSTART = ROOT / "examples" / "quickstart.py"


def test_it_is_an_application_with_two_more_lines():
    added = [line.strip() for line in QUICKSTART.read_text(encoding="utf-8").splitlines() if "venom_otel" in line]
    assert added == ["import venom_otel", "venom_otel.instrument(kernel)"]


def test_it_answers_by_ollama(whole, ollama):
    done = whole.run(QUICKSTART, "hello world", MODEL_URL=f"{ollama.url}/v1")
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) > 1


def test_it_answers_by_vllm(whole, vllm):
    done = whole.run(QUICKSTART, "hello world", MODEL_URL=f"{vllm.url}/v1")
    assert done.returncode == 0, done.stderr
    assert done.stdout == " brown one assistant while eight red birds red\n"


def test_it_says_that_no_server_is_there(whole):
    nobody = ClosedPort()
    try:
        done = whole.run(QUICKSTART, MODEL_URL=f"{nobody.url}/v1")
    finally:
        nobody.close()
    assert done.returncode == 1
    assert f"No model server answers at {nobody.url}/v1" in done.stderr
    assert "Traceback" not in done.stderr


def test_it_says_that_the_model_is_missing(whole, ollama):
    done = whole.run(QUICKSTART, MODEL_URL=f"{ollama.url}/v1", MODEL="missing:1b")
    assert done.returncode == 1
    assert "has no model 'missing:1b'" in done.stderr
    assert "Traceback" not in done.stderr
