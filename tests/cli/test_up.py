"""`venom-otel up` as a person or a program starts it: a process of its own, on real ports, ended by real signals."""

import contextlib
import http.client
import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from support.cockpit import PROGRAM, Application, Cockpit, command, environment
from support.patience import WAIT_S

import venom_otel
from venom_otel.cli.banner import typed


@pytest.fixture
def cockpit(tmp_path):
    with Cockpit(tmp_path) as running:
        yield running


def stored(cockpit):
    return httpx.get(f"{cockpit.page}/api/v1/history/requests").json()["items"]


def test_takes_telemetry_and_shows_it(cockpit):
    with Application(cockpit.otlp) as application:
        application.request("llama3.2:1b")
    (request,) = stored(cockpit)
    assert (request["llm_provider"], request["llm_model"], request["service"]) == ("ollama", "llama3.2:1b", "support-bot")
    page = httpx.get(cockpit.page)
    assert page.status_code == 200
    assert "venom_otel" in page.text


def test_serves_only_the_address_it_names(cockpit):
    assert cockpit.page.startswith("http://127.0.0.1:")
    for port in (cockpit.port, cockpit.otlp_port):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.2", port), timeout=WAIT_S)


def test_connections_outlive_the_pause_between_two_exports(cockpit):
    """OpenTelemetry's SDKs send a batch every five seconds: a connection closed just then would take it along."""
    opened = [http.client.HTTPConnection(url.removeprefix("http://"), timeout=WAIT_S) for url in (cockpit.otlp, cockpit.page)]
    with contextlib.ExitStack() as stack:
        for connection in opened:
            stack.callback(connection.close)
            connection.request("GET", "/")
            connection.getresponse().read()
        assert select.select([connection.sock for connection in opened], [], [], 6)[0] == []
        for connection in opened:
            connection.request("GET", "/")
            connection.getresponse().read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_ends_cleanly_by_a_signal(tmp_path, number):
    with Cockpit(tmp_path) as cockpit:
        with Application(cockpit.otlp) as application:
            application.request()
        assert cockpit.stop(number)[::2] == (0, "")
    with Cockpit(tmp_path) as again:
        assert len(stored(again)) == 1
    # The store was closed: SQLite's log is gone once nobody has the file open.
    assert not list((tmp_path / "data").glob("*-wal"))


def test_stays_where_nohup_says_so(tmp_path):
    process = subprocess.Popen(
        ["nohup", PROGRAM, "up", "--json", "--port", "0", "--otlp-port", "0", "--data-dir", str(tmp_path)],
        env=environment(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        page = json.loads(process.stdout.readline())["page"]
        process.send_signal(signal.SIGHUP)
        for _ in range(3):
            assert httpx.get(page).status_code == 200
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0
        process.stdout.close()


def test_ends_promptly_while_others_hold_on(cockpit):
    """Exporters and readers keep connections open, someone waits for the next request, and one request never ends."""
    follow = subprocess.Popen(
        [PROGRAM, "requests", "--follow", "--url", cockpit.page],
        env=environment(cockpit.folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert follow.stdout.readline().startswith("time\t")
        with (
            Application(cockpit.otlp) as application,
            httpx.Client() as reader,
            socket.create_connection(("127.0.0.1", cockpit.otlp_port)) as half,
        ):
            application.request()
            assert "llama3.2:1b" in follow.stdout.readline()
            reader.get(cockpit.page)
            half.sendall(
                b"POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-protobuf\r\nContent-Length: 9\r\n\r\n"
            )
            status, _, words = cockpit.stop()  # within its deadline: those who hold on never let go by themselves
        assert (status, words) == (0, "")
    finally:
        follow.kill()
        follow.communicate()


def test_says_where_everything_is(tmp_path):
    process = subprocess.Popen(
        [PROGRAM, "up", "--port", "0", "--otlp-port", "0"],
        env=environment(tmp_path, XDG_DATA_HOME=str(tmp_path / "share")),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        words = "".join(iter(process.stdout.readline, "  Then run it: each request appears on the page. Ctrl-C ends this.\n"))
        page, otlp = re.search(r"Page +(http://127\.0\.0\.1:\d+)\n", words)[1], re.search(r"OTLP +(http://127\.0\.0\.1:\d+) ", words)[1]
        assert httpx.get(page).status_code == 200
        assert httpx.get(f"{otlp}/v1/traces").status_code == 405
        data = tmp_path / "share" / "venom-otel"
        assert f"Data   {data}\n" in words
        assert list(data.glob("*.sqlite3"))
        assert "      import venom_otel\n      venom_otel.instrument(kernel)\n" in words
        assert f"OTEL_EXPORTER_OTLP_ENDPOINT={otlp}\n" in words  # since it is not where exporters send by themselves
        assert "Everyone who can reach" not in words
        assert "\x1b" not in words
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0
        process.stdout.close()


def test_commands_are_said_as_they_can_be_typed(tmp_path, monkeypatch):
    """Out of a virtual environment that is not activated, as after `make up`, by their path."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    programs = [tmp_path / ".venv" / "bin" / "venom-otel", tmp_path / "bin" / "venom-otel"]
    for program in programs:
        program.parent.mkdir(parents=True)
        program.touch(0o755)
    assert typed(programs[0]) == typed(Path(".venv/bin/venom-otel")) == ".venv/bin/venom-otel"
    assert typed(programs[1]) == typed(Path("python/site-packages/venom_otel/__main__.py")) == "venom-otel"
    programs[1].unlink()
    monkeypatch.chdir(tmp_path / "bin")
    assert typed(programs[0]) == str(programs[0])


@pytest.mark.parametrize("option", ["--port", "--otlp-port"])
def test_a_port_in_use(tmp_path, option):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        others = {"--port": "0", "--otlp-port": "0", option: str(port)}
        ended = command("up", *(word for pair in others.items() for word in pair), home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    holder = rf" by [^()]+ \(pid {os.getpid()}\)" if sys.platform == "linux" else ""
    advice = rf"Stop that, or choose another port with {option} \(0 takes a free one\)\."
    assert re.fullmatch(rf"venom-otel: port {port} on 127\.0\.0\.1 is in use{holder}\. {advice}\n", ended.stderr)


def test_a_second_instance_on_the_same_data(cockpit):
    ended = command("up", "--port", "0", "--otlp-port", "0", "--data-dir", str(cockpit.folder / "data"), home=cockpit.folder)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("venom-otel: ")
    assert f"(process {cockpit.process.pid})" in ended.stderr
    assert "VENOM_OTEL_DATA_DIR" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_starts_again_on_its_ports_at_once(tmp_path):
    with Cockpit(tmp_path) as cockpit:
        with httpx.Client() as reader:
            reader.get(cockpit.page)
            cockpit.stop()
        cockpit.start()
        assert httpx.get(cockpit.page).status_code == 200


@pytest.mark.parametrize(
    ("arguments", "variables", "words"),
    [
        (["--host", "nosuch.invalid"], {}, r"--host nosuch\.invalid: .+\. Give an address of this machine, such as 127\.0\.0\.1\."),
        (["--host", "192.0.2.1"], {}, r"--host 192\.0\.2\.1 is not an address of this machine\. .+"),
        ([], {"VENOM_OTEL_PORT": "eighty"}, r"VENOM_OTEL_PORT='eighty': .+"),
        (["--data-dir", "/proc/nowhere"], {}, r"the store /proc/nowhere/.+ cannot be opened: .+"),
    ],
)
def test_what_cannot_be(tmp_path, arguments, variables, words):
    variables = {"VENOM_OTEL_PORT": "0", "VENOM_OTEL_OTLP_PORT": "0", **variables}
    ended = command("up", *arguments, home=tmp_path, **variables)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(rf"venom-otel: {words}\n", ended.stderr)


def test_reads_dotenv_where_it_is_started_and_options_come_first(tmp_path):
    here = tmp_path / "here"
    here.mkdir()
    (here / ".env").write_text(f"VENOM_OTEL_DATA_DIR={tmp_path / 'by-file'}\nVENOM_OTEL_PORT=1\nVENOM_OTEL_OTLP_PORT=2\n")
    process = subprocess.Popen(
        [PROGRAM, "up", "--json", "--port", "0"],
        env=environment(tmp_path, VENOM_OTEL_OTLP_PORT="0"),
        cwd=here,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        ready = json.loads(process.stdout.readline())
        assert ready["data_dir"] == str(tmp_path / "by-file")
        assert ready["pid"] == process.pid
        ports = {int(ready[name].rpartition(":")[2]) for name in ("page", "otlp")}
        assert len(ports - {1, 2}) == 2
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0
        process.stdout.close()
    assert not (here / ".nicegui").exists()


def test_pages_of_other_origins_are_kept_away(cockpit):
    assert httpx.get(cockpit.page, headers={"Host": "evil.example"}).status_code == 403
    socket_path = f"{cockpit.page}/_nicegui_ws/socket.io/?EIO=4&transport=polling"
    assert httpx.get(socket_path, headers={"Origin": "http://evil.example"}).status_code == 403
    assert httpx.get(socket_path, headers={"Origin": cockpit.page}).status_code == 200
    own = f"127.0.0.1:{cockpit.port}"
    for host, origin, status in (
        (own, f"http://{own}", b"101"),
        (own, "http://evil.example", b"403"),
        ("evil.example", f"http://{own}", b"403"),
        ("evil.example", "http://evil.example", b"403"),  # a name of theirs that leads here
    ):
        with socket.create_connection(("127.0.0.1", cockpit.port), timeout=WAIT_S) as raw:
            raw.sendall(
                b"GET /_nicegui_ws/socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: %s\r\nOrigin: %s\r\n"
                b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n" % (host.encode(), origin.encode())
            )
            assert raw.recv(1024).startswith(b"HTTP/1.1 %s " % status), (host, origin)


def test_warns_where_others_can_read(tmp_path):
    process = subprocess.Popen(
        [PROGRAM, "up", "--host", "0.0.0.0", "--port", "0", "--otlp-port", "0"],
        env=environment(tmp_path, XDG_DATA_HOME=str(tmp_path)),
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        words = "".join(iter(process.stdout.readline, "  Everyone who can reach 0.0.0.0 can read what is stored here.\n"))
        assert httpx.get(re.search(r"Page +(http://127\.0\.0\.1:\d+)\n", words)[1]).status_code == 200
    finally:
        process.terminate()
        assert process.wait(WAIT_S) == 0
        process.stdout.close()


@pytest.mark.parametrize("argument", ["version", "--version"])
def test_version(tmp_path, argument):
    ended = command(argument, home=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{venom_otel.__version__}\n", "")


@pytest.mark.parametrize("arguments", [["up"], ["requests"], ["version"], []])
def test_without_the_extra_it_says_what_to_install(tmp_path, arguments):
    """As in an environment that has the base package alone; there is no such environment here, so its imports are hidden."""
    hidden = "import sys; sys.modules |= dict.fromkeys(('typer', 'nicegui', 'uvicorn')); from venom_otel.cli import main; main()"
    ended = subprocess.run(
        [sys.executable, "-c", hidden, *arguments], env=environment(tmp_path), capture_output=True, text=True, timeout=WAIT_S, check=False
    )
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "venom-otel: this command needs the cockpit (typer, uvicorn, nicegui not installed). Run: pip install 'venom-otel[cockpit]'\n"
    )


def test_help_names_every_command(tmp_path):
    for arguments in (["--help"], []):
        ended = command(*arguments, home=tmp_path)
        assert all(name in ended.stdout + ended.stderr for name in ("up", "requests", "version"))
