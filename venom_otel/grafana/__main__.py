"""`python -m venom_otel.grafana [--check] [ROOT]`: writes dashboards/ in a checkout, or says what there is not as the code makes it."""

from __future__ import annotations

import argparse
import sys
from importlib.util import find_spec
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Run it; 1 where `--check` finds a difference."""
    parser = argparse.ArgumentParser(prog="python -m venom_otel.grafana", description="Writes the Grafana dashboards and alert rules.")
    parser.add_argument("root", nargs="?", type=Path, default=Path(), help="the checkout, by default the current directory")
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file is not as the code makes it")
    options = parser.parse_args(arguments)
    if find_spec("grafana_foundation_sdk") is None:
        parser.error("Grafana's SDK is missing: pip install 'venom-otel[grafana]'")
    from venom_otel.grafana import generate

    if not (options.root / generate.RUNBOOKS).is_dir():
        parser.error(f"{options.root.absolute()} is no checkout of venom_otel: it has no {generate.RUNBOOKS}")
    if not options.check:
        generate.write(options.root)
        return 0
    stale = generate.differing(options.root)
    for name in stale:
        sys.stderr.write(f"{name} is not what the code makes: run `make dashboards`\n")
    return 1 if stale else 0


if __name__ == "__main__":
    sys.exit(main())
