"""The go command for what is built here: found, recent enough, and told nothing of the user's that would change the result."""

from __future__ import annotations

import os
import re
import subprocess
from typing import TYPE_CHECKING

from tools import programs
from tools.cache import ToolError

if TYPE_CHECKING:
    from pathlib import Path

TOOLCHAIN = "1.26.8"
"""The Go release fetched where the machine's own is too old to fetch one; what is built here asks for 1.26.0 or less."""
FETCHES_TOOLCHAINS = (1, 21)
"""From this release on the go command fetches a newer one by itself."""
INSTALL = "Install Go 1.21 or newer (macOS: `brew install go`)."


def find() -> Path | None:
    """Where it lies; None where there is none."""
    return programs.find("go", elsewhere=("/usr/local/go/bin/go", "/usr/lib/go-*/bin/go", "/opt/homebrew/bin/go", "~/go/bin/go*[0-9]"))


def needed() -> Path:
    """Where it lies, installed where it is missing.

    Raises:
        ToolError: it cannot be installed here; the message says what a person should run.
    """
    command = find()
    if command is None:
        programs.install("Go", debian=("golang-go",), elsewhere=INSTALL)
        command = find()
    if command is None:
        raise ToolError("Go was installed but is not found on PATH")
    return command


def environment(scratch: Path) -> dict[str, str]:
    """What it is told: its caches inside `scratch`, to be removed with it."""
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
    }


def recent(go: Path, scratch: Path, environment: dict[str, str]) -> Path:
    """A go command that can build what a newer one is needed for: `go` itself, or one that it fetches as a module.

    Debian 12 has Go 1.19, which cannot change its own version but can already download that module, checked by Go's checksum database.
    Then `environment` is changed to fit.
    """
    words = subprocess.run([str(go), "version"], env=environment, cwd=scratch, capture_output=True, text=True, check=True).stdout
    match = re.search(r"\bgo(\d+)\.(\d+)", words)
    if match is None or (int(match[1]), int(match[2])) >= FETCHES_TOOLCHAINS:
        return go
    query = [str(go), "env", "GOOS", "GOARCH"]
    system, machine = subprocess.run(query, env=environment, cwd=scratch, capture_output=True, text=True, check=True).stdout.split()
    release = f"v0.0.1-go{TOOLCHAIN}.{system}-{machine}"
    # -mod has no meaning for `go mod`, and old commands refuse it.
    download = [str(go), "mod", "download", f"golang.org/toolchain@{release}"]
    programs.run(download, scratch, {**environment, "GOFLAGS": "-modcacherw"})
    root = scratch / "go" / "mod" / "golang.org" / f"toolchain@{release}"
    for path in (*root.glob("bin/*"), *root.glob("pkg/tool/*/*")):
        path.chmod(0o755)  # module archives carry no modes
    environment["GOROOT"] = str(root)
    return root / "bin" / "go"
