"""`venom-otel requests` against a running cockpit: for a program, for a terminal, and following along."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest
from support.cockpit import PROGRAM, Application, Cockpit, command, environment, wait_for
from support.patience import WAIT_S
from support.terminal import shown

FAILURE = ("404", "model_not_found", "model 'x' not found")


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """A cockpit with three requests in it."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running, Application(running.otlp) as application:
        application.request("llama3.2:1b")
        application.request("gpt-4o-mini", provider="openai", endpoint="https://api.openai.com/v1", answered="gpt-4o-mini-2024-07-18")
        application.request("x", failure=FAILURE)
        yield running


def listed(cockpit, *arguments, nothing=""):
    ended = command("requests", "--url", cockpit.page, *arguments, home=cockpit.folder)
    assert (ended.returncode, ended.stderr) == (0, nothing)
    return ended.stdout.splitlines()


@contextlib.contextmanager
def following(cockpit, *arguments):
    """`venom-otel requests --follow`, running."""
    process = subprocess.Popen(
        [PROGRAM, "requests", "--follow", "--url", cockpit.page, *arguments],
        env=environment(cockpit.folder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_lines_for_a_program(cockpit):
    heading, *lines = listed(cockpit)
    rows = [dict(zip(heading.split("\t"), line.split("\t"), strict=True)) for line in lines]
    assert [row["model"] for row in rows] == ["llama3.2:1b", "gpt-4o-mini", "x"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", rows[1].pop("time"))
    assert rows[1] == {
        "status": "COMPLETED",
        "provider": "openai",
        "model": "gpt-4o-mini",
        "answered_by": "gpt-4o-mini-2024-07-18",
        "endpoint": "https://api.openai.com/v1",
        "duration_s": "0.8",
        "first_token_s": "",
        "input_tokens": "31",
        "output_tokens": "118",
        "error": "",
    }
    assert rows[2]["error"] == "404 · model_not_found: model 'x' not found — ollama at http://localhost:11434/v1"


def test_json_is_the_api_s(cockpit):
    first, *_, last = [json.loads(line) for line in listed(cockpit, "--json")]
    assert first["cursor"] < last["cursor"]
    assert last["error"] == {"kind": "model_not_found", "code": "404", "words": "model 'x' not found"}
    assert last["timing"]["unknown"] == "It failed before anything was told of its time."


@pytest.mark.parametrize(
    ("arguments", "models"),
    [
        (["--status", "failed"], ["x"]),
        (["--status", "COMPLETED", "--provider", "openai"], ["gpt-4o-mini"]),
        (["--model", "llama3.2:1b"], ["llama3.2:1b"]),
        (["--endpoint", "https://api.openai.com/v1"], ["gpt-4o-mini"]),
        (["--error-kind", "model_not_found"], ["x"]),
        (["--service", "support-bot", "--limit", "1"], ["x"]),
        (["--service", "somebody else"], []),
        (["--limit", "0"], []),
        (["--since", "1d"], ["llama3.2:1b", "gpt-4o-mini", "x"]),
        (["--until", "2001-01-01"], []),
        (["--text", "MODEL 'X' NOT"], ["x"]),
        (["--attribute", "llm.endpoint=https://api.openai.com/v1"], ["gpt-4o-mini"]),
        (["--attribute", "llm.provider=ollama", "--attribute", "llm.outcome=ok"], ["llama3.2:1b"]),
        (["--text", "nowhere to be found"], []),
    ],
)
def test_filters(cockpit, arguments, models):
    nothing = "" if models or "0" in arguments else "venom-otel: no request matches: leave out a filter, or take a longer time.\n"
    assert [json.loads(line)["llm_model"] for line in listed(cockpit, "--json", *arguments, nothing=nothing)] == models


def test_lines_for_a_terminal(cockpit):
    """Aligned, coloured, as wide as the terminal, and the failure below its request."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    ended = subprocess.run(
        [PROGRAM, "requests", "--url", cockpit.page],
        env=environment(cockpit.folder, TERM="xterm-256color"),
        stdin=terminal,
        stdout=terminal,
        timeout=WAIT_S,
        check=False,
    )
    os.close(terminal)
    screen = shown(controller)
    os.close(controller)
    assert ended.returncode == 0
    assert "\x1b[1;31m" in screen
    lines = re.sub(r"\x1b\[[0-9;]*m", "", screen).splitlines()
    assert lines[0].split() == ["TIME", "STATUS", "PROVIDER", "MODEL", "DURATION", "1ST", "TOKEN", "TOKENS"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d  completed  openai +gpt-4o-mini → gpt-4o-mini-2024-07-18 +800 ms +31 → 118", lines[2].rstrip())
    assert {len(line) for line in lines[:4]} == {120}
    assert lines[4] == f"{'':10}404 · model_not_found: model 'x' not found — ollama at http://localhost:11434/v1"


def test_follows_and_ends_by_ctrl_c(cockpit):
    with following(cockpit, "--json", "--limit", "1", "--status", "completed") as process:
        assert json.loads(process.stdout.readline())["llm_model"] == "gpt-4o-mini"
        with Application(cockpit.otlp, "another") as application:
            application.request("not-this-one", failure=FAILURE)
            for number in range(3):
                application.request(f"later-{number}")
                assert json.loads(process.stdout.readline())["llm_model"] == f"later-{number}"
        process.send_signal(signal.SIGINT)
        rest, words = process.communicate(timeout=WAIT_S)
    assert (process.returncode, rest, words) == (0, "", "")


def test_follows_through_a_restart(tmp_path):
    with Cockpit(tmp_path) as cockpit:
        with Application(cockpit.otlp) as application:
            application.request("before")
        with following(cockpit, "--json") as process:
            assert json.loads(process.stdout.readline())["llm_model"] == "before"
            cockpit.stop()
            words = process.stderr.readline()
            assert words.startswith(f"venom-otel: no cockpit answers at {cockpit.page} ")
            assert words.endswith(" Waiting for it.\n")
            cockpit.start()
            with Application(cockpit.otlp) as application:
                application.request("after")
            assert json.loads(process.stdout.readline())["llm_model"] == "after"


def test_into_a_pipe_that_closes(cockpit):
    """As `venom-otel requests --follow | head -1` ends."""
    with following(cockpit) as process:
        assert process.stdout.readline()
        process.stdout.close()
        with Application(cockpit.otlp) as application:
            wait_for(lambda: application.request("unread") and process.poll() is not None, "the end")
        assert process.stderr.read() == ""


def test_no_cockpit(tmp_path, closed_port):
    url = closed_port.url
    ended = command("requests", "--url", url, home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert re.fullmatch(
        rf"venom-otel: no cockpit answers at {url} \(.+\)\. Start one with `venom-otel up`, or name another with --url\.\n", ended.stderr
    )


@pytest.mark.parametrize("answer", [(200, b"<html>hello</html>"), (200, b"[]"), (404, b'{"detail":"Not Found"}'), (500, b"")])
def test_another_server(tmp_path, answer):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(answer[1])))
            self.end_headers()
            self.wfile.write(answer[1])

        def log_message(self, *args):
            """Keep quiet."""

    with HTTPServer(("127.0.0.1", 0), Handler) as other:
        Thread(target=other.handle_request, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        ended = command("requests", "--url", url, home=tmp_path)
    assert (ended.returncode, ended.stdout) == (2, "")
    words = f"venom-otel: what answers at {url} is no venom-otel cockpit (HTTP {answer[0]}). Name the right one with --url.\n"
    assert ended.stderr == words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--status", "broken"], "--status broken: there is completed, failed, cancelled."),
        (["--url", "nonsense"], "--url nonsense: it must look like http://127.0.0.1:8765."),
        (["--follow", "--until", "5m"], "--until and --follow: what comes from now on has no end to wait for. Leave one of them out."),
    ],
)
def test_what_cannot_be(tmp_path, arguments, words):
    ended = command("requests", *arguments, home=tmp_path)
    assert (ended.returncode, ended.stdout, ended.stderr) == (2, "", f"venom-otel: {words}\n")


def test_words_of_a_server_do_not_steer_the_terminal(tmp_path):
    hostile = "\x1b]0;owned\x07\x1b[2Jgone\tand\nmore"
    with Cockpit(tmp_path) as cockpit:
        with Application(cockpit.otlp) as application:
            application.request(hostile, failure=("500", "server_error", hostile))
        controller, terminal = pty.openpty()
        subprocess.run(
            [PROGRAM, "requests", "--url", cockpit.page],
            env=environment(tmp_path, TERM="xterm"),
            stdout=terminal,
            timeout=WAIT_S,
            check=True,
        )
        os.close(terminal)
        screen = shown(controller)
        os.close(controller)
        assert "owned" in screen
        assert not re.search(r"\x1b(?!\[[0-9;]*m)|\x07", screen)
        heading, line = listed(cockpit)
        assert len(line.split("\t")) == len(heading.split("\t"))
