"""Start, stop and restart of a server that is a command, on real processes and real sockets."""

import asyncio
import os
import signal

import psutil
import pytest
from support.patience import WAIT_S

from venom_otel.control import Action

from .conftest import failing, gone, wait_until


async def test_start_and_stop(place):
    controller = place.controller(start=place.tiny())
    assert set(controller.unsupported(place.runtime)) == {Action.STOP, Action.RESTART}
    await place.act(controller, Action.START)
    life = controller.life(place.runtime)
    assert life is not None
    assert place.pid_file.read_text().split("\n")[0] == str(life.pid)
    assert life.since_ns == pytest.approx(psutil.Process(life.pid).create_time() * 1e9)
    assert not controller.unsupported(place.runtime)
    assert (await place.look()).state.status == "online"
    await place.act(controller, Action.STOP)
    assert controller.life(place.runtime) is None
    assert (await place.look()).state == "stopped"
    assert list((place.directory / "run").iterdir()) == []
    assert place.said[0].startswith("starting: `")
    assert f"ending its process {life.pid} (SIGTERM)" in place.said


async def test_one_that_is_dead_is_restarted_by_what_starts_it(place):
    controller = place.controller(start=place.tiny())
    assert Action.RESTART in controller.unsupported(place.runtime), "it might run, and not be ours to stop"
    assert Action.RESTART not in controller.unsupported(place.runtime, await place.look())
    await place.act(controller, Action.RESTART)
    first = controller.life(place.runtime)
    assert first is not None
    psutil.Process(first.pid).kill()
    await asyncio.to_thread(wait_until, lambda: controller.life(place.runtime) is None, "it lives on")
    await place.act(controller, Action.RESTART)
    again = controller.life(place.runtime)
    assert again is not None
    assert again.pid != first.pid
    await place.act(controller, Action.STOP)


async def test_one_that_runs_and_is_not_ours_is_not_restarted(place):
    other = place.controller(start=place.tiny())
    await place.act(other, Action.START)
    named = place.pid_file.read_text()
    place.pid_file.unlink()
    words = await failing(place, place.controller(start=place.tiny()), Action.RESTART)
    assert "no process of it is known" in words
    assert (await place.look()).state.status == "online"
    place.pid_file.write_text(named)
    await place.act(other, Action.STOP)


@pytest.mark.timeout(1200)  # a hundred processes
async def test_fifty_rounds_leave_nothing(place):
    """Neither a process, dead or alive, nor a descriptor, nor a thread."""
    me = psutil.Process()
    controller = place.controller(start=place.tiny())

    async def once():
        await place.act(controller, Action.START)
        await place.act(controller, Action.STOP)

    def here():
        return {child.pid for child in me.children(recursive=True)}, me.num_fds(), me.num_threads()

    def nothing_more():  # what other tests have left may end meanwhile
        return here()[0] <= before[0] and here()[1] <= before[1] and here()[2] <= before[2]

    await once()  # what is opened once and kept
    before = here()
    for _ in range(50):
        await once()
    wait_until(nothing_more, f"{here()} is more than {before}")
    assert place.processes() == set()


async def test_a_server_that_dies_is_no_zombie_and_can_be_started_again(place):
    controller = place.controller(start=place.tiny())
    await place.act(controller, Action.START)
    pid = controller.life(place.runtime).pid
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: not psutil.pid_exists(pid), "it stays as a zombie")
    assert controller.life(place.runtime) is None
    await place.act(controller, Action.START)
    assert controller.life(place.runtime).pid != pid


async def test_what_a_crashed_server_leaves_is_ended_before_the_next_start(place):
    """Ollama's runner or vLLM's engine, which keep their memory, and their port."""
    child_file = place.directory / "child"
    controller = place.controller(start=place.tiny("--child", child_file))
    await place.act(controller, Action.START)
    orphan = int(child_file.read_text())
    os.kill(controller.life(place.runtime).pid, signal.SIGKILL)
    wait_until(lambda: controller.life(place.runtime) is None, "it lives")
    assert not gone(orphan)
    await place.act(controller, Action.START)
    assert "ending what its last process has left behind" in place.said
    wait_until(lambda: gone(orphan), "what was left behind lives")


@pytest.mark.parametrize("options", [[], ["--ignore-term"]])
async def test_stop_ends_descendants_too(place, options):
    child_file = place.directory / "child"
    controller = place.controller(start=place.tiny("--child", child_file, *options), grace_s=0.2 if options else WAIT_S)
    await place.act(controller, Action.START)
    child, server = int(child_file.read_text()), controller.life(place.runtime).pid
    await place.act(controller, Action.STOP)
    assert gone(child)
    assert gone(server)
    assert any("SIGKILL" in words for words in place.said) == bool(options)
    assert ("stop: SIGKILL" in place.log) == bool(options)
