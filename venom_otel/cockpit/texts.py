"""Every text of the page, spelled once. Words only: no markup, no colours.

Texts with a placeholder are functions, so that the type checker knows what each one needs.
"""

from __future__ import annotations

from typing import Final

from venom_otel.store.protocol import RequestStatus

PRODUCT: Final = "venom_otel"
SKIP: Final = "Skip to the content"
HOME: Final = "All requests"

# -- header ----------------------------------------------------------------------------------------------------------------------
ANSWERING: Final = "Last answer"
ANSWERING_HELP: Final = "The model that really answered last, by the reply's own word"
NOBODY_ANSWERED: Final = "no answer yet"
THEME: Final = {"auto": "Theme: follows the system", "light": "Theme: light", "dark": "Theme: dark"}

# -- list of requests --------------------------------------------------------------------------------------------------------------
REQUESTS: Final = "Requests"
LIVE: Final = "Live"
LIVE_HELP: Final = "New requests appear as they arrive. Press to pause."
PAUSED: Final = "Paused"
PAUSED_HELP: Final = "New requests wait. Press to show them and go on."
OLDER: Final = "Show older requests"
NO_MATCH: Final = "No request matches these filters."
CLEAR_FILTERS: Final = "Clear filters"
ALL: Final = "All"
ANY_PROVIDER: Final = "Any provider"
ANY_MODEL: Final = "Any model"
STATUS_FILTER: Final = "Filter by status"
PROVIDER_FILTER: Final = "Filter by provider"
MODEL_FILTER: Final = "Filter by model"

STATUS: Final = {
    RequestStatus.COMPLETED: "Completed",
    RequestStatus.FAILED: "Failed",
    RequestStatus.CANCELLED: "Cancelled",
}

COLUMNS: Final = {
    "time": "Time",
    "status": "Status",
    "provider": "Provider",
    "model": "Model",
    "endpoint": "Endpoint",
    "service": "Application",
    "duration": "Duration",
    "first": "First token",
    "tokens": "Tokens",
}
COLUMN_HELP: Final = {
    "model": "The model asked for, and behind the arrow the one that answered where it is another",
    "first": "From the call to the first piece of a streamed answer",
    "tokens": "Tokens read, and tokens written",
}
ANSWERED_BY: Final = "answered by"
UNKNOWN_MODEL: Final = "unknown model"

# -- nothing there yet -------------------------------------------------------------------------------------------------------------
EMPTY_TITLE: Final = "Waiting for the first request"
EMPTY_LEAD: Final = "Add two lines to the application that holds your Semantic Kernel, then run it."
EMPTY_CODE: Final = "import venom_otel\nvenom_otel.instrument(kernel)"
EMPTY_AFTER: Final = "Every request to a model appears here as it ends: who answered, how long it took, and why it failed if it did."
COPY: Final = "Copy"
COPIED: Final = "Copied"


def empty_endpoint(address: str) -> str:
    """Where telemetry is taken."""
    return f"Listening for OTLP at {address}"


def empty_variable(address: str) -> str:
    """The variable that leads an application here; shown where the receiver is not at its standard address."""
    return f"OTEL_EXPORTER_OTLP_ENDPOINT={address}"


# -- one request -----------------------------------------------------------------------------------------------------------------
BACK: Final = "Requests"
NO_TRACE_TITLE: Final = "Nothing is stored under this address"
NO_TRACE: Final = "The trace may not have arrived yet: this page shows it as soon as it does. Or it is too old and was removed."
WATERFALL: Final = "Timeline"
SPAN_COLUMN: Final = "Span"
FIRST_CHUNK: Final = "first token"
ATTRIBUTES: Final = "Attributes"
EVENTS: Final = "Events"
RESOURCE: Final = "Resource"
NOTHING: Final = "none"
SHOW_MORE: Final = "Show all"
COPY_TRACE_ID: Final = "Copy the trace id"
FACTS: Final = {
    "started": "Started",
    "duration": "Duration",
    "first": "First token",
    "tokens": "Tokens",
    "endpoint": "Endpoint",
    "service": "Application",
    "trace": "Trace",
}
SPAN_FACTS: Final = {"kind": "Kind", "start": "Starts at", "duration": "Duration", "service": "Application", "scope": "Recorded by"}
SPAN_KINDS: Final = {0: "unspecified", 1: "internal", 2: "server", 3: "client", 4: "producer", 5: "consumer"}


def span_count(count: int, shown: int) -> str:
    """How many spans a trace has, and how many of them the timeline shows."""
    if shown < count:
        return f"first {shown} of {count} spans"
    return "1 span" if count == 1 else f"{count} spans"


def tokens(read: str, written: str) -> str:
    """Tokens read and written."""
    return f"{read} → {written}"


def at_offset(offset: str) -> str:
    """When something happened, from the start of the trace."""
    return f"+{offset}"


# -- an address that leads nowhere ---------------------------------------------------------------------------------------------------
NO_PAGE_TITLE: Final = "There is no such page"
NO_PAGE: Final = "Requests are at the start page; a trace is at /trace/ and its id."


def document_title(part: str) -> str:
    """The browser tab's title."""
    return f"{part} · {PRODUCT}"
