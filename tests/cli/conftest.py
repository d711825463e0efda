"""The environment of a command that runs in the tests' own process."""

import os

import pytest
from support.patience import WAIT_S
from support.unhurried import unhurried  # noqa: F401 - a fixture


@pytest.fixture(autouse=True)
def unhurried_end(monkeypatch):
    """What is measured last is stored however long that takes."""
    for module in ("monitoring", "task_telemetry"):
        monkeypatch.setattr(f"venom_otel.cli.{module}.END_S", WAIT_S)


@pytest.fixture
def shell(monkeypatch):
    """A shell without any variable of ours or OpenTelemetry's; sets some."""
    for name in list(os.environ):
        if name.startswith(("VENOM_OTEL_", "OTEL_")):
            monkeypatch.delenv(name)

    def set_all(**values):
        for name, value in values.items():
            monkeypatch.setenv(name, value)

    return set_all
