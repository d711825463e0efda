"""Environments and worker processes: each subject in its own, all with the same host libraries."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any, Self

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
LOCK = ROOT / "requirements" / "dev.lock"
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "venom-otel" / "bench"
OWN = ("bare", "limit", "venom_otel", "routing", "routing-recorded", "routing-after-a-failure")
"""Subjects that run in this interpreter's environment, the checkout's."""
APART = ("phoenix",)
"""Programs of their own, which share no library with what they are compared with: their versions are their own."""


class MissingToolError(Exception):
    """A program that the benchmark needs is not installed; the message says how to get it."""


def python_of(subject: str) -> str:
    """The interpreter of a subject's environment; makes the environment where it is missing.

    The cache key is what the environment is made from: the subject's requirements, those all share, the lock and the Python version.
    """
    if subject in OWN:
        return sys.executable
    requirements = HERE / "requirements" / f"{subject}.txt"
    parts = (requirements, HERE / "requirements" / "host.txt", LOCK)
    key = hashlib.sha256(b"".join(part.read_bytes() for part in parts) + sys.version.encode()).hexdigest()[:12]
    home = CACHE / f"{subject}-{key}"
    python = home / "bin" / "python"
    complete = home / "complete"
    if not complete.exists():
        uv = shutil.which("uv")
        if uv is None:
            raise MissingToolError("uv is not on the path; `make install` brings it")
        print(f"making the environment of {subject} in {home}", file=sys.stderr)
        for outdated in CACHE.glob(f"{subject}-{'[0-9a-f]' * 12}"):
            shutil.rmtree(outdated)
        subprocess.run([uv, "venv", "-q", "--clear", "--python", sys.executable, str(home)], check=True)
        held = [] if subject in APART else ["-c", str(LOCK)]
        subprocess.run([uv, "pip", "install", "-q", "--python", str(python), "-r", str(requirements), *held], check=True)
        complete.touch()
    return str(python)


def versions_of(subject: str) -> str:
    """`name version` of what the subject is."""
    if subject in OWN:
        return f"Python {sys.version.split()[0]}"
    lines = (HERE / "requirements" / f"{subject}.txt").read_text().splitlines()
    return next(line for line in lines if "==" in line).replace("==", " ")


def _environment(base_url: str) -> dict[str, str]:
    """The caller's, less every setting that would change what a subject does; hash seed fixed, so that runs repeat."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not re.match(r"(OTEL|VENOM_OTEL|TRACELOOP|OPENINFERENCE|SEMANTICKERNEL|PYTHON)_?", name)
    }
    return {**kept, "PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT), "BENCHMARK_URL": base_url}


def _command(subject: str, *arguments: str) -> list[str]:
    return [python_of(subject), str(HERE / "worker.py"), subject, *arguments]


def ask(base_url: str, subject: str, *arguments: str) -> Any:
    """Run a worker to its end and return the one thing it says."""
    finished = subprocess.run(_command(subject, *arguments), env=_environment(base_url), stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(finished.stdout.splitlines()[-1])


class InstructionCounter:
    """A worker under callgrind, which counts every instruction of the process between two dumps.

    Counting starts after the imports and the warm-up, so that they run at valgrind's lighter speed.
    """

    def __init__(self, base_url: str, subject: str, http: str) -> None:
        for tool in ("valgrind", "callgrind_control"):
            if shutil.which(tool) is None:
                raise MissingToolError(f"{tool} is not on the path; on Debian: apt-get install valgrind")
        self._directory = tempfile.TemporaryDirectory(prefix="venom-otel-callgrind-")
        self._out = Path(self._directory.name) / "out"
        self._dumps = 0
        valgrind = ["valgrind", "-q", "--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={self._out}"]
        self._worker = subprocess.Popen(
            [*valgrind, *_command(subject, http, "serve")],
            env=_environment(base_url),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        self._answer()
        self._control("-i", "on")
        return self

    def __exit__(self, *_: object) -> None:
        assert self._worker.stdin is not None
        self._worker.stdin.close()
        self._worker.wait()
        self._directory.cleanup()

    def count(self, scenario: str, state: str, times: int) -> int:
        """Instructions that `times` requests take, with what asking for them costs.

        As many are made before: after classes were changed, the interpreter has to learn them anew, which an application does once.
        """
        self._request(scenario, state, times)
        self._dump()
        self._request(scenario, state, times)
        return self._dump()

    def _request(self, scenario: str, state: str, times: int) -> None:
        assert self._worker.stdin is not None
        self._worker.stdin.write(f"{scenario} {state} {times}\n")
        self._worker.stdin.flush()
        self._answer()

    def _dump(self) -> int:
        """Write the counts and set them to zero."""
        self._control("-d")
        self._dumps += 1
        text = Path(f"{self._out}.{self._dumps}").read_text()
        found = re.search(r"^(?:summary|totals): (\d+)", text, re.MULTILINE)
        return int(found.group(1)) if found else 0

    def _control(self, *arguments: str) -> None:
        done = subprocess.run(["callgrind_control", *arguments, str(self._worker.pid)], capture_output=True, text=True, check=False)
        if done.returncode != 0 or "OK" not in done.stdout:
            raise MissingToolError(f"callgrind_control {' '.join(arguments)} failed: {done.stdout}{done.stderr}")

    def _answer(self) -> None:
        assert self._worker.stdout is not None
        if not self._worker.stdout.readline():
            raise RuntimeError(f"the worker ended with {self._worker.wait()}")
