"""Servers that take telemetry, each started as its users start it, in a process of its own."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from processes import python_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

START_S = 240.0
REST_S = 1_200.0
"""Longest wait until a server that answers first has stored what it was sent."""
_TICK_S = 1.0
_RESTING = 0.05
"""Share of a core below which a server rests."""


class Server:
    """A running server.

    Args:
        command: the program with its arguments, made from the ports of HTTP and gRPC and a folder of its own.
        http_path: where it takes traces.
        environment: variables besides the path and the home.
    """

    def __init__(
        self, command: Callable[[int, int, Path], list[str]], *, http_path: str = "/v1/traces", environment: Mapping[str, str] | None = None
    ) -> None:
        self.http_path = http_path
        self._command = command
        self._more = dict(environment or {})

    def __enter__(self) -> Self:
        self.folder = Path(tempfile.mkdtemp(prefix="venom-otel-bench-"))
        self.http_port, self.grpc_port = _free_ports(2)
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        variables = {name: value.format(http=self.http_port, grpc=self.grpc_port, folder=self.folder) for name, value in self._more.items()}
        with (self.folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                self._command(self.http_port, self.grpc_port, self.folder / "data"),
                env={**kept, "HOME": str(self.folder), **variables},
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        try:
            for port in (self.http_port, self.grpc_port):
                self._await(port)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        shutil.rmtree(self.folder)

    def stop(self) -> None:
        """End it as Ctrl-C does, so that it finishes what it does."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()

    def cpu_s(self) -> float:
        """CPU seconds it has used."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mib(self) -> float:
        """The most memory it has held."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:")) / 1_024

    def stored_bytes(self) -> int:
        """What lies on the disk; ask after `stop`."""
        return sum(entry.stat().st_size for entry in self.folder.rglob("*") if entry.is_file() and entry.name != "log")

    def rest(self) -> None:
        """Wait until it does nothing any more: some servers answer first and store later."""
        deadline = time.monotonic() + REST_S
        before = self.cpu_s()
        while time.monotonic() < deadline:
            time.sleep(_TICK_S)
            now = self.cpu_s()
            if now - before < _RESTING * _TICK_S:
                return
            before = now
        raise RuntimeError(f"the server still works after {REST_S:.0f} s")

    def _await(self, port: int) -> None:
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise RuntimeError(f"the server ended: {(self.folder / 'log').read_text(errors='replace')[-2_000:]}")
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                return
            time.sleep(0.05)
        raise RuntimeError(f"nothing listens on port {port}: {(self.folder / 'log').read_text(errors='replace')[-2_000:]}")


def venom_otel() -> Server:
    """The product as it is: `venom-otel up`, with its page and its API."""
    program = str(Path(sys.executable).with_name("venom-otel"))

    def command(http: int, grpc: int, data: Path) -> list[str]:
        return [program, "up", "--port", "0", "--otlp-port", str(http), "--otlp-grpc-port", str(grpc), "--data-dir", str(data)]

    return Server(command)


def floor(script: Path) -> Server:
    """The rough prototype, a script that takes the ports of HTTP and gRPC and a file."""
    return Server(
        lambda http, grpc, data: [python_of("floor"), str(script), str(http), str(grpc), f"{data}.db"],
        environment={"PYTHONPATH": str(script.parent)},
    )


def desktop_viewer(program: Path) -> Server:
    """otel-desktop-viewer, with a file so that it stores what it is sent."""
    (page,) = _free_ports(1)
    return Server(
        lambda http, grpc, data: [
            str(program), "--host", "127.0.0.1", "--http", str(http), "--grpc", str(grpc), "--browser-port", str(page), "--open-browser=false", "--db", f"{data}.db",
        ]
    )  # fmt: skip


def phoenix() -> Server:
    """arize-phoenix with its default, SQLite."""
    return Server(
        lambda *_: [python_of("phoenix"), "-m", "phoenix.server.main", "serve"],
        environment={
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": "{http}",
            "PHOENIX_GRPC_PORT": "{grpc}",
            "PHOENIX_WORKING_DIR": "{folder}",
            "PHOENIX_TELEMETRY_ENABLED": "false",
        },
    )


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports
