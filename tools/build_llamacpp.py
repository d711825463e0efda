"""Builds the llama.cpp server that the tests talk to: `python -m tools.build_llamacpp` prints where its environment's Python lies.

llama-cpp-python with its `server` extra, installed as its users do: from its source archive, which carries llama.cpp whole. It gets an
environment of its own, with every package and what builds it checked against requirements/llamacpp*.lock. Compiling takes about five CPU
minutes, once per user, version and flags.
"""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

from tools import programs
from tools.cache import ToolError, build_once, cache_dir, key

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "requirements" / "llamacpp.lock"
BUILD_LOCK = ROOT / "requirements" / "llamacpp-build.lock"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Unoptimised code compiles in half the time and is fast enough for a model of half a million parameters. With a build type, CMake would
# put its own -O3 behind that.
C_FLAGS = "-O0 -g0"
# Nothing that only this machine's processor can do, so that the cache may come along to another; no images and no OpenMP.
PORTABLE = [f"-DGGML_{name}=OFF" for name in ("NATIVE", "AVX", "AVX2", "FMA", "F16C", "BMI2", "OPENMP")]
FLAGS = {
    "CFLAGS": C_FLAGS,
    "CXXFLAGS": C_FLAGS,
    "CMAKE_ARGS": " ".join([*PORTABLE, "-DLLAVA_BUILD=OFF"]),
    "SKBUILD_CMAKE_BUILD_TYPE": "None",
}


def python() -> Path:
    """The environment's interpreter, or where it would lie; `-m llama_cpp.server` starts the server."""
    machine = f"{platform.system()}-{platform.machine()}-py{PYTHON}".lower()
    # The installation too, for an environment is nothing without the one it was made from.
    inputs = key(LOCK.read_text(encoding="utf-8"), BUILD_LOCK.read_text(encoding="utf-8"), sys.base_prefix, *FLAGS.values())
    return cache_dir() / "llamacpp" / f"{machine}-{inputs}" / "bin" / "python"


def build() -> Path:
    """Return the interpreter, its environment built where it is missing.

    Raises:
        ToolError: a compiler is missing or the build failed.
    """
    built = python()
    build_once(built.parents[1], _install)
    return built


def _install(folder: Path) -> None:
    if programs.find(os.environ.get("CXX", "c++"), "g++", "clang++") is None:
        programs.install("A C++ compiler", debian=("g++",), elsewhere="Install one (macOS: `xcode-select --install`).")
    uv = subprocess.run([ROOT / "tools" / "bootstrap", "uv"], capture_output=True, text=True, check=True).stdout.strip()
    print("building llama-cpp-python and its server: about three minutes, once", file=sys.stderr, flush=True)
    environment = {**os.environ, **FLAGS}
    install = ["pip", "sync", "--python", str(folder / "bin" / "python"), "--require-hashes", "--build-constraints", str(BUILD_LOCK)]
    for step in (
        # Allowed to fill the folder that is there, and without paths in its scripts: the folder is renamed once it is whole.
        ["venv", "--quiet", "--no-project", "--allow-existing", "--relocatable", "--python", sys.executable, str(folder)],
        # Refreshed, for uv keeps the wheels that it has built, and does not ask with which flags.
        [*install, "--refresh-package", "llama-cpp-python", str(LOCK)],
    ):
        programs.run([uv, *step], ROOT, environment)


def main() -> int:
    try:
        print(build())
    except ToolError as error:
        print(f"build_llamacpp: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
