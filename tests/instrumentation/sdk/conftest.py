"""Programs of their own: OpenTelemetry's globals, exits and forks belong to a whole process."""

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.otlp_sink import OtlpSink

PRELUDE = """
import logging, os, sys, threading, time
from opentelemetry import metrics, trace

def our_threads():
    return sorted(thread.name for thread in threading.enumerate() if thread.name.startswith("venom-otel"))

def say(what):
    # `print` writes the end of the line by itself, and the log of another thread may come between.
    sys.stdout.write(f"{what}\\n")
    sys.stdout.flush()

def end_of_main():
    say(f"END {time.monotonic()}")
"""

ROOT = Path(__file__).parents[3]


@dataclass(frozen=True)
class Ended:
    """A program that has ended."""

    code: int
    stdout: str
    stderr: str
    exit_s: float
    """Seconds from `end_of_main()` to the end of the process."""

    @property
    def lines(self) -> list[str]:
        """What it printed."""
        return [line for line in self.stdout.splitlines() if not line.startswith("END ")]


Run = Callable[..., Ended]


@pytest.fixture
def run(tmp_path) -> Run:
    """Run a program to its end with nothing of `OTEL_*` in its environment but what is given."""

    def run(program: str, *, command: tuple[str, ...] = (sys.executable,), script: str = "shop.py", **environment: str) -> Ended:
        path = tmp_path / script
        path.write_text(PRELUDE + textwrap.dedent(program))
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("OTEL_", "VENOM_"))}
        process = subprocess.run(
            [*command, str(path)],
            env={**clean, "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests'}", **environment},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        ended = time.monotonic()
        stamp = next((line for line in process.stdout.splitlines() if line.startswith("END ")), None)
        exit_s = ended - float(stamp.removeprefix("END ")) if stamp is not None else float("nan")
        return Ended(process.returncode, process.stdout, process.stderr, exit_s)

    return run


@pytest.fixture
def sink():
    """A collector that listens."""
    with OtlpSink() as sink:
        yield sink
