"""A real Ollama: started, killed, started again, adopted, stopped; with the process that runs its model."""

import os
import shlex
import shutil
import signal

import httpx
import psutil
import pytest
from dotenv import dotenv_values
from support.ollama_server import OllamaServer
from support.patience import WAIT_S
from support.repository import ROOT

from tools import build_ollama
from venom_otel.control import Action
from venom_otel.runtimes import reading

from .conftest import eventually, gone

pytestmark = pytest.mark.ollama


def load(url):
    """Have it load its model, which a process of its own then holds."""
    httpx.post(f"{url}/api/generate", json={"model": OllamaServer.model}, timeout=WAIT_S).raise_for_status()


async def runner_of(pid):
    """The process that holds the model; one that looks for a GPU may still be there for a moment."""

    def runners():
        return [each.pid for each in psutil.Process(pid).children(recursive=True)]

    return await eventually(lambda: runners()[0] if len(runners()) == 1 else None, "not one runner")


async def test_its_life(place, tmp_path, kept):
    home = tmp_path / "home"
    with OllamaServer(home):  # makes the model
        pass
    place.move(kept)
    url = f"http://127.0.0.1:{place.port}"
    environment = {"OLLAMA_HOST": f"127.0.0.1:{place.port}", "OLLAMA_MODELS": str(home / "models"), "HOME": str(home), "TMPDIR": str(home)}
    start = f"{shlex.quote(str(build_ollama.program()))} serve"
    controller = place.controller(start=start)

    await place.act(controller, Action.START, environment=environment)
    first = controller.life(place.runtime)
    assert (await place.look()).state.status == "online"
    load(url)
    runner = await runner_of(first.pid)

    os.kill(first.pid, signal.SIGKILL)
    await eventually(lambda: gone(first.pid), "it lives")
    assert (await controller.watching(reading.read)(place.runtime)).state == "stopped"
    await place.act(controller, Action.START, environment=environment)
    await eventually(lambda: gone(runner), "its old runner holds its memory")

    later = place.controller(start=start)
    second = later.life(place.runtime)
    assert second == controller.life(place.runtime)
    load(url)
    runner = await runner_of(second.pid)
    await place.act(later, Action.STOP)
    assert gone(second.pid)
    assert gone(runner)
    assert (await place.look()).reason == "refused"
    assert place.processes() == set()


async def test_by_the_scripts_of_env_example(place, tmp_path, kept, monkeypatch):
    """`.env.example`, copied to `.env`, makes the buttons work; the scripts and the controller know the same process."""
    shutil.copytree(ROOT / "scripts", tmp_path / "scripts")
    example = dotenv_values(ROOT / ".env.example")
    commands = [example[f"OLLAMA_{action.upper()}_COMMAND"] for action in Action]
    place.move(kept)
    environment = {"OLLAMA_COMMAND": str(build_ollama.program()), "OLLAMA_ENDPOINT": f"http://127.0.0.1:{place.port}"}
    for name, value in (environment | {"HOME": str(tmp_path), "OLLAMA_MODELS": str(tmp_path / "models")}).items():
        monkeypatch.setenv(name, value)
    controller = place.controller(*commands)
    assert controller.unsupported(place.runtime) == {}

    await place.act(controller, Action.START)
    first = controller.life(place.runtime)
    assert psutil.Process(first.pid).cmdline()[1:] == ["serve"]
    await place.act(controller, Action.RESTART)
    second = controller.life(place.runtime)
    assert second.pid != first.pid
    os.kill(second.pid, signal.SIGKILL)
    await eventually(lambda: gone(second.pid), "it lives")
    await place.act(controller, Action.START)
    third = controller.life(place.runtime)
    by_signal = place.controller(start=commands[0])
    assert by_signal.life(place.runtime) == third
    await place.act(by_signal, Action.STOP)
    assert gone(third.pid)
    await place.act(controller, Action.START)
    await place.act(controller, Action.STOP)
    assert controller.life(place.runtime) is None
    assert place.processes() == set()
