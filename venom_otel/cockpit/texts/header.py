"""What stands above every page."""

from __future__ import annotations

from typing import Final

from venom_otel import semconv

ACTIVE: Final = "Active:"
ACTIVE_MODEL: Final = "Active model"
ANSWERED_LAST: Final = "Answered last:"
"""Where no model is configured."""
NEWEST_ANSWER: Final = "Model of the newest answer"
ANSWERED_BY: Final = "Answered by"
INSTEAD_OF: Final = "instead of"
NO_MODEL: Final = "No model yet"
NO_MODEL_HELP: Final = (
    "Activate one below Models, or set LLM_MODEL_NAME in `.env`. Without that, the model of the newest answer stands here."
)
NOT_WATCHED: Final = "Not watched"
"""Of a server."""
CONFIGURED_HELP: Final = "the configured model (LLM_MODEL_NAME), and how its server is"
ANSWERED_HELP: Final = "it really answered last, by the reply's own word; no model is active, for none is configured (LLM_MODEL_NAME)"

REASONS: Final = {
    semconv.KIND_NOT_REACHED: "not reached",
    semconv.KIND_WRONG_PATH: "wrong path",
    semconv.KIND_MODEL_NOT_FOUND: "has no such model",
    semconv.KIND_AUTH: "key refused",
    semconv.KIND_RATE_LIMITED: "rate limited",
    semconv.KIND_OVERLOADED: "overloaded",
    semconv.KIND_LOADING: "still loading",
    semconv.KIND_BAD_REQUEST: "refuses the request",
    semconv.KIND_SERVER_ERROR: "server error",
    semconv.KIND_TIMEOUT: "no answer in time",
    semconv.KIND_BROKEN_STREAM: "its answer broke off",
}
"""Why a model did not answer, in a word or two."""
FELL_BACK: Final = "fallback"
"""Where nobody says why."""


def asked_for(service: str | None) -> str:
    """Why another model answers, where no fallback led there."""
    return f"asked for by {service}" if service else "asked for by the application"


def instead(who: str, meant: str, why: str) -> str:
    """Another model answers."""
    return f"{who} answers instead of {meant}: {why}. Press for the request that shows it."


def unacknowledged(number: int) -> str:
    """Active alerts of which nobody has taken note."""
    return "1 alert that nobody has acknowledged" if number == 1 else f"{number} alerts that nobody has acknowledged"
