"""`venom-otel doctor` against real servers, sockets and files: what works is said, and what does not with what would mend it."""

import json
import os
import socket
import sqlite3
import sys

import httpx
import pytest
from support.cockpit import Cockpit, command
from support.doctor import holds
from support.otlp_sink import OtlpSink

from venom_otel.cli.up import STORE

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


def test_a_receiver_that_listens_elsewhere(doctor, cockpit):
    """As where `up` took other ports than the usual ones, and the application was not told."""
    for protocol, own in (("http/protobuf", cockpit.otlp), ("grpc", cockpit.otlp_grpc)):
        nobody = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        status, found = doctor.examine(VENOM_OTEL_DATA_DIR=str(cockpit.folder / "data"), **nobody)
        assert status == 1
        holds(found["Telemetry"], f"`venom-otel up` listens at {own}: set OTEL_EXPORTER_OTLP_ENDPOINT to that")


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
