"""What the datasources and dashboards are called in Grafana's addresses, and where Grafana and the cockpit lie unless told otherwise."""

from __future__ import annotations

from typing import Final

PROMETHEUS: Final = "prometheus"
TEMPO: Final = "tempo"
LOKI: Final = "loki"

OVERVIEW: Final = "venom-otel-overview"
RUNTIMES: Final = "venom-otel-runtimes"
FAILURES: Final = "venom-otel-failures"
COMPARE: Final = "venom-otel-compare"
TRACE: Final = "venom-otel-trace"
RUNBOOKS: Final = "venom-otel-runbooks"

FOLDER: Final = "venom-otel"
TAG: Final = "venom-otel"

GRAFANA_URL: Final = "http://127.0.0.1:3000"
COCKPIT_URL: Final = "http://127.0.0.1:8765"
"""Where docker-compose.yml publishes them; variables of the dashboards and of the generator."""
