"""What the tests of dashboards and alert rules need: a Prometheus that has seen everything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from grafana.traffic import traffic

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from support.prometheus_server import PrometheusServer


@pytest.fixture(scope="session")
def prometheus(prometheus_program: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrometheusServer]:
    """A Prometheus with metrics of everything that the dashboards ask for."""
    with traffic(tmp_path_factory.mktemp("stack")) as server:
        yield server
