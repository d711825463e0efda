"""What a command says where there is nothing to show: why, and what to do next. On standard error, so that programs read nothing of it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from venom_otel.cli.client import Client

_NONE_YET: Final = (
    "no request has arrived yet. Add `import venom_otel` and `venom_otel.instrument(kernel)` to the application that holds your kernel, "
    "then run it. Without one at hand: `venom-otel demo`. Where nothing arrives: `venom-otel doctor`."
)


def say(words: str) -> None:
    """Say it to whoever is at the terminal."""
    print(f"venom-otel: {words}", file=sys.stderr, flush=True)


def no_request(client: Client, otherwise: str) -> str:
    """Why there is no request: because none has arrived at all, or because of what was asked for, which `otherwise` says.

    Raises:
        CockpitError: the cockpit no longer answers.
    """
    return otherwise if client.requests({"limit": 1})["items"] else _NONE_YET
