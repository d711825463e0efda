"""What the tests of dashboards and alert rules need: Prometheus's own tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from grafana.traffic import traffic

from tools import build_prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.prometheus_server import PrometheusServer


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The promtool that `make test` builds."""
    program = build_prometheus.promtool()
    if not program.is_file():
        pytest.skip("Prometheus is not built: run `make prometheus`")
    return program


@pytest.fixture(scope="session")
def prometheus(promtool: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A Prometheus with metrics of everything that the dashboards ask for."""
    with traffic(tmp_path_factory.mktemp("stack")) as server:
        yield server
