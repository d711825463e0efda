"""The log of a server stays small while it is written, and its last lines show no credential."""

import os
import stat
import subprocess
import sys

import pytest

from venom_otel.control import logs
from venom_otel.control.logs import Log


@pytest.fixture
def log(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "MOST_BYTES", 1000)
    return Log(tmp_path / "logs" / "vllm.log")


def begin(log, words="start: vllm"):
    os.close(log.open(words))


def files(log):
    return sorted(each.name for each in log.path.parent.iterdir())


def test_a_line_before_each_action(log):
    begin(log, "start: vllm serve x")
    begin(log, "stop: vllm stop")
    first, second = log.path.read_text().splitlines()
    assert first[10:].endswith("Z venom-otel start: vllm serve x")
    assert second.endswith("Z venom-otel stop: vllm stop")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_note_that_comes_first_is_nobody_elses_to_read_either(log):
    log.note("start failed: nobody has made its directory yet")
    assert not log.path.exists()
    log.path.parent.mkdir()
    log.note("start failed: there is no program 'vllm'")
    assert log.path.read_text().endswith("Z venom-otel start failed: there is no program 'vllm'\n")
    assert stat.S_IMODE(log.path.stat().st_mode) == 0o600


def test_a_start_puts_aside_what_is_too_much(log):
    for number in range(logs.KEPT + 2):
        begin(log)
        with log.path.open("a") as file:
            file.write(f"{number}\n" * 600)
    assert files(log) == ["vllm.log"] + [f"vllm.log.{number}" for number in range(1, logs.KEPT + 1)]
    assert [log.path.with_name(f"vllm.log.{number}").read_text()[-2] for number in (1, 2, 3)] == ["5", "4", "3"]


def test_a_server_that_writes_goes_on_into_the_same_file(log):
    """It is copied and made empty: who appends never writes behind a hole."""
    output = log.open("start: vllm")
    echo = "import sys\nfor line in sys.stdin: print(line * 20, end='', flush=True)\nprint('end', flush=True)"
    with subprocess.Popen([sys.executable, "-c", echo], stdin=subprocess.PIPE, stdout=output, text=True) as server:
        os.close(output)
        for number in range(3):
            before = log.size()
            server.stdin.write(f"{number}" * 99 + "\n")
            server.stdin.flush()
            while log.size() < before + 2000:
                assert server.poll() is None
            log.trim()
            assert log.size() == 0
        server.stdin.close()
        server.wait()
    assert log.path.read_bytes() == b"end\n"
    assert files(log) == ["vllm.log", "vllm.log.1", "vllm.log.2", "vllm.log.3"]
    copies = [log.path.with_name(f"vllm.log.{number}") for number in (1, 2, 3)]
    assert [copy.read_text().splitlines()[-1][0] for copy in copies] == ["2", "1", "0"]
    assert {stat.S_IMODE(copy.stat().st_mode) for copy in copies} == {0o600}


def test_what_is_small_is_left_alone(log):
    begin(log)
    log.trim()
    assert files(log) == ["vllm.log"]
    Log(log.path.with_name("none.log")).trim()


def test_the_last_lines(log):
    begin(log)
    assert log.tail(0) == []
    with log.path.open("ab") as file:
        file.write(b"one\r\n\n\x1b[31mtwo\x1b[0m\rthree \x07\n\xff\ntoken=abc\nkey is swordfish\n" + b"x" * 600)
    assert log.tail(6, ["swordfish"]) == ["two", "three", "\ufffd", "token=***", "key is ***", "x" * 500 + "…"]
    assert log.tail(2, ["swordfish"]) == ["key is ***", "x" * 500 + "…"]
    assert Log(log.path.with_name("none.log")).tail(5) == ()


def test_the_last_lines_of_a_long_log(log):
    begin(log)
    with log.path.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(100_000))
    assert log.tail(2) == ["line 99998", "line 99999"]
    assert all(line.startswith("line ") for line in log.tail(100_000))


def test_the_lines_since_a_start(log):
    begin(log, "old")
    since = log.size()
    begin(log, "new")
    assert [line.rpartition(" ")[2] for line in log.tail(5, since=since)] == ["new"]
    os.truncate(log.path, 0)
    begin(log, "x")
    assert [line.rpartition(" ")[2] for line in log.tail(5, since=since)] == ["x"], "it was made empty since"
