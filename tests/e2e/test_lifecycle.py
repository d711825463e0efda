"""The life of a real Ollama, told what to do over the API of a real `venom-otel up`, and used by an instrumented kernel meanwhile."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import socket
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from support.acting import processes
from support.cockpit import Cockpit, command, wait_for
from support.ollama_server import OllamaServer

from venom_otel.cli.client import Client

from .conftest import Road, sending_to

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

INTERVAL_S = 2
SERVER = "/api/v1/system/llm-servers/ollama"

pytestmark = [pytest.mark.ollama, pytest.mark.slow]


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]


class Life:
    """A cockpit and the Ollama that it starts and stops."""

    def __init__(self, cockpit: Cockpit, url: str) -> None:
        self.cockpit = cockpit
        self.url = url

    def now(self) -> dict[str, Any]:
        """The server as the API says it, at once."""
        return httpx.get(f"{self.cockpit.page}{SERVER}").raise_for_status().json()

    def tell(self, action: str) -> dict[str, Any]:
        """Do it, and follow it to its end; the operation."""
        token = (self.cockpit.folder / "data" / "token").read_text().strip()
        begun = httpx.post(f"{self.cockpit.page}{SERVER}/{action}", headers={"Authorization": f"Bearer {token}"})
        assert begun.status_code == 202, begun.text
        with Client(self.cockpit.page) as client:
            *_, last = client.follow(begun.json()["links"]["stream"])
        assert (last.name, last.data["state"]) == ("finished", "succeeded"), last.data["error"]
        return last.data

    def process(self) -> psutil.Process:
        """Ollama's, by its PID file."""
        return psutil.Process(int((self.cockpit.folder / "run" / "ollama.pid").read_text().split()[0]))


@pytest.fixture(params=["command", "scripts"])
def life(request: pytest.FixtureRequest, ollama_program: Path, tmp_path: Path) -> Iterator[Life]:
    """Once with `ollama serve` as the only command, once with what `venom-otel init` writes."""
    home = tmp_path / "home"
    with OllamaServer(home):  # makes the model
        pass
    folder, port = tmp_path / "here", free_port()
    folder.mkdir()
    variables = {
        "OLLAMA_ENDPOINT": f"http://127.0.0.1:{port}",
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(home / "models"),
        "VLLM_ENDPOINT": "http://127.0.0.1:9",
        "VENOM_OTEL_PROBE_INTERVAL_S": str(INTERVAL_S),
    }
    if request.param == "command":
        variables["OLLAMA_START_COMMAND"] = f"{shlex.quote(str(ollama_program))} serve"
    else:
        assert command("init", home=folder).returncode == 0
        variables["OLLAMA_COMMAND"] = str(ollama_program)
    try:
        with Cockpit(folder, **variables) as cockpit:
            yield Life(cockpit, variables["OLLAMA_ENDPOINT"])
    finally:
        for each in processes(folder):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


def test_started_used_killed_started_again_adopted_and_stopped(life, tmp_path):
    offline = life.now()
    assert (offline["status"], offline["state"], offline["supports"]["start"]) == ("offline", "stopped", True)
    with sending_to(life.cockpit, tmp_path) as application:
        road = Road(application, life.cockpit)

        life.tell("start")
        online = life.now()
        assert (online["status"], online["state"], online["version"]) == ("online", "ready", "0.17.4")
        assert online["supports"] == {"start": True, "stop": True, "restart": True}
        answer, stored, _ = road.send("ollama", life.url, OllamaServer.model, stream=True)
        assert answer["text"].strip()
        assert (stored["status"], stored["llm_provider"], stored["llm_model"]) == ("COMPLETED", "ollama", OllamaServer.model)

        first = life.process()
        os.kill(first.pid, signal.SIGKILL)
        wait_for(lambda: life.now()["status"] == "offline", "the server's end")
        gone = life.now()
        assert (gone["state"], gone["reason"]) == ("stopped", "refused")
        assert "nobody listens at 127.0.0.1" in gone["error_message"]
        answer, stored, _ = road.send("ollama", life.url, OllamaServer.model, stream=False)
        assert answer.keys() == {"error"}
        assert (stored["status"], stored["error"]["kind"]) == ("FAILED", "not_reached")

        life.tell("restart")
        assert life.now()["status"] == "online"
        assert life.process().pid != first.pid
        _, stored, _ = road.send("ollama", life.url, OllamaServer.model, stream=False)
        assert stored["status"] == "COMPLETED"

        second = life.process()
        life.tell("restart")
        assert not second.is_running() or second.status() == psutil.STATUS_ZOMBIE
        _, stored, _ = road.send("ollama", life.url, OllamaServer.model, stream=False)
        assert stored["status"] == "COMPLETED"

        # The cockpit dies; the server lives on, and the next cockpit knows it.
        third = life.process()
        life.cockpit.stop(signal.SIGKILL)
        life.cockpit.start()
        adopted = life.now()
        assert (adopted["status"], adopted["supports"]["stop"]) == ("online", True)
        assert life.process().pid == third.pid
        life.tell("stop")
        ended = life.now()
        assert (ended["status"], ended["state"], ended["reason"]) == ("offline", "stopped", "refused")
    wait_for(lambda: [each.pid for each in processes(life.cockpit.folder)] == [life.cockpit.process.pid], "the end of all else there")
    kinds = [each["kind"] for each in httpx.get(f"{life.cockpit.page}/api/v1/operations").json()["items"]]
    assert kinds[:2] == ["stop", "restart"]
    assert kinds[-1] == "start"
