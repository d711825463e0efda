"""`venom-otel init`: what it writes, and what it leaves alone."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
from support.cockpit import command
from support.repository import ROOT

SOURCES = {
    ".env": (".env.example", 0o600),
    "scripts/llm/ollama_service.sh": ("scripts/llm/ollama_service.sh", 0o755),
    "scripts/llm/service.sh": ("scripts/llm/service.sh", 0o644),
    "scripts/llm/vllm_service.sh": ("scripts/llm/vllm_service.sh", 0o755),
}
HERE = {"PYTHONPATH": os.environ["PYTHONPATH"]} if "PYTHONPATH" in os.environ else {}
"""For a checkout that is not the one that is installed."""


@pytest.fixture
def init(tmp_path):
    """Runs it in `project`; gives what it printed."""
    folder = tmp_path / "project"
    folder.mkdir()

    def init(*arguments, status=0):
        done = command("init", *arguments, home=tmp_path, cwd=folder, **HERE)
        assert done.returncode == status, done.stderr
        return done.stdout if status == 0 else done.stderr

    init.folder = folder
    return init


def files(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and ".git/" not in str(path)}


def test_it_writes_what_the_buttons_need_and_nothing_else(init):
    said = init()
    assert files(init.folder) == set(SOURCES)
    for name, (source, mode) in SOURCES.items():
        assert f"{name}: written\n" in said
        assert (init.folder / name).read_bytes() == (ROOT / source).read_bytes()
        assert (init.folder / name).stat().st_mode & 0o777 == mode
        assert not (init.folder / name).is_symlink()
    assert said.endswith("then\n  venom-otel up\n")
    assert "gitignore" not in said
    done = subprocess.run(["scripts/llm/vllm_service.sh", "status"], cwd=init.folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (3, "")


def test_another_directory_is_made(init):
    said = init("there/and/there")
    assert files(init.folder) == {f"there/and/there/{name}" for name in SOURCES}
    assert said.endswith("then\n  cd there/and/there\n  venom-otel up\n")


def test_what_is_there_is_kept(init):
    (init.folder / ".env").write_text("VLLM_API_KEY=mine\n")
    said = init()
    assert ".env: kept, though it is not this version's (--force replaces it)" in said
    assert (init.folder / ".env").read_text() == "VLLM_API_KEY=mine\n"
    assert init().count(": unchanged\n") == len(SOURCES) - 1
    assert files(init.folder) == set(SOURCES)


def test_force_keeps_copies(init):
    for number in (1, 2):
        (init.folder / ".env").write_text(f"VLLM_API_KEY=mine{number}\n")
        (init.folder / ".env").chmod(0o600)
        said = init("--force")
    assert ".env: written; the old one is .env.bak2" in said
    assert said.count(": unchanged\n") == len(SOURCES) - 1
    assert (init.folder / ".env").read_bytes() == (ROOT / ".env.example").read_bytes()
    assert [(init.folder / name).read_text() for name in (".env.bak", ".env.bak2")] == ["VLLM_API_KEY=mine1\n", "VLLM_API_KEY=mine2\n"]
    assert (init.folder / ".env.bak").stat().st_mode & 0o777 == 0o600


def test_a_link_is_not_written_through(init):
    elsewhere = init.folder.parent / "elsewhere"
    (init.folder / ".env").symlink_to(elsewhere)
    assert ".env: kept" in init()
    assert not elsewhere.exists()
    init("--force")
    assert not elsewhere.exists()
    assert (init.folder / ".env.bak").is_symlink()


def test_where_it_cannot_write(init):
    (init.folder / "scripts").write_text("a file")
    words = init(status=2)
    assert words.startswith("venom-otel: scripts/llm/service.sh cannot be written: ")
    assert "Traceback" not in words


@pytest.mark.skipif(shutil.which("git") is None, reason="git is missing: install it")
def test_git_is_not_told_of_keys(init):
    subprocess.run(["git", "init", "--quiet", init.folder], check=True)
    assert "may hold keys. Add to its .gitignore: .env .env.bak* logs/ run/\n" in init()
    (init.folder / ".gitignore").write_text("logs/\n.env\n.env.bak*\n")
    assert "Add to its .gitignore: run/\n" in init()
    (init.folder / ".gitignore").write_text("logs/\n.env*\nrun/\n")
    assert "gitignore" not in init()
