"""`venom-otel demo` as a newcomer starts it: everything moves, nothing stays, and the last line says what was stored."""

import re
import signal
import socket

import httpx
import pytest
from support.cockpit import Cockpit, command, wait_for
from support.demo import Demo

from venom_otel.cli.demo import runtimes, traffic
from venom_otel.identity.redaction import redact

pytestmark = pytest.mark.slow  # the demo imports Semantic Kernel and takes its time, as it should

SEEN = {
    ("vllm", "simulated-qwen-7b", "COMPLETED", None),
    ("ollama", "simulated-llama-3b", "COMPLETED", None),
    ("ollama", "simulated-missing-8b", "FAILED", "404"),
    ("vllm", "simulated-crashing-7b", "FAILED", "500"),
    ("vllm", "simulated-qwen-7b", "CANCELLED", None),
}


def test_its_key_masks_nothing_of_what_servers_say():
    assert redact(f"model '{runtimes.MISSING}' not found", [traffic.KEY]) == f"model '{runtimes.MISSING}' not found"


def stored(page, **query):
    return httpx.get(f"{page}/api/v1/history/requests", params={"limit": 500, **query}).raise_for_status().json()["items"]


def kinds(requests):
    return {(one["llm_provider"], one["llm_model"], one["status"], one["error"] and one["error"]["code"]) for one in requests}


def fallbacks(page):
    """Traces in which vLLM failed and Ollama answered in its place."""
    failed = {trace(one) for one in stored(page, provider="vllm", status="FAILED", fallback="false")}
    return [trace(one) for one in stored(page, provider="ollama", status="COMPLETED", fallback="true") if trace(one) in failed]


def trace(request):
    return request["request_id"].partition("-")[0]


def servers(page):
    """How each model server is that the page watches."""
    items = httpx.get(f"{page}/api/v1/system/llm-servers").raise_for_status().json()["items"]
    return {one["provider"]: (one["state"], one["version"]) for one in items}


def gone(page):
    try:
        httpx.get(page)
    except httpx.TransportError:
        return True
    return False


@pytest.fixture
def cockpit(tmp_path):
    with Cockpit(tmp_path) as running:
        yield running


def test_everything_moves_and_nothing_stays(tmp_path):
    """Also where the shell names model servers of its own: the page of the demo's own watches those that it asks."""
    with Demo(tmp_path, OLLAMA_ENDPOINT="http://127.0.0.1:9", LLAMACPP_ENDPOINT="http://127.0.0.1:9", LLM_MODEL_NAME="other") as demo:
        page = demo.page()
        wait_for(lambda: kinds(stored(page)) >= SEEN and fallbacks(page), "everything the demo promises")
        watched = {"vllm": ("ready", "0.32.0+simulated"), "ollama": ("ready", "0.17.4-simulated")}
        wait_for(lambda: servers(page) == watched, "the simulated servers on the page")
        requests = stored(page)
        assert {one["service"] for one in requests} == {"venom-otel demo"}
        streams = [one for one in requests if one["streaming"] and one["status"] == "COMPLETED"]
        assert streams
        assert all(0 < one["first_token"] < one["duration_seconds"] for one in streams)
        assert all(one["usage"]["input_tokens"] > 0 and one["usage"]["output_tokens"] > 0 for one in streams)
        (failure, *_) = stored(page, error_kind="model_not_found")
        assert "model 'simulated-missing-8b' not found" in failure["error"]["words"]
        # The failure and the answer are two requests of one routed call.
        trace = f"{page}/api/v1/history/traces/{fallbacks(page)[0]}"
        wait_for(lambda: [[len(step["steps"]) for step in one["steps"]] for one in httpx.get(trace).json()["steps"]] == [[2]], "all of it")
        ((route,),) = (one["steps"] for one in httpx.get(trace).json()["steps"])
        assert [step["attributes"]["llm.provider"] for step in route["steps"]] == ["vllm", "ollama"]
        assert demo.left_behind
        status, last, errors = demo.stop()
    assert (status, errors) == (0, "")
    assert "simulated" in demo.words
    assert "in a temporary directory, gone when this ends" in demo.words
    assert re.fullmatch(r"  \d+ requests stored: .+; asked: ollama \d+, vllm \d+; [1-9]\d* answered by a second server\.", last)
    assert gone(page)
    assert demo.left_behind == []


def test_where_the_page_runs_already_it_goes_there(cockpit):
    """Also where the shell's OpenTelemetry is switched off, points elsewhere, or a proxy stands before everything."""
    elsewhere = {
        "OTEL_SDK_DISABLED": "true",
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://127.0.0.1:9",
        "HTTP_PROXY": "http://127.0.0.1:9",
    }
    with Demo(cockpit.folder, VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data"), **elsewhere) as demo:
        assert demo.page() == cockpit.page
        wait_for(lambda: len(stored(cockpit.page, service="venom-otel demo")) > 2, "some requests")
        status, last, errors = demo.stop()
    assert (status, errors) == (0, "")
    assert f"(process {cockpit.process.pid})" in demo.words
    requests = stored(cockpit.page, service="venom-otel demo")
    counts = [sum(one["status"] == status for one in requests) for status in ("COMPLETED", "FAILED", "CANCELLED")]
    said = re.match(r"  (\d+) requests stored: (\d+) completed, (\d+) failed(?: \([^)]*\))?, (\d+) cancelled", last)
    assert [int(number) for number in said.groups()] == [len(requests), *counts]
    assert httpx.get(cockpit.page).status_code == 200


def test_without_the_ollama_package(cockpit):
    with Demo(cockpit.folder, hide="ollama", VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data")) as demo:
        wait_for(lambda: ("ollama", "simulated-llama-3b", "COMPLETED", None) in kinds(stored(cockpit.page)), "an answer of Ollama's")
        assert demo.stop()[::2] == (0, "")


def test_a_demo_that_is_killed_leaves_nothing(tmp_path):
    with Demo(tmp_path) as demo:
        page = demo.page()
        demo.process.kill()
        wait_for(lambda: gone(page), "the end of the page")
        wait_for(lambda: demo.left_behind == [], "the end of its data")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_can_be_ended_before_it_has_begun(tmp_path, number):
    with Demo(tmp_path) as demo:
        wait_for(lambda: demo.left_behind, "the start")
        status, _, errors = demo.stop(number)
    assert (status, errors) == (0, "")
    wait_for(lambda: demo.left_behind == [], "the end of its data")


def test_the_page_takes_another_port_where_its_own_is_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Demo(tmp_path, "--duration", "1", VENOM_OTEL_PORT=str(port)) as demo:
            assert int(demo.page().rpartition(":")[2]) != port
            assert demo.stop(None)[::2] == (0, "")  # by itself


def test_without_semantic_kernel_it_says_what_to_install(tmp_path):
    with Demo(tmp_path, hide="semantic_kernel") as demo:
        status, _, errors = demo.stop(None)
    assert (status, demo.words) == (2, "")
    assert errors == "venom-otel: the demo needs Semantic Kernel. Run: pip install 'venom-otel[cockpit,instruments]'\n"


def test_a_page_that_cannot_start_says_why(tmp_path):
    ended = command("demo", home=tmp_path, VENOM_OTEL_PORT="0", VENOM_OTEL_HOST="192.0.2.1")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "192.0.2.1 is not an address of this machine" in ended.stderr
    assert "Traceback" not in ended.stderr
