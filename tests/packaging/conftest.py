"""The package as its users get it: a wheel, in environments that hold nothing of this checkout."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support.repository import ROOT

if TYPE_CHECKING:
    from pathlib import Path


class Environment:
    """A virtual environment in a folder of its own."""

    def __init__(self, folder: Path, uv: str) -> None:
        self.python = folder / "bin" / "python"
        self._folder = folder
        self._uv = uv
        run(uv, "venv", "--quiet", "--no-project", "--python", sys.executable, str(folder))

    def uv(self, verb: str, *arguments: str | Path) -> None:
        """Run `uv pip VERB` on it."""
        run(self._uv, "pip", verb, "--quiet", "--python", str(self.python), *map(str, arguments))

    def run(self, *arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
        """Run its Python away from the checkout, with nothing of the test run's own settings."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VENOM_OTEL_", "OTEL_", "MODEL"))}
        return subprocess.run(
            [self.python, *arguments],
            cwd=self._folder,
            env={**inherited, **variables},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )

    def answer(self, code: str) -> str:
        """What `code` prints, last newline cut; it must succeed."""
        done = self.run("-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def run(*command: str) -> str:
    """Run a command of the checkout; its words are the error's where it fails."""
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout.strip()


@pytest.fixture(scope="session")
def uv():
    """The uv that the Makefile uses."""
    return run("tools/bootstrap", "uv")


@pytest.fixture(scope="session")
def wheel(uv, tmp_path_factory):
    """The wheel, built by the locked build requirements."""
    folder = tmp_path_factory.mktemp("wheel")
    run(uv, "build", "--quiet", "--wheel", "--build-constraints", "requirements/build.lock", "--require-hashes", "--out-dir", str(folder))
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="session")
def bare(uv, wheel, tmp_path_factory):
    """The wheel and what it requires by itself: no extra, so neither Semantic Kernel nor the cockpit."""
    environment = Environment(tmp_path_factory.mktemp("bare") / "venv", uv)
    environment.uv("install", "--constraints", ROOT / "requirements" / "cockpit.lock", wheel)
    return environment


@pytest.fixture(scope="session")
def whole(uv, wheel, tmp_path_factory):
    """The wheel with everything that `make up` installs."""
    environment = Environment(tmp_path_factory.mktemp("whole") / "venv", uv)
    environment.uv("sync", "--require-hashes", ROOT / "requirements" / "cockpit.lock")
    environment.uv("install", "--no-deps", wheel)
    return environment
