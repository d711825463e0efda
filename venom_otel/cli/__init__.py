"""The `venom-otel` command. Its own parts live in the cockpit extra; this module says so where the extra is not installed."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from venom_otel.errors import MissingExtraError, VenomError

_NEEDED = ("typer", "rich", "dotenv", "platformdirs", "fastapi", "uvicorn", "nicegui", "zstandard", "grpc", "opentelemetry.proto")
"""What the commands import beyond the base package."""


def main() -> None:
    """Run the command line; exit status 2 and one line of words on standard error where something cannot be done."""
    try:
        _require_extra()
        from venom_otel.cli.app import app

        app()
    except VenomError as error:
        print(f"venom-otel: {error}", file=sys.stderr)
        sys.exit(2)


def _require_extra() -> None:
    missing = [name for name in _NEEDED if find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"this command needs the cockpit ({', '.join(missing)} not installed). Run: pip install 'venom-otel[cockpit]'"
        )
