"""The service scripts in a working directory of their own, with a PATH that holds what they say they need and nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest
from support.patience import WAIT_S
from support.repository import ROOT
from support.reserved import kept_port

if TYPE_CHECKING:
    from collections.abc import Iterator

SCRIPTS = ROOT / "scripts" / "llm"
STAND_IN = Path(__file__).with_name("stand_in.py")
PROGRAMS = "bash date dirname env ln mkdir mv printf readlink rm setsid sleep tail wc xargs"
"""What the scripts call on Linux."""


class Service:
    """One script and its working directory; what it started is killed at the end. Without a port it gets one."""

    def __init__(self, name: str, folder: Path, port: int = 0) -> None:
        self.name = name
        self.folder = folder
        self.port = port or kept_port(self)
        self.programs = folder / "programs"
        self.log = folder / "logs" / f"{name}.log"
        self.pid_file = folder / "run" / f"{name}.pid"
        self.programs.mkdir()
        for program in PROGRAMS.split():
            (self.programs / program).symlink_to(shutil.which(program))
        clock = self.programs / "a clock that stands still"  # bash reads it before a script, which then gives nothing up
        clock.write_text("unset SECONDS; SECONDS=0\n")
        self.variables = {"PATH": str(self.programs), "HOME": str(folder), "LANG": "C.UTF-8", "BASH_ENV": str(clock)}

    @property
    def script(self) -> Path:
        """The file."""
        return SCRIPTS / f"{self.name}_service.sh"

    @property
    def url(self) -> str:
        """The server's."""
        return f"http://127.0.0.1:{self.port}"

    def begin(self, *actions: str, **variables: str) -> subprocess.Popen[str]:
        """Run the script."""
        return subprocess.Popen(
            [self.script, *actions],
            cwd=self.folder,
            env={**self.variables, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *actions: str, status: int = 0, **variables: str) -> str:
        """Run the script to its end; it must end with `status`. Gives what it said, words for errors last."""
        with self.begin(*actions, **variables) as process:
            said, errors = process.communicate(timeout=WAIT_S)
        assert process.returncode == status, said + errors
        return said + errors

    def pid(self) -> int:
        """The server's, by its PID file."""
        return int(self.pid_file.read_text().split()[0])

    def about(self) -> dict[str, Any]:
        """What the stand-in says of itself."""
        return httpx.get(self.url, trust_env=False).json()

    def processes(self) -> list[psutil.Process]:
        """All that live in the working directory: the scripts' and what they started."""
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):
                if process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()).is_relative_to(self.folder):
                    found.append(process)
        return found

    def wait_until_gone(self, pid: int) -> None:
        """Return when a process has ended, be it that nobody waits for it."""
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(pid)
            while process.is_running() and process.status() != psutil.STATUS_ZOMBIE:
                with contextlib.suppress(psutil.TimeoutExpired):
                    process.wait(0.05)

    def kill(self) -> None:
        """Kill the server, and only it."""
        pid = self.pid()
        os.kill(pid, signal.SIGKILL)
        self.wait_until_gone(pid)


@pytest.fixture
def port() -> Iterator[int]:
    """A free port that nobody else is given meanwhile; a server that asks to share it can listen."""
    with socket.socket() as kept:
        kept.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        kept.bind(("127.0.0.1", 0))
        yield kept.getsockname()[1]


@contextlib.contextmanager
def serving(service: Service) -> Iterator[Service]:
    try:
        yield service
    finally:
        for process in service.processes():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()


@pytest.fixture
def vllm_service(tmp_path: Path, port: int) -> Iterator[Service]:
    """vllm_service.sh with the stand-in, a model's folder and an endpoint."""
    service = Service("vllm", tmp_path, port)
    program = tmp_path / "stand in"
    program.write_text(f"#!{sys.executable}\n{STAND_IN.read_text()}")
    program.chmod(0o755)
    (tmp_path / "models" / "tiny").mkdir(parents=True)
    service.variables |= {"VLLM_COMMAND": f"'{program}'", "VLLM_ENDPOINT": f"{service.url}/v1", "LLM_MODEL_NAME": "models/tiny"}
    with serving(service):
        yield service


@pytest.fixture
def ollama_service(tmp_path: Path, ollama_program: Path) -> Iterator[Service]:
    """ollama_service.sh with the real Ollama."""
    service = Service("ollama", tmp_path)
    service.variables |= {"OLLAMA_COMMAND": str(ollama_program), "OLLAMA_ENDPOINT": service.url, "OLLAMA_MODELS": str(tmp_path / "store")}
    with serving(service):
        yield service
