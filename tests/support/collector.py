"""The Collector that `make collector` builds, with the configuration that ships, on ports the system picks.

with Collector(folder, tempo=sink.url) as collector:
    collector.url, collector.grpc
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx
from support.program import Server
from support.repository import ROOT
from support.reserved import kept_port

from tools import build_collector

if TYPE_CHECKING:
    from pathlib import Path

CONFIG = ROOT / "collector" / "config.yaml"
NOWHERE = "http://127.0.0.1:9"
"""Nobody listens there."""
METRIC = re.compile(r"^(\w+)(?:\{([^}]*)\})? ([\d.e+-]+)$", re.MULTILINE)


class Collector(Server):
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
        super().__init__(folder / "collector.log")
        self.grpc_port, self.metrics_port, self.health_port = (kept_port(self) for _ in range(3))
        self._configs = [f"--config={path}" for path in configs or (CONFIG,)]
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
    def grpc(self) -> str:
        """Where it takes OTLP over gRPC; `url` takes it over HTTP."""
        return f"127.0.0.1:{self.grpc_port}"

    def start(self) -> None:
        environment = {
            **self.environment,
            "COLLECTOR_GRPC_ENDPOINT": self.grpc,
            "COLLECTOR_HTTP_ENDPOINT": self.url.removeprefix("http://"),
        }
        self._program.start([build_collector.program(), *self._configs], environment, lambda: "Everything is ready" in self.log)

    def health(self) -> int:
        """The status that its health check answers with."""
        return httpx.get(f"http://127.0.0.1:{self.health_port}").status_code

    def measured(self, name: str, having: str = "") -> float:
        """The sum of one of its own metrics over the series whose labels contain `having`."""
        text = httpx.get(f"http://127.0.0.1:{self.metrics_port}/metrics").text
        return sum(float(value) for metric, labels, value in METRIC.findall(text) if metric == name and having in labels)
