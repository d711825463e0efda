"""The store's benchmarks run to their end and report; what they measure here means nothing."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(name):
    command = [sys.executable, ROOT / "benchmarks" / f"{name}.py", "--quick"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.slow
def test_ingest_measures_both_protocols():
    report = run("ingest")
    assert "| venom_otel | http |" in report
    assert "| venom_otel | grpc |" in report


@pytest.mark.slow
def test_queries_measures_every_question_idle_and_busy():
    report = run("queries")
    assert report.count("| figures ") == 3
    assert "10,000, busy" in report
