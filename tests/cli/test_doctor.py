"""`venom-otel doctor` against real servers, sockets and files: what works is said, and what does not with what would mend it."""

import json
import os
import socket
import sqlite3
import sys

import httpx
import pytest
from support import servers as model_servers
from support.chat_server import ChatServer
from support.cockpit import Cockpit, command
from support.otlp_sink import OtlpSink
from support.personas import nobody
from support.replay import ReplayServer

from venom_otel.cli.doctor import servers, variables
from venom_otel.cli.doctor.findings import Status
from venom_otel.cli.up import STORE
from venom_otel.testing import SimulatedModel, SimulatedVllm

KEY = "sk-0123456789-never-shown"


class Doctor:
    """Runs it in a home of its own, where nobody listens unless a test says so."""

    def __init__(self, home, **usual):
        self.home = home
        self.usual = {
            "VENOM_OTEL_PORT": "0",
            "VENOM_OTEL_OTLP_PORT": "0",
            "VENOM_OTEL_OTLP_GRPC_PORT": "0",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            **usual,
        }

    def examine(self, **more):
        """Exit status, and the findings as `status: what → mend`, by section."""
        ended = command("doctor", "--json", home=self.home, **self.usual | more)
        assert ended.stderr == ""
        report = json.loads(ended.stdout)
        assert report["ok"] is (ended.returncode == 0)
        assert KEY not in ended.stdout
        lines = {}
        for found in report["findings"]:
            words = f"{found['status']}: {found['what']}" + (f" → {found['mend']}" if found["mend"] else "")
            lines.setdefault(found["section"], []).append(words)
        return ended.returncode, lines


@pytest.fixture
def doctor(tmp_path):
    return Doctor(tmp_path)


@pytest.fixture
def cockpit(tmp_path):
    with Cockpit(tmp_path) as running:
        yield running


def holds(lines, *wanted):
    """Whether each of the words stands in a line."""
    missing = [words for words in wanted if not any(words in line for line in lines)]
    assert not missing, (missing, lines)


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_all_is_well(cockpit, protocol, simulated_vllm, simulated_ollama):
    doctor = Doctor(
        cockpit.folder,
        VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data"),
        OTEL_EXPORTER_OTLP_ENDPOINT=cockpit.otlp if protocol != "grpc" else cockpit.otlp_grpc,
        OTEL_EXPORTER_OTLP_PROTOCOL=protocol,
        OPENAI_BASE_URL=f"{simulated_vllm.url}/v1",
        OPENAI_API_KEY=KEY,
        OLLAMA_HOST=simulated_ollama.url.removeprefix("http://"),
    )
    status, found = doctor.examine()
    assert status == 0, found
    for name in ("span", "measurement", "log record"):
        holds(found["Telemetry"], f"ok: a {name} was sent and taken", f"ok: the {name} is found again by the API")
    holds(found["This machine"], f"ok: `venom-otel up` runs: {cockpit.page} (pid {cockpit.process.pid})", "ok: the store is of version")
    holds(
        found["Model servers"],
        f"ok: {simulated_vllm.url}/v1 (OPENAI_BASE_URL): vllm 0.32.0+simulated; models: simulated-qwen-7b",
        f"ok: {simulated_ollama.url} (OLLAMA_HOST): ollama 0.17.4-simulated; models: simulated-llama-3b",
        "note: keys that are set (never shown): OPENAI_API_KEY",
    )
    # What it sent is nobody's request, and its measurements stay one series.
    assert httpx.get(f"{cockpit.page}/api/v1/history/requests").json()["items"] == []
    doctor.examine()
    series = httpx.get(f"{cockpit.page}/api/v1/metrics", params={"service": "venom-otel doctor"}).json()["items"]
    assert [one["name"] for one in series] == ["venom_otel.doctor.runs"]


def test_for_a_person(doctor):
    ended = command("doctor", home=doctor.home, **doctor.usual)
    assert ended.returncode == 1
    heading = ended.stdout.index("\nTelemetry\n")
    assert ended.stdout[heading:].startswith(
        "\nTelemetry\n  ✗  a span, a measurement and a log record do not arrive at http://127.0.0.1:9 (HTTP): cannot be reached"
    )
    assert "     → start `venom-otel up` or a collector there, or set OTEL_EXPORTER_OTLP_ENDPOINT" in ended.stdout
    assert "  ✓  Python 3." in ended.stdout
    assert ended.stdout.rstrip().endswith(" broken.")
    assert "\x1b" not in ended.stdout


def test_an_address_without_an_otlp_receiver(doctor, simulated_vllm):
    status, found = doctor.examine(OTEL_EXPORTER_OTLP_ENDPOINT=simulated_vllm.url)
    assert status == 1
    holds(found["Telemetry"], "broken: a span, a measurement and a log record do not arrive", "HTTP 404", "must be its base URL")


def test_a_receiver_that_refuses(doctor):
    with OtlpSink("reject") as sink:
        status, found = doctor.examine(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
    assert status == 1
    holds(found["Telemetry"], f"do not arrive at {sink.url} (HTTP): HTTP 400", "is it an OTLP receiver")


def test_a_receiver_that_is_not_ours_is_not_asked(doctor):
    with OtlpSink() as sink:
        status, found = doctor.examine(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url)
        assert [span.name for span in sink.wait_for_spans(1)] == ["venom_otel.doctor.span"]
    assert status == 0
    holds(found["Telemetry"], "ok: a log record was sent and taken", "note: whether it is found again was not looked at")


def test_an_exporter_that_is_not_installed(doctor):
    status, found = doctor.examine(OTEL_EXPORTER_OTLP_PROTOCOL="http/json")
    assert status == 1
    holds(found["Telemetry"], "its exporter is not installed → pip install opentelemetry-exporter-otlp-json-http, or unset OTEL_EXPORTER")


def test_one_signal_goes_elsewhere(doctor):
    with OtlpSink() as sink:
        status, found = doctor.examine(OTEL_EXPORTER_OTLP_LOGS_ENDPOINT=f"{sink.url}/v1/logs", OTEL_METRICS_EXPORTER="console")
    assert status == 1
    holds(
        found["Telemetry"],
        "broken: a span does not arrive at http://127.0.0.1:9",
        f"ok: a log record was sent and taken: {sink.url}",
        "note: metrics go to console (OTEL_METRICS_EXPORTER=console), which is not tried",
    )


def test_where_the_sdk_is_off_nothing_is_sent(doctor):
    with OtlpSink() as sink:
        status, found = doctor.examine(OTEL_EXPORTER_OTLP_ENDPOINT=sink.url, OTEL_SDK_DISABLED="true")
    assert status == 1
    holds(found["Settings"], "broken: OTEL_SDK_DISABLED=true: nothing is recorded → unset OTEL_SDK_DISABLED")
    assert found["Telemetry"] == ["note: nothing is sent, since OTEL_SDK_DISABLED says so"]


def findings(source):
    return [f"{found.status}: {found.what} → {found.mend}" for found in source]


@pytest.fixture
def shell(monkeypatch):
    """A shell without any variable of ours or OpenTelemetry's; sets some."""
    for name in list(os.environ):
        if name.startswith(("VENOM_OTEL_", "OTEL_")):
            monkeypatch.delenv(name)

    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all


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


def test_what_comes_from_dotenv(doctor):
    (doctor.home / ".env").write_text("VENOM_OTEL_HTTP_SPANS=false\nOTEL_SERVICE_NAME=shop\n")
    _, found = doctor.examine()
    holds(
        found["Settings"],
        "note: VENOM_OTEL_HTTP_SPANS=false (from .env)",
        "note: VENOM_OTEL_PORT=0 (from the environment)",
        "warning: OTEL_SERVICE_NAME: only in the file .env",
    )


def test_settings_that_will_not_do_stop_nothing_else(doctor):
    status, found = doctor.examine(VENOM_OTEL_OTLP_PORT="many", VENOM_OTEL_PROVIDERS="x")
    assert status == 1
    holds(found["Settings"], "broken: VENOM_OTEL_OTLP_PORT='many'", "→ correct the variable, or remove it")
    assert set(found) == {"Packages", "Settings", "This machine", "Telemetry", "Model servers"}


def test_a_port_in_use(doctor):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        _, found = doctor.examine(VENOM_OTEL_OTLP_PORT=str(port))
    holds(
        found["This machine"], "note: `venom-otel up` does not run", f"warning: port {port}, OTLP over HTTP: ", "ok: port of the page: any"
    )
    if sys.platform == "linux":
        holds(found["This machine"], f"(pid {os.getpid()})")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda path: path.write_bytes(b"notes"), "is no store of venom-otel"),
        (lambda path: sqlite3.connect(path).execute("CREATE TABLE t (x)").connection.close(), "is no store of venom-otel"),
        (lambda path: of_version(path, 999), "the store is of version 999, by a newer venom-otel"),
    ],
    ids=["no database", "another program's", "a newer one"],
)
def test_a_file_that_is_no_store(doctor, make, words):
    path = doctor.home / "data" / STORE
    path.parent.mkdir()
    make(path)
    before = path.read_bytes()
    status, found = doctor.examine(VENOM_OTEL_DATA_DIR=str(path.parent))
    assert status == 1
    holds(found["This machine"], words, "set VENOM_OTEL_DATA_DIR to another directory")
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == [STORE]


def of_version(path, number):
    connection = sqlite3.connect(path)
    connection.executescript(f"PRAGMA application_id = {0x76656E6D}; PRAGMA user_version = {number}; CREATE TABLE t (x);")
    connection.close()


def test_a_data_directory_that_cannot_be(doctor):
    (doctor.home / "file").write_text("")
    status, found = doctor.examine(VENOM_OTEL_DATA_DIR=str(doctor.home / "file" / "data"))
    assert status == 1
    holds(found["This machine"], "is no directory → make it writable for this user, or set VENOM_OTEL_DATA_DIR")


def test_a_disk_without_room(doctor):
    status, found = doctor.examine(VENOM_OTEL_MIN_FREE_BYTES=str(2**60))
    assert status == 1
    holds(found["This machine"], "nothing more is stored → make room")


def test_packages_of_different_versions(doctor):
    """The metadata of another version of the SDK, found before the real one's."""
    other = doctor.home / "packages" / "opentelemetry_sdk-9.9.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: opentelemetry-sdk\nVersion: 9.9\n")
    status, found = doctor.examine(PYTHONPATH=str(other.parent))
    assert status == 1
    holds(found["Packages"], "broken: OpenTelemetry's packages are of different versions", "opentelemetry-sdk 9.9", "pip install --upgrade")


def test_pairs_known_to_be_bad(doctor):
    _, found = doctor.examine(NVIDIA_API_KEY=KEY)
    holds(found["Packages"], "streams of MistralAIChatCompletion are empty", "streams of NvidiaChatCompletion raise AssertionError")


@pytest.fixture
def answers(monkeypatch, shell):
    """What is found of servers; `usual` are the ports taken for the usual ones."""
    for vendor in servers._VENDORS:
        for kind in (*servers._ADDRESSES, "API_KEY"):
            monkeypatch.delenv(f"{vendor}_{kind}", raising=False)

    def ask(*usual, **values):
        shell(**values)
        monkeypatch.setattr(servers, "USUAL_PORTS", dict.fromkeys(usual, "Somebody"))
        return findings(servers.check())

    return ask


def test_servers_at_usual_ports_say_who_they_are(answers, simulated_ollama):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nobody_there = closed.getsockname()[1]
    lines = answers(nobody_there, int(simulated_ollama.url.rpartition(":")[2]))
    holds(lines, f"ok: {simulated_ollama.url}: ollama 0.17.4-simulated; models: simulated-llama-3b")
    assert not any(str(nobody_there) in line for line in lines)
    lines = answers(nobody_there)
    holds(lines, f"note: nobody answers at the usual local ports: {nobody_there} (Somebody)", "note: no API key is set")


def test_many_models(answers):
    with SimulatedVllm(*(SimulatedModel(f"m{number}") for number in range(5))) as server:
        holds(answers(VLLM_ENDPOINT=server.url), f"ok: {server.url} (VLLM_ENDPOINT): vllm", "models: m0, m1, m2 and 2 more")


def test_a_server_that_breaks_off_its_answer_when_asked_for_its_models(answers):
    description = model_servers.page({"openapi": "3.1.0", "info": {"title": "llama.cpp Python API"}}, model_servers.UVICORN)
    with ReplayServer(model_servers.LLAMA_CPP_PYTHON | {"/openapi.json": description}) as server:
        holds(answers(LLAMACPP_ENDPOINT=server.url), f"ok: {server.url} (LLAMACPP_ENDPOINT): llamacpp")
        assert "/v1/models" not in server.paths


def test_several_servers_of_one_runtime(answers, simulated_vllm, simulated_ollama):
    lines = answers(VLLM_ENDPOINT=f"{simulated_vllm.url},big={simulated_ollama.url}", OLLAMA_HOST=simulated_ollama.url)
    holds(lines, f"ok: {simulated_vllm.url} (VLLM_ENDPOINT): vllm", f"ok: {simulated_ollama.url} (VLLM_ENDPOINT): ollama")
    holds(lines, f"ok: {simulated_ollama.url} (OLLAMA_HOST): ollama")
    lines = answers(VLLM_ENDPOINT="Big=http://a:1")
    holds(lines, "broken: VLLM_ENDPOINT: 'Big' is no name")


def test_a_named_server_that_is_not_there(answers):
    lines = answers(OPENAI_BASE_URL="http://127.0.0.1:9/v1")
    holds(lines, "broken: http://127.0.0.1:9/v1 (OPENAI_BASE_URL): nobody answers → start the server, or correct OPENAI_BASE_URL")


def test_a_server_that_says_nothing(answers):
    with ChatServer(nobody) as server:
        lines = answers(server.port)
        holds(lines, f"note: {server.url}: something answers that is no model server known here")
        lines = answers(OPENAI_BASE_URL=server.url)
        holds(lines, "does not say which runtime it is", f"if you know better: VENOM_OTEL_PROVIDERS={server.url}=vllm")
        lines = answers(VENOM_OTEL_PROVIDERS=f"{server.url}=sglang")
        holds(lines, f"ok: {server.url} (OPENAI_BASE_URL): sglang, as VENOM_OTEL_PROVIDERS says")


def test_a_server_that_wants_a_key(answers):
    def locked(path):
        return 401, "application/json", b'{"error": "Unauthorized"}'

    with ChatServer(locked) as server:
        lines = answers(VLLM_ENDPOINT=server.url, VLLM_API_KEY=f" {KEY} ")
    holds(lines, "wants another key before it says who it is", "VLLM_API_KEY has blanks or quotes around it", "(never shown): VLLM_API_KEY")
    assert KEY not in "\n".join(lines)


def test_a_public_server_is_not_asked(answers):
    lines = answers(OPENAI_BASE_URL="https://api.openai.com/v1", AZURE_OPENAI_ENDPOINT="https://mine.openai.azure.com")
    holds(
        lines,
        "ok: https://api.openai.com/v1 (OPENAI_BASE_URL): openai, by its public name; not asked",
        "ok: https://mine.openai.azure.com (AZURE_OPENAI_ENDPOINT): azure.ai.openai, by its public name; not asked",
    )


@pytest.mark.parametrize(
    ("value", "url"),
    [("0.0.0.0", "http://127.0.0.1:11434"), ("0.0.0.0:9", "http://127.0.0.1:9"), ("http://127.0.0.1:9/", "http://127.0.0.1:9")],
)
def test_ollama_host_as_ollama_reads_it(answers, value, url):
    (line,) = [line for line in answers(OLLAMA_HOST=value) if "OLLAMA_HOST" in line]
    assert f"{url} (OLLAMA_HOST)" in line


def test_an_address_that_is_none(answers):
    holds(answers(OPENAI_BASE_URL="http://[::1"), "broken: OPENAI_BASE_URL: ", "give a base URL")
