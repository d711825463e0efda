"""Texts of the alerts page."""

from __future__ import annotations

from typing import Final

from venom_otel.services.alerts.model import AlertKind
from venom_otel.state.model import Kind, Outcome

ALERTS: Final = "Alerts"
STATE_FILTER: Final = "Filter by state"
STATES: Final = {"active": "Active", "resolved": "Resolved", "": "All"}
KINDS: Final = {
    AlertKind.PROVIDER_ERROR: "Requests fail",
    AlertKind.SERVER_OFFLINE: "Server offline",
    AlertKind.FALLBACK: "Fallback answers",
}
ALL_WELL: Final = "Nothing is wrong."
NOTHING_YET: Final = "Nothing has gone wrong so far."
NOTHING_RESOLVED: Final = "No alert has ended lately."
ACTIVE: Final = "Active"
RESOLVED: Final = "Resolved"
FIRST: Final = "first"
LAST: Final = "last"
ENDED: Final = "ended"
SEEN: Final = "acknowledged"
ACTIVITY: Final = "What was done"
NOTHING_DONE: Final = "No model server has been told anything from here."
DID: Final = {
    Kind.START: "start",
    Kind.STOP: "stop",
    Kind.RESTART: "restart",
    Kind.ACTIVATE: "activate",
    Kind.INSTALL: "fetch",
    Kind.REMOVE: "remove",
}
OUTCOMES: Final = {
    Outcome.BEGUN: "begun",
    Outcome.SUCCEEDED: "done",
    Outcome.FAILED: "failed",
    Outcome.INTERRUPTED: "interrupted",
    Outcome.CANCELLED: "cancelled",
    Outcome.REFUSED: "refused",
}
BY: Final = {"page": "from this page", "token": "over the API"}
WEBHOOK: Final = "Alerts are also sent to the address in VENOM_OTEL_WEBHOOK_URL."
NO_WEBHOOK: Final = "To be told elsewhere, set VENOM_OTEL_WEBHOOK_URL: `docs/alerts.md` says what is sent."


def more(number: int) -> str:
    """Alerts that are not shown."""
    return f"and {number} older ones"


def times(number: int) -> str:
    """How often."""
    return "once" if number == 1 else f"{number} times"


def relapses(number: int) -> str:
    """How often it came back."""
    return "came back once" if number == 1 else f"came back {number} times"


def active(number: int) -> str:
    """How many there are, for a badge."""
    return "1 active alert" if number == 1 else f"{number} active alerts"


def done(kind: Kind, model: str | None, server: str) -> str:
    """What a server was told: `stop vllm`, `activate gemma-3 at vllm`."""
    return f"{DID[kind]} {model} at {server}" if model else f"{DID[kind]} {server}"
