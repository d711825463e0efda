"""Builds the Prometheus and the promtool that the tests run: `python -m tools.build_prometheus` prints where they lie.

Both are Go commands. `go install` of them by version is refused, for their module has directives of its own that only a main module may
have; so they are built from a module made for it. Without the discovery of targets in clouds, which nobody here asks for, that takes about
five minutes of processor time, once per user and version; nothing of it stays but the two programs. The web pages are not among what
Go's module archive has: the API is whole, the page is empty.
"""

from __future__ import annotations

import platform
import sys
import tempfile
from pathlib import Path

from tools import go, programs
from tools.cache import ToolError, build_once, cache_dir, key

VERSION = "3.12.0"
MODULE = "github.com/prometheus/prometheus"
MODULE_VERSION = "v0.312.0"
"""What Go calls `VERSION`."""
COMMANDS = ("prometheus", "promtool")
LD_FLAGS = f"-s -w -X github.com/prometheus/common/version.Version={VERSION}"
FLAGS = ("-tags", "remove_all_sd,enable_dns_sd", "-trimpath", "-ldflags", LD_FLAGS)


def programs_dir() -> Path:
    """Where both programs lie, or would lie."""
    machine = f"{platform.system()}-{platform.machine()}".lower()
    return cache_dir() / "prometheus" / f"{VERSION}-{machine}-{key(MODULE_VERSION, *FLAGS)}"


def prometheus() -> Path:
    """The server."""
    return programs_dir() / "prometheus"


def promtool() -> Path:
    """What checks its configuration and tests its rules."""
    return programs_dir() / "promtool"


def build() -> Path:
    """Return the folder of both, built where they are missing.

    Raises:
        ToolError: Go is missing or the build failed.
    """
    return build_once(programs_dir(), _build_into)


def _build_into(result: Path) -> None:
    command = go.needed()
    print(f"building Prometheus {VERSION} with {command}: some minutes, once", file=sys.stderr, flush=True)
    with tempfile.TemporaryDirectory(prefix="venom-otel-prometheus-") as name:
        scratch = Path(name)
        environment = {**go.environment(scratch), "CGO_ENABLED": "0"}
        command = go.recent(command, scratch, environment)
        (scratch / "go.mod").write_text("module programs\n", encoding="utf-8")
        packages = [f"{MODULE}/cmd/{name}" for name in COMMANDS]
        programs.run([str(command), "get", *(f"{package}@{MODULE_VERSION}" for package in packages)], scratch, environment)
        programs.run([str(command), "build", *FLAGS, "-o", f"{result}/", *packages], scratch, environment)


def main() -> int:
    try:
        print(build())
    except ToolError as error:
        print(f"build_prometheus: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
