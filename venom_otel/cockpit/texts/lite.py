"""Texts of the plain page. Those of its script have their placeholders in braces."""

from __future__ import annotations

from typing import Final

from venom_otel import semconv
from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import chat

TITLE: Final = f"{texts.PRODUCT} lite"
SKIP: Final = "Skip to the chat"
WHOLE: Final = "Full cockpit"
THEME: Final = "Theme"

ACTIVE_MODEL: Final = "Active model"
CONFIGURED: Final = "configured"
NOT_CONFIGURED: Final = "answered last"
NO_MODEL: Final = "None yet: set LLM_MODEL_NAME, or ask one."
NOT_WATCHED: Final = "not watched"
INSTEAD: Final = "answers instead"
SHOW_REQUEST: Final = "Show the request"

ALERTS: Final = "Alerts"
NO_ALERTS: Final = "Nothing is wrong."
TRACE: Final = "Open trace"
ACKNOWLEDGE: Final = "Acknowledge"
ACKNOWLEDGED: Final = "acknowledged"
SINCE: Final = "since"

SERVERS: Final = "Model servers"
NO_SERVERS: Final = "None is known: `docs/settings.md` says how to name one."

CHAT: Final = "Chat"
EMPTY: Final = chat.EMPTY
ANEW: Final = "New conversation"
MESSAGE: Final = "Your message"
SEND: Final = "Send"
SEND_HELP: Final = "Enter sends, Shift and Enter begins a new line."
STOP: Final = "Stop"
YOU: Final = "You"
ANSWER: Final = "Answer"
SERVER: Final = "Server"
MODEL: Final = "Model"
ENDPOINT: Final = "Endpoint"
FIRST_TOKEN: Final = "First token"  # noqa: S105 - of text
SPEED: Final = texts.SPEED
SPEED_HELP: Final = texts.SPEED_HELP
REQUEST: Final = "Request"

NO_SCRIPT: Final = (
    "This is how things were when the page was loaded; load it again to see how they are. To be told of changes, to chat and to "
    "acknowledge takes a browser with JavaScript, or the API: `docs/api.md`, `docs/tasks.md`."
)

SCRIPT: Final = {
    "live": "live",
    "lost": "connection lost; trying again",
    "connecting": "connecting",
    "sending": "Sending …",
    "PENDING": "Waits for its turn …",
    "PROCESSING": "Asks {label} …",
    "COMPLETED": "Answered",
    "cutOff": "Answered; cut off at the length that was allowed",
    "FAILED": "Failed",
    "CANCELLED": "Stopped",
    "LOST": "Lost",
    "noText": "No text: the answer was empty, or is not kept any more.",
    "notSent": "Not sent: {words}",
    "notAsked": "The question is not kept any more.",
    "gone": "Cannot be shown: {words}",
    "providerError": "{server} did not answer for {model} at {endpoint}: {words}",
    "fallback": "{to} is asked instead of {from}: {reason}",
    "unknown": "{name}: {data}",
    "again": "Connection lost; what is missing comes once it is back.",
    "unreachable": "venom-otel does not answer",
    "model": "{asked} → {answered}",
    "seconds": "{number} s",
    "theme": texts.THEME,
    "kinds": dict(semconv.ERROR_KINDS),
    "states": {str(state): words for state, words in texts.STATES.items()},
    "notWatched": NOT_WATCHED,
    "configured": CONFIGURED,
    "notConfigured": NOT_CONFIGURED,
    "noModel": NO_MODEL,
    "instead": "{label} answers instead: {words}",
    "insteadUnknown": "{label} answers instead",
}
