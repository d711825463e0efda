"""What the tests of dashboards and alert rules need: Prometheus's own tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tools import build_prometheus

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="session")
def promtool() -> Path:
    """The promtool that `make test` builds."""
    program = build_prometheus.promtool()
    if not program.is_file():
        pytest.skip("Prometheus is not built: run `make prometheus`")
    return program
