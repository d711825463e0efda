"""Start, stop and restart of a server that is a command, on real processes and real sockets."""

from venom_otel.control import Action


async def test_start_and_stop(place):
    controller = place.controller(start=place.tiny())
    assert set(controller.unsupported(place.runtime)) == {Action.STOP, Action.RESTART}
    await place.act(controller, Action.START)
    life = controller.life(place.runtime)
    assert life is not None
    assert place.pid_file.read_text().split("\n")[0] == str(life.pid)
    assert not controller.unsupported(place.runtime)
    assert (await place.look()).state == "ready"
    await place.act(controller, Action.STOP)
    assert controller.life(place.runtime) is None
    assert (await place.look()).state == "stopped"
    assert not place.pid_file.exists()
