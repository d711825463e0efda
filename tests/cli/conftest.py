"""The environment of a command that runs in the tests' own process."""

import os

import pytest


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
