"""Why a request was slow."""

from __future__ import annotations

from typing import Final

from venom_otel.services.timing import Part

TITLE: Final = "Where the time went"

PARTS: Final = {
    Part.RESENT: "Earlier tries",
    Part.QUEUE: "Queue",
    Part.LOAD: "Load",
    Part.PROMPT: "Prompt",
    Part.UNTIL_FIRST: "Until first token",
    Part.GENERATION: "Generation",
    Part.OTHER: "Network and application",
    Part.UNKNOWN: "Unknown",
}
COLD_START: Final = "Load (cold start)"


def tries(number: int) -> str:
    """How often the application's client sent it."""
    return f"The application's client sent it {number} times."
