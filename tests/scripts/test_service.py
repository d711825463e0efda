"""Start, stop, restart and status, with a program that stands in for vLLM."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess

import psutil
import pytest
from support.cockpit import wait_for
from support.patience import WAIT_S

from venom_otel.control.processes import Record, lives, record

SIGNALS = {number for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGTERM) if signal.getsignal(number) is not signal.SIG_IGN}
"""But those that the tests themselves were started without, as by a shell in the background: no script can bring these back."""
CLOCK = {"BASH_ENV": ""}
"""For a script that shall give something up."""


def test_from_start_to_stop(vllm_service):
    assert "not running" in vllm_service.run("status", status=3)
    said = vllm_service.run("start")
    pid = vllm_service.pid()
    assert said == f"vllm: started (process {pid}), 127.0.0.1:{vllm_service.port} answers; log: logs/vllm.log\n"
    assert vllm_service.about()["arguments"][:2] == ["serve", "models/tiny"]
    assert f"running (process {pid}), 127.0.0.1:{vllm_service.port} answers" in vllm_service.run("status")
    assert vllm_service.run("stop") == f"vllm: stopped (process {pid})\n"
    assert vllm_service.processes() == []
    assert list(vllm_service.pid_file.parent.iterdir()) == []
    assert "not running" in vllm_service.run("status", status=3)
    assert "not running" in vllm_service.run("stop")


def test_restart(vllm_service):
    assert "started" in vllm_service.run("restart")
    first = vllm_service.pid()
    said = vllm_service.run("restart")
    assert f"stopped (process {first})" in said
    assert f"started (process {vllm_service.pid()})" in said
    assert [process.pid for process in vllm_service.processes()] == [vllm_service.pid()] != [first]


def test_the_pid_file_is_the_one_that_the_cockpit_reads(vllm_service):
    vllm_service.run("start")
    pid, mark = vllm_service.pid_file.read_text().splitlines()
    assert lives(Record(int(pid), mark))
    vllm_service.run("stop")
    assert not lives(Record(int(pid), mark))


def test_it_is_on_its_own(vllm_service):
    """A session of its own, no descriptor of the caller's, and signals that work though the script was in the background."""
    vllm_service.run("start")
    pid = vllm_service.pid()
    assert os.getsid(pid) == os.getpgid(pid) == pid
    about = vllm_service.about()
    assert about["descriptors"] == {"0": "/dev/null", "1": str(vllm_service.log), "2": str(vllm_service.log)}
    assert {number for number in SIGNALS if about["ignored"] >> number - 1 & 1} == set()


def test_a_second_start_is_refused(vllm_service):
    vllm_service.run("start")
    pid = vllm_service.pid()
    assert vllm_service.run("start", status=1) == f"vllm: already running (process {pid})\n"
    assert [process.pid for process in vllm_service.processes()] == [pid]


def test_starts_side_by_side_start_one(vllm_service):
    scripts = [vllm_service.begin("start") for _ in range(4)]
    words = [script.communicate(timeout=WAIT_S) for script in scripts]
    assert sorted(script.returncode for script in scripts) == [0, 1, 1, 1], words
    assert [process.pid for process in vllm_service.processes()] == [vllm_service.pid()]


def test_one_that_ends_at_once(vllm_service):
    said = vllm_service.run("start", status=1, STAND_IN="dies")
    assert "vllm: the last lines of logs/vllm.log:\n" in said
    assert said.endswith("no such device\nvllm: vLLM ended at once\n")
    assert not vllm_service.pid_file.exists()
    assert "not running" in vllm_service.run("status", status=3)


def test_its_words_are_not_repeated_where_they_are(vllm_service):
    """As the cockpit starts the script: what it says goes into the log of the server."""
    vllm_service.log.parent.mkdir()
    with vllm_service.log.open("ab") as log:
        variables = {**vllm_service.variables, "STAND_IN": "dies"}
        done = subprocess.run([vllm_service.script, "start"], cwd=vllm_service.folder, env=variables, stdout=log, stderr=log, check=False)
    assert done.returncode == 1
    assert vllm_service.log.read_text().count("no such device") == 1


def test_one_that_does_not_answer_yet(vllm_service):
    assert "does not answer yet; log: logs/vllm.log" in vllm_service.run("start", STAND_IN="deaf", **CLOCK)
    assert "running" in vllm_service.run("status")
    vllm_service.run("stop")
    assert vllm_service.processes() == []


def test_a_killed_one(vllm_service):
    vllm_service.run("start", STAND_IN="child")
    pid, child = vllm_service.pid(), vllm_service.about()["child"]
    vllm_service.kill()
    assert f"dead: run/vllm.pid names process {pid}, which has ended" in vllm_service.run("status", status=1)
    assert psutil.pid_exists(child)
    vllm_service.run("start")
    assert [process.pid for process in vllm_service.processes()] == [vllm_service.pid()]  # without the child of the first


def test_stop_ends_what_a_killed_one_left(vllm_service):
    vllm_service.run("start", STAND_IN="child")
    pid = vllm_service.pid()
    vllm_service.kill()
    assert vllm_service.run("stop") == f"vllm: was dead already (process {pid})\n"
    assert vllm_service.processes() == []
    assert not vllm_service.pid_file.exists()


def test_children_are_stopped_too(vllm_service):
    vllm_service.run("start", STAND_IN="child")
    assert len(vllm_service.processes()) == 2
    vllm_service.run("stop")
    assert vllm_service.processes() == []


def test_one_that_ignores_sigterm_is_killed(vllm_service):
    vllm_service.run("start", STAND_IN="ignores child")
    said = vllm_service.run("stop", LLM_STOP_SECONDS="0", **CLOCK)
    assert "does not end within 0 s of SIGTERM: SIGKILL" in said
    assert vllm_service.processes() == []


@pytest.mark.parametrize("action", ["stop", "start", "restart"])
@pytest.mark.parametrize("mark", ["1 {boot}", "{ticks} another-boot", ""], ids=["of this boot", "of another", "without a mark"])
def test_a_process_that_has_the_pid_now_is_left_alone(vllm_service, action, mark):
    with subprocess.Popen(["sleep", "600"], start_new_session=True) as other:
        try:
            ticks, boot = record(other.pid).mark.split()
            vllm_service.pid_file.parent.mkdir()
            vllm_service.pid_file.write_text(f"{other.pid}\n{mark.format(ticks=ticks, boot=boot)}\n")
            assert f"names process {other.pid}, which has ended" in vllm_service.run("status", status=1)
            vllm_service.run(action)
            assert other.poll() is None
        finally:
            other.kill()


def test_a_damaged_pid_file(vllm_service):
    vllm_service.pid_file.parent.mkdir()
    vllm_service.pid_file.write_text("-1\n$(touch gotcha)\n")
    assert "not running" in vllm_service.run("status", status=3)
    vllm_service.run("start")
    vllm_service.run("stop")
    assert not (vllm_service.folder / "gotcha").exists()


def test_a_port_that_somebody_has(vllm_service):
    with socket.create_server(("127.0.0.1", 0)) as other:
        endpoint = f"127.0.0.1:{other.getsockname()[1]}"
        variables = {"VLLM_ENDPOINT": f"http://{endpoint}"}
        said = vllm_service.run("start", status=1, **variables)
        assert f"not started: something that was not started from here answers at {endpoint} already" in said
        assert f"not running from here, but something answers at {endpoint}" in vllm_service.run("status", status=3, **variables)
        assert f"not stopped: what answers at {endpoint} was not started from here" in vllm_service.run("stop", status=1, **variables)
    assert vllm_service.processes() == []


def test_a_lock_whose_holder_was_killed(vllm_service):
    vllm_service.pid_file.parent.mkdir()
    (vllm_service.pid_file.parent / "vllm.lock").symlink_to("4194305 1 some-boot")
    vllm_service.run("start")


SLOW_READLINK = """#!{bash}
# Between the look at the lock and what follows from it, somebody else breaks the lock and takes it.
{readlink} "$@" || exit
echo asked >>asked
[ -e taken ] || {{ : >taken; rm -f "$1"; ln -s "$QUICKER" "$1"; }}
"""


def test_two_who_find_the_same_dead_holder(vllm_service):
    """The slower one leaves the lock alone that the quicker one has got."""
    vllm_service.pid_file.parent.mkdir()
    lock = vllm_service.pid_file.parent / "vllm.lock"
    lock.symlink_to("4194305 1 some-boot")
    wrapper = vllm_service.programs / "readlink"
    wrapper.unlink()
    wrapper.write_text(SLOW_READLINK.format(bash=shutil.which("bash"), readlink=shutil.which("readlink")))
    wrapper.chmod(0o755)
    asked = vllm_service.folder / "asked"
    with subprocess.Popen(["sleep", "600"]) as quicker:
        try:
            holder = f"{quicker.pid} {record(quicker.pid).mark}"
            with vllm_service.begin("start", QUICKER=holder) as slower:
                wait_for(lambda: slower.poll() is not None or (asked.exists() and asked.read_text().count("asked") > 5), "it looks again")
                assert slower.poll() is None
                assert str(lock.readlink()) == holder
                lock.unlink()  # given back
                assert slower.wait(WAIT_S) == 0
        finally:
            quicker.kill()
    assert list(vllm_service.pid_file.parent.iterdir()) == [vllm_service.pid_file]


def test_twenty_rounds_leave_nothing(vllm_service):
    for _ in range(20):
        vllm_service.run("start", STAND_IN="child")
        vllm_service.run("stop")
    assert vllm_service.processes() == []
    assert list(vllm_service.pid_file.parent.iterdir()) == []
    assert [each.name for each in vllm_service.log.parent.iterdir()] == ["vllm.log"]
    assert vllm_service.log.read_text().count("ready") == 20


def test_a_long_log_is_put_aside(vllm_service):
    vllm_service.log.parent.mkdir()
    vllm_service.log.touch()
    os.truncate(vllm_service.log, 11 * 1024 * 1024)
    for number in range(1, 6):
        (vllm_service.folder / f"logs/vllm.log.{number}").write_text(str(number))
    vllm_service.run("start")
    sizes = {each.name: each.stat().st_size for each in vllm_service.log.parent.iterdir()}
    assert sizes.pop("vllm.log") < 1000
    assert sizes == {"vllm.log.1": 11 * 1024 * 1024} | {f"vllm.log.{number}": 1 for number in range(2, 6)}
    assert (vllm_service.folder / "logs/vllm.log.5").read_text() == "4"
    assert vllm_service.log.stat().st_mode & 0o777 == 0o600


def test_seconds_that_are_none(vllm_service):
    vllm_service.run("start")
    assert "a whole number of seconds is needed" in vllm_service.run("stop", status=6, LLM_STOP_SECONDS="soon")
    assert vllm_service.about()
    vllm_service.run("stop", LLM_STOP_SECONDS="08")


@pytest.mark.parametrize("arguments", [(), ("begin",), ("start", "stop"), ("",)])
def test_usage(vllm_service, arguments):
    assert vllm_service.run(*arguments, status=2).startswith("usage: ")
    assert not vllm_service.pid_file.parent.exists()
