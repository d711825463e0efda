"""Builds the Ollama that the tests talk to, from registries alone: `python -m tools.build_ollama` prints where the program lies.

Ollama is a Go command, but `go install` of it fails by itself: module archives leave out directories named `vendor`, and Ollama keeps
four C++ headers of llama.cpp in one. They come from llama-cpp-python's source archive, which carries llama.cpp whole. The build takes
about five CPU minutes, once per user, version and flags; it uses a module and build cache of its own and leaves neither behind.
"""

from __future__ import annotations

import os
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from tools import programs
from tools.cache import ToolError, build_once, cache_dir, key

VERSION = "0.17.4"
MODULE = f"github.com/ollama/ollama@v{VERSION}"
HEADERS = "llama-cpp-python==0.3.36 --hash=sha256:832db0699007f1be95a7e41ef12e88926b02ba836461e36a36372db2760c1a2e"
HEADER_FILE = re.compile(r"[^/]+/vendor/llama\.cpp/vendor/((?:nlohmann|stb|miniaudio)/[\w.]+\.hp?p?)")
# Unoptimised C++ compiles in half the time and is fast enough for a model of half a million parameters: ggml's kernels are C with
# an -O3 of their own. Without the last flag the server calls itself 0.0.0.
C_FLAGS = "-O0 -g0"
LD_FLAGS = f"-s -w -X github.com/ollama/ollama/version.Version={VERSION}"

TOOLCHAIN = "1.24.13"
"""The Go release fetched where the machine's own is too old; Ollama's go.mod asks for 1.24.1."""
FETCHES_TOOLCHAINS = (1, 21)
"""From this release on the go command fetches a newer one by itself."""


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
    go = _find_go()
    if compiler is None or go is None:
        programs.install(
            "A C++ compiler" if go else "Go",
            debian=("g++", *(() if go else ("golang-go",))),
            elsewhere="Install Go 1.21 or newer and a C++ compiler (macOS: `brew install go` and `xcode-select --install`).",
        )
        go = _find_go()
    if go is None:
        raise ToolError("Go was installed but is not found on PATH")
    print(f"building Ollama {VERSION} with {go}: about five minutes, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="venom-otel-ollama-") as name:
        scratch = Path(name)
        _fetch_headers(scratch / "include")
        environment = _environment(scratch)
        go = _recent(go, scratch, environment)
        _run([str(go), "install", "-ldflags", LD_FLAGS, MODULE], scratch, {**environment, "GOBIN": str(result)})


def _environment(scratch: Path) -> dict[str, str]:
    """What the go command is told: its caches inside `scratch`, and nothing of the user's that would change what is built."""
    untouched = {name: value for name, value in os.environ.items() if name not in ("GOOS", "GOARCH", "GOEXPERIMENT")}
    return {
        **untouched,
        "GOPATH": str(scratch / "go"),
        "GOMODCACHE": str(scratch / "go" / "mod"),
        "GOCACHE": str(scratch / "go-build"),
        "GOWORK": "off",
        "GOTOOLCHAIN": "auto",  # some distributions switch off that Go fetches the release a module asks for
        # -modcacherw: a read-only module cache could not be removed again.
        "GOFLAGS": "-mod=mod -modcacherw -buildvcs=false",
        "CGO_ENABLED": "1",
        "CGO_CPPFLAGS": f"-I{scratch / 'include'}",
        "CGO_CFLAGS": C_FLAGS,
        "CGO_CXXFLAGS": C_FLAGS,
    }


def _fetch_headers(include: Path) -> None:
    """Put the headers that Ollama's module lacks into `include`; the archive is checked against its hash by pip."""
    include.mkdir()
    requirement = include / "headers.txt"
    requirement.write_text(HEADERS + "\n", encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "llama-cpp-python", "--require-hashes"]
    _run([*pip, "--dest", str(include), "--requirement", str(requirement)], include, dict(os.environ))
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


def _find_go() -> Path | None:
    return programs.find("go", elsewhere=("/usr/local/go/bin/go", "/usr/lib/go-*/bin/go", "/opt/homebrew/bin/go", "~/go/bin/go*[0-9]"))


def _recent(go: Path, scratch: Path, environment: dict[str, str]) -> Path:
    """A go command that can build Ollama: `go` itself, or a newer one that it fetches as a module, checked by Go's checksum database.

    Debian 12 has Go 1.19, which cannot change its own version but can already download that module.
    """
    words = subprocess.run([str(go), "version"], env=environment, cwd=scratch, capture_output=True, text=True, check=True).stdout
    match = re.search(r"\bgo(\d+)\.(\d+)", words)
    if match is None or (int(match[1]), int(match[2])) >= FETCHES_TOOLCHAINS:
        return go
    query = [str(go), "env", "GOOS", "GOARCH"]
    system, machine = subprocess.run(query, env=environment, cwd=scratch, capture_output=True, text=True, check=True).stdout.split()
    release = f"v0.0.1-go{TOOLCHAIN}.{system}-{machine}"
    # -mod has no meaning for `go mod`, and old commands refuse it.
    _run([str(go), "mod", "download", f"golang.org/toolchain@{release}"], scratch, {**environment, "GOFLAGS": "-modcacherw"})
    root = scratch / "go" / "mod" / "golang.org" / f"toolchain@{release}"
    for path in (*root.glob("bin/*"), *root.glob("pkg/tool/*/*")):
        path.chmod(0o755)  # module archives carry no modes
    environment["GOROOT"] = str(root)
    return root / "bin" / "go"


def _run(command: list[str], directory: Path, environment: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)
    if done.returncode != 0:
        raise ToolError(f"`{' '.join(command)}` failed with status {done.returncode}; its words are above")


def main() -> int:
    try:
        print(build())
    except ToolError as error:
        print(f"build_ollama: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
