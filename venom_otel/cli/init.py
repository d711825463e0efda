"""`venom-otel init`: writes `.env` and the scripts that start and stop model servers into a directory.

What it writes lies in `init_files`: in the checkout as links to `.env.example` and `scripts/llm`, in the wheel as files.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import subprocess
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Final

import typer

from venom_otel.errors import SettingsError

_FILES: Final = {
    ".env": ("env.example", 0o600),  # keys are put into it
    "scripts/llm/service.sh": ("service.sh", 0o644),
    "scripts/llm/vllm_service.sh": ("vllm_service.sh", 0o755),
    "scripts/llm/ollama_service.sh": ("ollama_service.sh", 0o755),
}
"""What is written, from which file and with which mode."""
_IGNORED: Final = {".env": ".env", ".env.bak*": ".env.bak", "logs/": "logs/vllm.log", "run/": "run/vllm.pid"}
"""What git should ignore, and of each a path to ask it about."""
_GIT_S: Final = 10.0
_NOT_IGNORED: Final = 1
"""git-check-ignore's exit status; 128 where there is no repository."""


def init(
    directory: Annotated[Path, typer.Argument(file_okay=False, help="Where to; made if it is not there.")] = Path(),
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace files that differ, and keep each as FILE.bak.")] = False,
) -> None:
    """Write .env and the scripts that start and stop vLLM and Ollama, so that the page's buttons work.

    Files that are there already are kept.
    """
    for name, (source, mode) in _FILES.items():
        content = files("venom_otel.cli").joinpath("init_files", source).read_bytes()
        try:
            print(f"{name}: {_put(directory / name, content, mode, force=force)}")
        except OSError as error:
            raise SettingsError(f"{directory / name} cannot be written: {error.strerror or error}.") from None
    unignored = _unignored(directory)
    if unignored:
        print(f"\nThis is a git repository, and .env may hold keys. Add to its .gitignore: {' '.join(unignored)}")
    where = "" if directory.resolve() == Path.cwd() else f"cd {directory}\n  "
    print(f"\nNext: look through .env for where the servers are and which model vLLM is to serve, then\n  {where}venom-otel up")


def _put(path: Path, content: bytes, mode: int, *, force: bool) -> str:
    """Write a file where there is none, or, with `force`, another; what became of it, in words."""
    beside = ""
    if path.exists() or path.is_symlink():
        if path.is_file() and path.read_bytes() == content:
            return "unchanged"
        if not force:
            return "kept, though it is not this version's (--force replaces it)"
        copy = next(one for number in itertools.count(1) if not os.path.lexists(one := _copy(path, number)))
        path.rename(copy)
        beside = f"; the old one is {copy.name}"
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
    except OSError:
        path.unlink(missing_ok=True)  # half of it would be taken for the whole next time
        raise
    return f"written{beside}"


def _copy(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}.bak" if number == 1 else f"{path.name}.bak{number}")


def _unignored(directory: Path) -> list[str]:
    """What git would take note of in `directory`, though it should not; nothing where there is no repository."""
    git = shutil.which("git")
    found: list[str] = []
    if git is None:
        return found
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        for pattern, path in _IGNORED.items():
            command = [git, "-C", str(directory), "check-ignore", "--quiet", "--", path]
            done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=_GIT_S, check=False)  # noqa: S603
            if done.returncode == _NOT_IGNORED:
                found.append(pattern)
    return found
