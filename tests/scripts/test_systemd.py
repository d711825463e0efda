"""Where a systemd unit of the server's name exists. No systemd runs in a container, so that a program stands in for `systemctl`."""

from __future__ import annotations

import pytest

SYSTEMCTL = """#!/bin/sh
scope=$1; shift
echo "$scope $*" >>calls
[ -e "units$scope" ] || { echo "No files found for ollama.service." >&2; exit 1; }
[ "$1" = --no-ask-password ] && shift
case $1 in
    cat) echo "[Service]" ;;
    is-active) read -r state <"units$scope"; echo "$state"; [ "$state" = active ] || exit 3 ;;
    start | restart) [ ! -e refuses ] || { echo "Access denied" >&2; exit 4; }; echo active >"units$scope" ;;
    stop) echo inactive >"units$scope" ;;
esac
"""


@pytest.fixture(params=["--user", "--system"])
def scope(request, vllm_service):
    """A stopped unit of the user's or the system's, and a script that is told of no program."""
    program = vllm_service.programs / "systemctl"
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)
    (vllm_service.folder / f"units{request.param}").write_text("inactive\n")
    del vllm_service.variables["VLLM_COMMAND"]
    return request.param


def told(service):
    """What systemd was told to do, without the questions."""
    calls = (service.folder / "calls").read_text().splitlines()
    return [call for call in calls if " cat " not in call and "is-active" not in call]


def test_the_unit_is_used(vllm_service, scope):
    named = f"({scope.removeprefix('--')} unit vllm.service)"
    assert vllm_service.run("status", status=3) == f"vllm: inactive, says systemd {named}\n"
    assert vllm_service.run("start").startswith(f"vllm: start by systemd {named}: done; its log: journalctl {scope} --unit vllm.service")
    assert vllm_service.run("status") == f"vllm: active, says systemd {named}\n"
    vllm_service.run("restart")
    vllm_service.run("stop")
    assert "inactive" in vllm_service.run("status", status=3)
    assert told(vllm_service) == [f"{scope} --no-ask-password {action} vllm.service" for action in ("start", "restart", "stop")]
    assert not vllm_service.pid_file.exists()


def test_a_refusal_says_what_to_run_by_hand(vllm_service, scope):
    (vllm_service.folder / "refuses").touch()
    said = vllm_service.run("start", status=1)
    assert "Access denied" in said
    by_hand = "systemctl --user" if scope == "--user" else "sudo systemctl"
    assert said.endswith(f"By hand: {by_hand} start vllm.service. Without systemd: set VLLM_COMMAND=vllm\n")


def test_a_program_that_is_named_comes_before_a_unit(vllm_service, scope):
    vllm_service.run("start", VLLM_COMMAND=f"'{vllm_service.folder / 'stand in'}'")
    assert vllm_service.about()
    # Once it runs, it is the one, whatever the variables say.
    assert "running" in vllm_service.run("status")
    assert "already running" in vllm_service.run("start", status=1)
    vllm_service.run("stop")
    assert vllm_service.processes() == []
    assert not (vllm_service.folder / "calls").exists()


def test_without_a_unit(vllm_service, scope):
    (vllm_service.folder / f"units{scope}").unlink()
    assert "is not installed" in vllm_service.run("start", status=5)
    assert told(vllm_service) == []
