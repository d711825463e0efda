"""Builds the Ollama that the tests talk to, from registries alone: `python -m tools.build_ollama` prints where the program lies.

Ollama is a Go command, but `go install` of it fails by itself: module archives leave out directories named `vendor`, and Ollama keeps
four C++ headers of llama.cpp in one. They come from llama-cpp-python's source archive, which carries llama.cpp whole. The build takes
about five CPU minutes, once per user, version and flags; it uses a module and build cache of its own and leaves neither behind.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import tarfile
import tempfile
from pathlib import Path

from tools import go, programs
from tools.cache import ToolError, build_once, cache_dir, key

VERSION = "0.17.4"
MODULE = f"github.com/ollama/ollama@v{VERSION}"
HEADERS = "llama-cpp-python==0.3.36 --hash=sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
HEADER_FILE = re.compile(r"[^/]+/vendor/llama\.cpp/vendor/((?:nlohmann|stb|miniaudio)/[\w.]+\.hp?p?)")
# Unoptimised C++ compiles in half the time and is fast enough for a model of half a million parameters: ggml's kernels are C with
# an -O3 of their own. Without the last flag the server calls itself 0.0.0.
C_FLAGS = "-O0 -g0"
LD_FLAGS = f"-s -w -X github.com/ollama/ollama/version.Version={VERSION}"


def program() -> Path:
    """Where the built program lies, or would lie."""
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return cache_dir() / "ollama" / f"{VERSION}-{machine}-{key(HEADERS, C_FLAGS, LD_FLAGS)}" / "ollama"


def build() -> Path:
    """Return the program, built where it is missing.

    Raises:
        ToolError: a compiler is missing or the build failed.
    """
    built = program()
    build_once(built.parent, _build_into)
    return built


def _build_into(result: Path) -> None:
    compiler = programs.find(os.environ.get("CXX", "c++"), "g++", "clang++")
    command = go.find()
    if compiler is None or command is None:
        programs.install(
            "A C++ compiler" if command else "Go",
            debian=("g++", *(() if command else ("golang-go",))),
            elsewhere=f"{go.INSTALL} And a C++ compiler (macOS: `xcode-select --install`).",
        )
        command = go.find()
    if command is None:
        raise ToolError("Go was installed but is not found on PATH")
    print(f"building Ollama {VERSION} with {command}: about five minutes, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="venom-otel-ollama-") as name:
        scratch = Path(name)
        _fetch_headers(scratch / "include")
        environment = {
            **go.environment(scratch),
            "CGO_ENABLED": "1",
            "CGO_CPPFLAGS": f"-I{scratch / 'include'}",
            "CGO_CFLAGS": C_FLAGS,
            "CGO_CXXFLAGS": C_FLAGS,
        }
        command = go.recent(command, scratch, environment)
        programs.run([str(command), "install", "-ldflags", LD_FLAGS, MODULE], scratch, {**environment, "GOBIN": str(result)})


def _fetch_headers(include: Path) -> None:
    """Put the headers that Ollama's module lacks into `include`; the archive is checked against its hash by pip."""
    include.mkdir()
    requirement = include / "headers.txt"
    requirement.write_text(HEADERS + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python", "--require-hashes"]
    programs.run([*pip, "--dest", str(include), "--requirement", str(requirement)], include, dict(os.environ))
    (archive,) = include.glob("*.tar.gz")
    with tarfile.open(archive) as files:
        for member in files:
            if member.isfile() and (match := HEADER_FILE.fullmatch(member.name)):
                header = include / match[1]
                header.parent.mkdir(exist_ok=True)
                content = files.extractfile(member)
                assert content is not None
                header.write_bytes(content.read())
    archive.unlink()


def main() -> int:
    try:
        print(build())
    except ToolError as error:
        print(f"build_ollama: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
