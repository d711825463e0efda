"""The live feed on the start page, and the switch that lists of new requests have."""

from __future__ import annotations

from typing import Final

from venom_otel.cockpit import formats

TITLE: Final = "Live feed"
ALL_OF_IT: Final = "History"
LIVE: Final = "Live"
LIVE_HELP: Final = "New requests appear as they arrive. Press to pause."
PAUSED: Final = "Paused"
PAUSED_HELP: Final = "New requests wait. Press to show them and go on."
HELD_HELP: Final = "New requests wait while the pointer or the keyboard is in the list."
TASK: Final = "task"
TASK_HELP: Final = "Asked from this page or over its API, as a task"


def waiting(number: int) -> str:
    """Said of a paused list."""
    return f"{PAUSED} · {formats.count(number)} new" if number > 0 else PAUSED
