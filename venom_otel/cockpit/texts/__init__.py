"""Every text of the page, spelled once. Words only: no markup, no colours; commands and files stand between backticks (`words.py`).

Texts with a placeholder are functions, so that the type checker knows what each one needs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.cockpit import formats
from venom_otel.control.model import Action
from venom_otel.runtimes.model import State
from venom_otel.state.model import Kind
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.services.figures import Figures

PRODUCT: Final = "venom_otel"
SKIP: Final = "Skip to the content"
HOME: Final = "Start page"
NAVIGATION: Final = "Pages"
NOW: Final = "Now"
HISTORY: Final = "History"

# -- header ----------------------------------------------------------------------------------------------------------------------
THEME: Final = {"auto": "Theme: follows the system", "light": "Theme: light", "dark": "Theme: dark"}

# -- model servers -----------------------------------------------------------------------------------------------------------------
STATES: Final = {
    State.READY: "Ready",
    State.DEGRADED: "Degraded",
    State.LOADING: "Loading",
    State.STARTING: "Starting",
    State.STOPPED: "Stopped",
    State.FAILING: "Failing",
    State.UNREACHABLE: "Unreachable",
}
ACTIONS: Final = {Action.START: "Start", Action.STOP: "Stop", Action.RESTART: "Restart"}
DOING: Final = {
    Kind.START: "starting",
    Kind.STOP: "stopping",
    Kind.RESTART: "restarting",
    Kind.ACTIVATE: "changing the model",
    Kind.INSTALL: "fetching a model",
    Kind.REMOVE: "deleting a model",
}
NOTHING_LOADED: Final = "no model in memory"
LAST_LINES: Final = "Last lines of its log"
DISMISS: Final = "Dismiss"
CANCEL: Final = "Cancel"


def act_on(action: Action, server: str) -> str:
    """What a button does."""
    return f"{ACTIONS[action]} {server}"


def breaks_off(running: int | None) -> str:
    """What stopping a server costs."""
    if running is None:
        return "Requests that it works on are broken off."
    if running == 0:
        return "It works on no request now."
    return "1 request that it works on is broken off." if running == 1 else f"{running} requests that it works on are broken off."


def models(names: Sequence[str], more: int) -> str:
    """Models in memory."""
    return f"{', '.join(names)} and {more} more" if more > 0 else ", ".join(names)


def model_count(number: int) -> str:
    """How many models a server has."""
    return "1 model" if number == 1 else f"{number} models"


def running(number: int) -> str:
    """Requests that a server works on."""
    return f"{number} running"


def waiting(number: int) -> str:
    """Requests that wait for their turn."""
    return f"{number} waiting"


# -- alerts ------------------------------------------------------------------------------------------------------------------------
ALERTS: Final = "Alerts"
ACKNOWLEDGE: Final = "Acknowledge"
OPEN_TRACE: Final = "Open trace"
SINCE_FIRST: Final = "Since it was first seen"


def more_alerts(number: int) -> str:
    """Alerts that are not shown."""
    return f"and {number} more"


# -- list of requests --------------------------------------------------------------------------------------------------------------
REQUESTS: Final = "Requests"
OLDER: Final = "Show older requests"
SEARCH_FURTHER: Final = "Search further back"
NO_MATCH: Final = "No request matches these filters."
NO_MATCH_YET: Final = "Nothing found so far; the search has not come to the oldest requests yet."

STATUS: Final = {
    RequestStatus.COMPLETED: "Completed",
    RequestStatus.FAILED: "Failed",
    RequestStatus.CANCELLED: "Cancelled",
}

# -- filters ---------------------------------------------------------------------------------------------------------------------
CLEAR_FILTERS: Final = "Clear filters"
ALL: Final = "All"
ANY: Final = {
    Dimension.PROVIDER: "Any provider",
    Dimension.MODEL: "Any model",
    Dimension.ENDPOINT: "Any endpoint",
    Dimension.SERVICE: "Any application",
    Dimension.ERROR_KIND: "Any error",
}
STATUS_FILTER: Final = "Filter by status"
FILTERS: Final = {
    Dimension.PROVIDER: "Filter by provider",
    Dimension.MODEL: "Filter by model",
    Dimension.ENDPOINT: "Filter by endpoint",
    Dimension.SERVICE: "Filter by application",
    Dimension.ERROR_KIND: "Filter by kind of error",
}
RANGE_FILTER: Final = "Filter by time"
ANY_TIME: Final = "Any time"
CHOSEN_RANGE: Final = "Chosen range"
RANGES: Final = {
    "15m": "Last 15 minutes",
    "1h": "Last hour",
    "6h": "Last 6 hours",
    "24h": "Last 24 hours",
    "7d": "Last 7 days",
    "30d": "Last 30 days",
}


def last_days(days: int) -> str:
    """A range longer than those."""
    return f"Last {days} days"


SEARCH: Final = "Search"
SEARCH_FILTER: Final = "Search in requests"
SEARCH_HELP: Final = f"Text from anywhere in the request, or attributes like {semconv.GEN_AI_REQUEST_SEED}=7. Press / to come here."

# -- charts ----------------------------------------------------------------------------------------------------------------------
OVERVIEW: Final = "Requests and latency over time"
ERROR_RATE: Final = "Error rate"
DURATION_P50: Final = "Duration p50"
DURATION_P95: Final = "Duration p95"
FIRST_P50: Final = "First token p50"
FIRST_P95: Final = "First token p95"
P95: Final = "p95"
DURATION: Final = "Duration"
FIRST: Final = "First token"
SPEED: Final = "Tokens/s"
SPEED_HELP: Final = "Tokens per second while they are written, from the first to the last"
NO_FIGURE: Final = "\u2013"


def range_shown(nanoseconds: int) -> str:
    """What the charts show: `60 min`, `24 h`, `7 d`."""
    minutes = max(round(nanoseconds / 60_000_000_000), 1)
    if minutes <= 120:  # noqa: PLR2004 - more is easier to read in hours
        return f"{minutes} min"
    hours = round(minutes / 60)
    return f"{hours} h" if hours <= 48 else f"{round(hours / 24)} d"  # noqa: PLR2004 - more is easier to read in days


def without_search(shown: str) -> str:
    """Said of the charts while something is searched for: what they count is not."""
    return f"{shown} \u00b7 the search is not applied"


def tokens_per_second(number: str) -> str:
    """How fast answers are written."""
    return f"{number} tokens/s"


def requests_in_words(figures: Figures) -> str:
    """The chart of requests, for who cannot see it."""
    counts = ", ".join(f"{formats.count(figures.counts[status])} {STATUS[status].lower()}" for status in RequestStatus)
    return f"Requests over time by how they ended: {counts}"


def latency_in_words(figures: Figures) -> str:
    """The chart of latency, for who cannot see it."""
    names = {DURATION_P50: figures.duration.quantile(0.5), DURATION_P95: figures.duration.quantile(0.95)}
    names |= {FIRST_P50: figures.first_chunk.quantile(0.5), FIRST_P95: figures.first_chunk.quantile(0.95)}
    known = ", ".join(f"{name} {formats.duration(round(value))}" for name, value in names.items() if value is not None)
    return f"Latency over time: {known or NOTHING}"


# -- columns of the list ---------------------------------------------------------------------------------------------------------
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
IN_ANOTHERS_PLACE: Final = "in the place of a server that should have answered"
UNKNOWN_MODEL: Final = "unknown model"

# -- nothing there yet -------------------------------------------------------------------------------------------------------------
EMPTY_TITLE: Final = "Waiting for the first request"
EMPTY_LEAD: Final = "Add two lines to the application that holds your Semantic Kernel, then run it."
EMPTY_CODE: Final = "import venom_otel\nvenom_otel.instrument(kernel)"
EMPTY_DEMO: Final = "No application or model at hand? This sends requests of two simulated model servers:"
EMPTY_DEMO_CODE: Final = "venom-otel demo"
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
BACK: Final = "Back"
NO_TRACE_TITLE: Final = "Nothing is stored under this address"
NO_TRACE: Final = "The trace may not have arrived yet: this page shows it as soon as it does. Or it is too old and was removed."
WATERFALL: Final = "Timeline"
SPAN_COLUMN: Final = "Span"
FIRST_CHUNK: Final = "first token"
ATTRIBUTES: Final = "Attributes"
LOGS: Final = "Log records"
NO_SPAN: Final = "no span"
NO_SEVERITY: Final = "\u2013"
ONLY_LOGS: Final = "Of this trace only log records have arrived"
LOGGER: Final = "logger"
EVENT_NAME: Final = "event"
RESOURCE: Final = "Resource"
NOTHING: Final = "none"
COPY_TRACE_ID: Final = "Copy the trace id"
FACTS: Final = {
    "started": "Started",
    "duration": "Duration",
    "first": "First token",
    "tokens": "Tokens",
    "speed": SPEED,
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


def log_count(count: int) -> str:
    """How many log records a trace has."""
    return "1 record" if count == 1 else f"{count} records"


def tokens(read: str, written: str) -> str:
    """Tokens read and written."""
    return f"{read} → {written}"


def at_offset(offset: str) -> str:
    """When something happened, from the start of the trace."""
    return f"+{offset}"


# -- an address that leads nowhere ---------------------------------------------------------------------------------------------------
NO_PAGE_TITLE: Final = "There is no such page"
NO_PAGE: Final = "The newest requests are on the start page, all of them in the history; a trace is at `/trace/` and its id."
NO_ADDRESS: Final = "there is nothing at {path}: /openapi.json lists the addresses of the API"


def document_title(part: str) -> str:
    """The browser tab's title."""
    return f"{part} · {PRODUCT}"
