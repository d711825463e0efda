"""The Collector that `make collector` builds, with the configuration that ships, on ports the system picks.

with Collector(folder, tempo=sink.url) as collector:
    collector.url, collector.grpc
"""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING, Self

import httpx
from support.program import Program
from support.repository import ROOT
from support.reserved import free_port

from tools import build_collector

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = ROOT / "collector" / "config.yaml"
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there."""
LISTENING = re.compile(r'Starting (GRPC|HTTP) server\t.*"endpoint": "127\.0\.0\.1:(\d+)"')
METRIC = re.compile(r"^(\w+)(?:\{([^}]*)\})? ([\d.e+-]+)$", re.MULTILINE)


class Collector:
    """The process; its queue, in `folder`, outlives it and is there again at the next start, as are its ports.

    Args:
        folder: its queue and its log.
        tempo: where it sends traces, prometheus metrics, cockpit the copy; where nobody listens unless named.
        configs: what it is told, each on top of the one before.
        more: variables.
    """

    def __init__(
        self,
        folder: Path,
        *configs: Path,
        tempo: str = NOWHERE,
        prometheus: str = NOWHERE,
        cockpit: str = NOWHERE,
        **more: str,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._ports = {"GRPC": 0, "HTTP": 0}
        self.metrics_port = free_port()
        self.health_port = free_port()
        self._configs = [f"--config={path}" for path in configs or (CONFIG,)]
        self._program = Program(folder / "collector.log")
        self.environment = {
            "TEMPO_OTLP_URL": tempo,
            "PROMETHEUS_OTLP_URL": prometheus,
            "COCKPIT_OTLP_URL": cockpit,
            "COLLECTOR_QUEUE_DIRECTORY": str(folder / "queue"),
            "COLLECTOR_HEALTH_ENDPOINT": f"127.0.0.1:{self.health_port}",
            "COLLECTOR_METRICS_HOST": "127.0.0.1",
            "COLLECTOR_METRICS_PORT": str(self.metrics_port),
            **more,
        }

    @property
    def url(self) -> str:
        """Where it takes OTLP over HTTP."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def port(self) -> int:
        """Of that address."""
        return self._ports["HTTP"]

    @property
    def grpc(self) -> str:
        """Where it takes OTLP over gRPC."""
        return f"127.0.0.1:{self._ports['GRPC']}"

    @property
    def log(self) -> str:
        """What it has written since it was last started."""
        return self._program.log

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self._program.end(signal.SIGKILL)

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            RuntimeError: it ended instead; the message has its words.
        """
        environment = {
            **self.environment,
            "COLLECTOR_GRPC_ENDPOINT": self.grpc,
            "COLLECTOR_HTTP_ENDPOINT": self.url.removeprefix("http://"),
        }
        self._program.start([build_collector.program(), *self._configs], environment, lambda: "Everything is ready" in self.log)
        self._ports = {kind: int(port) for kind, port in LISTENING.findall(self.log)}

    def stop(self) -> None:
        """End it in order."""
        self._program.end()

    def kill(self) -> None:
        """End it as a crash would."""
        self._program.end(signal.SIGKILL)

    def health(self) -> int:
        """The status that its health check answers with."""
        return httpx.get(f"http://127.0.0.1:{self.health_port}").status_code

    def measured(self, name: str, having: str = "") -> float:
        """The sum of one of its own metrics over the series whose labels contain `having`."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        return sum(float(value) for metric, labels, value in METRIC.findall(text) if metric == name and having in labels)
