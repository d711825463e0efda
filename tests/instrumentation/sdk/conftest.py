"""Programs of their own: OpenTelemetry's globals, exits and forks belong to a whole process."""

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.otlp_sink import OtlpSink
from support.patience import WAIT_S

PRELUDE = """
import logging, os, sys, threading, time
from opentelemetry import metrics, trace

def our_threads():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("venom-otel"))

def say(what):
    # `print` writes the end of the line by itself, and the log of another thread may come between.
    sys.stdout.write(f"{what}\\n")
    sys.stdout.flush()

def unhurried(exit_s=60.0):
    # The machine may stand still for seconds. Where something would wait for ever, so does the program, and its test's time is over first.
    from venom_otel.identity import asking
    from venom_otel.identity.resolver import HttpResolver
    from venom_otel.instrumentation.sdk import outlet, owned, telemetry
    asking.LIMIT_S = asking.FIRST_S = asking.CREDENTIALS_LIMIT_S = outlet.KNOCK_TIMEOUT_S = owned.CLOSE_TIMEOUT_S = 60.0
    HttpResolver.__init__.__kwdefaults__["guess_after_s"] = 80.0
    telemetry.EXIT_TIMEOUT_S = exit_s

FOR_EVER = 3600.0
"""

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return self.stdout.splitlines()


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path) -> Run:
    """Run a program to its end, which must come, with nothing of `OTEL_*` in its environment but what is given and time for exports."""

    def run(program: str, *, command: tuple[str, ...] = (sys.executable,), script: str = "shop.py", **environment: str) -> Ended:
        path = tmp_path / script
        path.write_text(PRELUDE + textwrap.dedent(program))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "VENOM_"))}
        process = subprocess.run(
            [*command, str(path)],
            env={**clean, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", "OTEL_EXPORTER_OTLP_TIMEOUT": "60", **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=2 * WAIT_S,
            check=False,
        )
        return Ended(process.returncode, process.stdout, process.stderr)

    return run


@pytest.fixture
def sink():
    """A collector that listens."""
    with OtlpSink() as sink:
        yield sink
