"""The tools that build what the tests need."""

import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from support.patience import WAIT_S
from support.repository import ROOT

from tools import chromium, programs, tiny_model
from tools.cache import ToolError, build_once, cache_dir


def test_the_tiny_model_is_the_same_each_time(tmp_path):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        tiny_model.write(tmp_path / name)
    files = sorted(path.relative_to(tmp_path / "one") for path in (tmp_path / "one").rglob("*") if path.is_file())
    assert Path("tiny.gguf") in files
    assert [path for path in files if (tmp_path / "one" / path).read_bytes() != (tmp_path / "two" / path).read_bytes()] == []


@pytest.mark.ollama
def test_the_tiny_model_never_answers_with_nothing(ollama):
    """A test that waits for the first word of an answer would wait in vain now and then."""
    asked = {"model": ollama.model, "temperature": 2, "max_tokens": 1}
    with httpx.Client(base_url=ollama.url, timeout=WAIT_S) as client:
        answers = [
            client.post("/v1/chat/completions", json={**asked, "messages": [{"role": "user", "content": f"Why {number}?"}]}).json()
            for number in range(300)
        ]
    assert [answer for answer in answers if not answer["choices"][0]["message"]["content"]] == []


def test_a_failed_build_leaves_nothing_that_looks_finished(tmp_path):
    def fails(folder):
        (folder / "half").write_text("half")
        raise ToolError("no compiler")

    with pytest.raises(ToolError):
        build_once(tmp_path / "built", fails)
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_runs_side_by_side_build_once(tmp_path):
    code = f"""
import sys
from pathlib import Path
from tools.cache import build_once

def build(folder):
    with open({str(tmp_path / "builds")!r}, "a") as builds:
        builds.write("built\\n")
    print("building", flush=True)
    sys.stdin.readline()

print("done", build_once(Path({str(tmp_path / "built")!r}), build).is_dir(), flush=True)
"""
    begin = {"args": [sys.executable, "-c", code], "cwd": ROOT, "text": True, "stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(**begin) as first:
        assert first.stdout.readline() == "building\n"
        with subprocess.Popen(**begin, stderr=subprocess.PIPE) as second:
            assert "waiting for another run" in second.stderr.readline()
            print(file=first.stdin, flush=True)
            assert first.stdout.readline() == second.stdout.readline() == "done True\n"
    assert (tmp_path / "builds").read_text() == "built\n"


def test_the_cache_is_where_the_xdg_specification_says(monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    assert cache_dir() == tmp_path / ".cache" / "venom-otel"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "elsewhere"))
    assert cache_dir() == tmp_path / "elsewhere" / "venom-otel"


def test_a_program_is_found_on_path_before_other_places(monkeypatch, tmp_path):
    for name in ("here/tool", "there-1/tool", "there-2/tool"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch(mode=0o755)
    elsewhere = (str(tmp_path / "there-*/tool"),)
    monkeypatch.setenv("PATH", str(tmp_path / "here"))
    assert programs.find("tool", elsewhere=elsewhere) == tmp_path / "here" / "tool"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert programs.find("tool", elsewhere=elsewhere) == tmp_path / "there-2" / "tool"
    assert programs.find("tool") is None


def test_what_cannot_be_installed_is_named(monkeypatch, tmp_path):
    """On a machine without apt-get."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"Go is missing\. brew install go"):
        programs.install("Go", debian=("golang-go",), elsewhere="brew install go")


def test_a_browser_that_is_named_but_absent_is_said(monkeypatch, tmp_path):
    monkeypatch.setenv("CHROMIUM", str(tmp_path / "none"))
    with pytest.raises(ToolError, match="CHROMIUM="):
        chromium.find()


def test_bootstrap_says_what_is_wrong_with_the_python_it_was_given(tmp_path):
    (tmp_path / "tools").mkdir()
    for name in ("tools/bootstrap", "requirements", "pyproject.toml"):
        (tmp_path / name).symlink_to(ROOT / name) if name != "tools/bootstrap" else (tmp_path / name).write_bytes(
            (ROOT / name).read_bytes()
        )
    command = ["sh", str(tmp_path / "tools" / "bootstrap"), "dev"]
    environment = {"PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "PYTHON": "/bin/false"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "PYTHON=/bin/false is not a Python 3.11 or newer" in done.stderr
    assert not (tmp_path / ".venv").exists()
