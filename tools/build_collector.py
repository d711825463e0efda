"""Builds the Collector that the tests run: `python -m tools.build_collector` prints where the program lies.

OpenTelemetry's own builder writes the sources from `collector/builder.yaml`; the go command does the rest. Once per user and manifest,
in about three minutes of processor time, with a module and build cache of its own of which nothing is left.
"""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from pathlib import Path

from tools import go, programs
from tools.cache import ToolError, build_once, cache_dir, key

VERSION = "0.155.0"
BUILDER = f"go.opentelemetry.io/collector/cmd/builder@v{VERSION}"
MANIFEST = Path(__file__).parents[1] / "collector" / "builder.yaml"
FLAGS = ("-trimpath", "-ldflags=-s -w")


def program() -> Path:
    """Where the built program lies, or would lie."""
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return cache_dir() / "collector" / f"{VERSION}-{machine}-{key(MANIFEST.read_text(encoding='utf-8'), *FLAGS)}" / "otelcol"


def build() -> Path:
    """Return the program, built where it is missing.

    Raises:
        ToolError: Go is missing or the build failed.
    """
    built = program()
    build_once(built.parent, _build_into)
    return built


def _build_into(result: Path) -> None:
    command = go.needed()
    print(f"building the Collector {VERSION} with {command}: some minutes, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="venom-otel-collector-") as name:
        scratch = Path(name)
        environment = {**go.environment(scratch), "CGO_ENABLED": "0"}
        command = go.recent(command, scratch, environment)
        programs.run([str(command), "install", *FLAGS, BUILDER], scratch, {**environment, "GOBIN": str(scratch)})
        sources = scratch / "sources"
        write = [str(scratch / "builder"), "--config", str(MANIFEST), "--skip-compilation"]
        programs.run(write, scratch, {**environment, **_only_write(sources)})
        # Not `go mod tidy`, as the builder itself would: that also wants the modules of every dependency's tests.
        programs.run([str(command), "get", "."], sources, environment)
        programs.run([str(command), "build", *FLAGS, "-o", str(result / "otelcol"), "."], sources, environment)


def _only_write(sources: Path) -> dict[str, str]:
    """Variables, dotted like its settings, that make the builder write the sources and leave all calls of the go command out."""
    nothing = shutil.which("true")
    if nothing is None:
        raise ToolError("the command `true` is not on PATH")
    return {"dist.output_path": str(sources), "dist.go": nothing}


def main() -> int:
    try:
        print(build())
    except ToolError as error:
        print(f"build_collector: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
