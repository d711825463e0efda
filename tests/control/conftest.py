"""A server to act on, a controller, and the promise that no process is left behind."""

import asyncio
import contextlib
import os
import shlex
import signal
import socket
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
from support.patience import WAIT_S
from support.unhurried import unhurried  # noqa: F401 - a fixture

from venom_otel.control import Controller
from venom_otel.errors import ActionError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes import reading
from venom_otel.runtimes.model import Runtime
from venom_otel.settings import CockpitSettings, RuntimeSettings

TINY = Path(__file__).parents[1] / "support" / "tiny_server.py"
LOOK_S = 0.05


class Place:
    """A directory with a port, in which one server is acted on."""

    def __init__(self, directory, port):
        self.directory = directory
        self.said = []
        self.looks = 0
        self.move(port)

    def move(self, port):
        """Act on a server at another port from now on."""
        self.port = port
        self.runtime = Runtime("ollama", "ollama", "Ollama", parse(f"http://127.0.0.1:{port}"), None, "OLLAMA_ENDPOINT")

    def tiny(self, *options):
        """The command line of the harmless server."""
        return shlex.join([sys.executable, "-I", "-S", str(TINY), str(self.port), *map(str, options)])

    def controller(self, start="", stop="", restart="", *, limit_s=WAIT_S, grace_s=WAIT_S, directory=None, **cockpit):
        """One that acts by these commands."""
        settings = RuntimeSettings(ollama_start_command=start, ollama_stop_command=stop, ollama_restart_command=restart)
        cockpit_settings = CockpitSettings(action_timeout_s=limit_s, **cockpit)
        return Controller(settings, cockpit_settings, directory=directory or self.directory, grace_s=grace_s)

    async def act(self, controller, action, **more):
        """Do it, and remember what is said."""
        await controller.act(self.runtime, action, say=lambda progress: self.said.append(progress.words), look=self.look, **more)

    async def look(self):
        """A fresh look."""
        self.looks += 1
        return await reading.read(self.runtime)

    @property
    def log(self):
        """All of the server's log."""
        return (self.directory / "logs" / "ollama.log").read_text(encoding="utf-8")

    def processes(self):
        """Those that run there."""
        return {each.pid for each in psutil.process_iter(["cwd"]) if each.info["cwd"] == str(self.directory) and not gone(each.pid)}

    @property
    def pid_file(self):
        """Where the PID of the server is written."""
        return self.directory / "run" / "ollama.pid"


@pytest.fixture
def place(tmp_path):
    """Where to act; every process that was started there is gone afterwards."""
    with socket.socket() as keeps_the_port:
        keeps_the_port.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        keeps_the_port.bind(("127.0.0.1", 0))
        place = Place(tmp_path, keeps_the_port.getsockname()[1])
        yield place
        for pid in place.processes():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture
def time_goes_by_looks(place, monkeypatch):
    """For an action: each look takes `LOOK_S`, and nothing else takes any time, however long it does."""
    monkeypatch.setattr("venom_otel.control.acting.time", SimpleNamespace(monotonic=lambda: place.looks * LOOK_S))


def gone(pid):
    """Whether a process has ended; as a zombie it waits for its parent, which may be none of ours."""
    try:
        process = psutil.Process(pid)
        return process.status() == psutil.STATUS_ZOMBIE and process.num_threads() <= 1
    except psutil.NoSuchProcess:
        return True


def wait_until(met, what):
    """Wait for a condition."""
    deadline = time.monotonic() + WAIT_S
    while not (found := met()):
        assert time.monotonic() < deadline, what
        time.sleep(0.005)
    return found


async def eventually(met, what):
    """Wait for a condition while everything else goes on."""
    deadline = time.monotonic() + WAIT_S
    while True:
        if found := met():
            return found
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.005)


async def failing(place, controller, action, **more):
    """The words with which an action fails."""
    with pytest.raises(ActionError) as failed:
        await place.act(controller, action, **more)
    return str(failed.value)


async def online(place):
    """Wait until it answers."""
    async with asyncio.timeout(WAIT_S):
        while True:
            if (await place.look()).state.status == "online":
                return
            await asyncio.sleep(0.01)
