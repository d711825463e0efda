"""A real Ollama: started, killed, started again, adopted, stopped; with the process that runs its model."""

import os
import shlex
import signal
import socket

import httpx
import psutil
import pytest
from support.ollama_server import OllamaServer

from tools import build_ollama
from venom_otel.control import Action
from venom_otel.runtimes import reading

from .conftest import eventually, gone

pytestmark = pytest.mark.ollama


def free_port():
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


def load(url):
    """Have it load its model, which a process of its own then holds."""
    httpx.post(f"{url}/api/generate", json={"model": OllamaServer.model}, timeout=60).raise_for_status()


def runners(pid):
    return [each.pid for each in psutil.Process(pid).children(recursive=True)]


async def test_its_life(place, tmp_path):
    home = tmp_path / "home"
    with OllamaServer(home):  # makes the model
        pass
    place.move(free_port())
    url = f"http://127.0.0.1:{place.port}"
    environment = {"OLLAMA_HOST": f"127.0.0.1:{place.port}", "OLLAMA_MODELS": str(home / "models"), "HOME": str(home), "TMPDIR": str(home)}
    start = f"{shlex.quote(str(build_ollama.program()))} serve"
    controller = place.controller(start=start)

    await place.act(controller, Action.START, environment=environment)
    first = controller.life(place.runtime)
    assert (await place.look()).state.status == "online"
    load(url)
    (runner,) = runners(first.pid)

    os.kill(first.pid, signal.SIGKILL)
    await eventually(lambda: gone(first.pid), "it lives")
    assert (await controller.watching(reading.read)(place.runtime)).state == "stopped"
    await place.act(controller, Action.START, environment=environment)
    await eventually(lambda: gone(runner), "its old runner holds its memory")

    later = place.controller(start=start)
    second = later.life(place.runtime)
    assert second == controller.life(place.runtime)
    load(url)
    (runner,) = runners(second.pid)
    await place.act(later, Action.STOP)
    assert gone(second.pid)
    assert gone(runner)
    assert (await place.look()).reason == "refused"
    assert place.processes() == set()
