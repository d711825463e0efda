"""The Prometheus that `make prometheus` builds, with the configuration that ships but for what it scrapes, on a port the system picks.

with PrometheusServer(folder) as prometheus:
    prometheus.url, prometheus.otlp, prometheus.query("up")
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import yaml
from support.program import Server
from support.repository import ROOT

from tools import build_prometheus

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONFIG = ROOT / "deploy" / "prometheus.yml"
COMPOSE = ROOT / "docker-compose.yml"


class PrometheusServer(Server):
    """The process; its data, in `folder`, outlives it and is there again at the next start, as is its port.

    Args:
        folder: its data and its log.
        scrapes: `scrape_configs` in place of those that ship.
        rules: files of rules.
    """

    def __init__(self, folder: Path, *, scrapes: Sequence[dict[str, Any]] = (), rules: Sequence[Path] = ()) -> None:
        super().__init__(folder / "prometheus.log")
        config = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
        config |= {"scrape_configs": list(scrapes), "rule_files": [str(path) for path in rules]}
        (folder / "prometheus.yml").write_text(yaml.safe_dump(config), encoding="utf-8")

    @property
    def otlp(self) -> str:
        """What an OTLP exporter takes for its endpoint."""
        return f"{self.url}/api/v1/otlp"

    def start(self) -> None:
        """As every server, with the flags that docker-compose.yml gives it."""
        flags = yaml.safe_load(COMPOSE.read_text(encoding="utf-8"))["services"]["prometheus"]["command"]
        command = [
            build_prometheus.prometheus(),
            *(flag for flag in flags if not flag.startswith(("--config.file", "--storage.tsdb.path"))),
            f"--config.file={self._folder / 'prometheus.yml'}",
            f"--storage.tsdb.path={self._folder / 'data'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
        ]
        self._program.start(command, {}, lambda: self.answers("/-/ready"))

    def query(self, expression: str, at: float | None = None) -> list[dict[str, Any]]:
        """The series that an instant query gives: `metric` and `value` each.

        Raises:
            AssertionError: it does not take the expression; the message says why.
        """
        answer = httpx.get(f"{self.url}/api/v1/query", params={"query": expression} | ({} if at is None else {"time": str(at)})).json()
        assert answer["status"] == "success", answer
        return answer["data"]["result"]

    def value(self, expression: str) -> float:
        """The value of its only series; 0 where there is none.

        Raises:
            AssertionError: there are more.
        """
        series = self.query(expression)
        assert len(series) <= 1, series
        return float(series[0]["value"][1]) if series else 0.0
