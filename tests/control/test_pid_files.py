"""A PID file is believed where its process began when it says; nothing else is ever signalled."""

import os
import subprocess
from pathlib import Path

import pytest

from venom_otel.control import Action
from venom_otel.control.processes import record


@pytest.fixture
def stranger():
    """A process that has nothing to do with any server."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        assert process.poll() is None, "a stranger was ended"
        process.kill()


def write(place, text):
    place.pid_file.parent.mkdir(exist_ok=True)
    place.pid_file.write_text(text, encoding="utf-8")


def test_a_process_is_told_by_what_the_system_says_of_it(stranger):
    stat = Path(f"/proc/{stranger.pid}/stat").read_text(encoding="ascii")
    boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    assert record(stranger.pid) == (stranger.pid, f"{stat.rpartition(')')[2].split()[19]} {boot}")


@pytest.mark.parametrize("ending", ["", "\n", "\n\n"])
def test_what_a_script_writes(place, stranger, ending):
    controller = place.controller()
    write(place, f"{stranger.pid}\n{record(stranger.pid).mark}{ending}")
    assert controller.life(place.runtime).pid == stranger.pid
    assert Action.STOP not in controller.unsupported(place.runtime)


def other_start(mark):
    ticks, boot = mark.split()
    return f"{int(ticks) - 1} {boot}"


def other_boot(mark):
    ticks, _ = mark.split()
    return f"{ticks} 00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("changed", [other_start, other_boot, lambda _: "", lambda mark: mark.split()[0]])
async def test_another_process_of_the_same_number(place, stranger, changed):
    """Its number was given again, the machine was started again, or nobody wrote when it began."""
    write(place, f"{stranger.pid}\n{changed(record(stranger.pid).mark)}\n")
    controller = place.controller(start=place.tiny())
    assert controller.life(place.runtime) is None
    assert set(controller.unsupported(place.runtime)) == {Action.STOP, Action.RESTART}
    await place.act(controller, Action.START)
    assert controller.life(place.runtime).pid != stranger.pid
    await place.act(controller, Action.STOP)


@pytest.mark.parametrize("text", ["", "x", "-1\nx\n", "0\nx\n", "1\nx\n", "99999999999999999999\nx\n", "\0\n\0", "12"])
def test_nonsense(place, text):
    write(place, text)
    assert place.controller().life(place.runtime) is None


def test_bytes_that_are_no_text(place):
    write(place, "")
    place.pid_file.write_bytes(b"\xff\xfe\n\x00")
    assert place.controller().life(place.runtime) is None


@pytest.fixture
def ours():
    """A process of the server, which leads no group."""
    with subprocess.Popen(["sleep", "600"]) as process:
        yield process
        process.kill()


async def test_a_process_that_leads_no_group_is_ended_without_its_group(place, stranger, ours):
    """It shares its group with a script, and with whoever called that."""
    assert os.getpgid(ours.pid) == os.getpgid(stranger.pid) == os.getpgid(0)
    write(place, f"{ours.pid}\n{record(ours.pid).mark}\n")
    await place.act(place.controller(), Action.STOP)
    assert ours.wait() == -15
