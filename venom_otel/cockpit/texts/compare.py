"""Texts of the page that compares models and servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.cockpit import formats, texts
from venom_otel.services.compared import FEW, Grouping, Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.services.compared import Cost

COMPARE: Final = "Compare"
GROUPINGS: Final = {
    Grouping.PLACE: "Model at endpoint",
    Grouping.MODEL: "Model",
    Grouping.PROVIDER: "Provider",
    Grouping.ENDPOINT: "Endpoint",
}
GROUPING: Final = "What a row is"
LINK: Final = "Copy a link to these very figures"
LINK_COPIED: Final = "Copied: its time stays as it is now"
UNKNOWN: Final = "unknown"
NOT_KNOWN: Final = "\u2013"

# -- charts ----------------------------------------------------------------------------------------------------------------------
CHARTS: Final = "The rows in pictures"
LATENCY: Final = "Latency"
LATENCY_HELP: Final = "Each bar begins at the median (the dot) and ends at what one in twenty exceeds (p95). Further left is better."
DURATION: Final = "Duration"
FIRST: Final = "First token"
P50: Final = "p50"
P95: Final = "p95"
SPEED: Final = texts.SPEED
SPEED_CHART_HELP: Final = f"{texts.SPEED_HELP}. Longer is better."
ERRORS: Final = "Failed"
ERRORS_HELP: Final = "Which share of the requests failed. Shorter is better."
COST: Final = "Cost"
COST_HELP: Final = "By your file of prices. Shorter is better."


def cost_chart(currency: str) -> str:
    """The heading of what requests cost."""
    return f"{currency} per 1\u2009000 answers"


def first_rows(shown: int, rows: int) -> str:
    """Said where there is no room for all."""
    return f"the first {shown} of {rows} rows"


def few_requests(name: str, requests: int) -> str:
    """A row whose figures say little, in two lines: beside a chart there is room for no longer one."""
    return f"{name}\nonly {requests} {'request' if requests == 1 else 'requests'}"


# -- table -------------------------------------------------------------------------------------------------------------------------
SORT: Final = "Sort by"
PICK: Final = "Side by side"
PICK_HELP: Final = "Two rows can stand side by side"
COLUMNS: Final = {
    "requests": ("Requests", ""),
    Metric.DURATION_P50: ("Duration", "p50"),
    Metric.DURATION_P95: ("Duration", "p95"),
    Metric.FIRST_P50: ("First token", "p50"),
    Metric.FIRST_P95: ("First token", "p95"),
    Metric.SPEED: (SPEED, ""),
    Metric.ERROR_RATE: ("Failed", ""),
    "cancelled": ("Cancelled", ""),
    "cold": ("Cold starts", ""),
    "fallbacks": ("Fallbacks", ""),
    "tokens": ("Tokens", ""),
    Metric.COST: ("Cost", "per 1\u2009000"),
}
"""Each column's two lines."""
COLUMN_HELP: Final = {
    Metric.DURATION_P50: "Of completed requests",
    Metric.DURATION_P95: "Of completed requests",
    Metric.FIRST_P50: "Of streams, from the call to the first piece of the answer",
    Metric.FIRST_P95: "Of streams, from the call to the first piece of the answer",
    Metric.SPEED: f"{texts.SPEED_HELP}: of streams, and where the runtime says how long it wrote",
    Metric.ERROR_RATE: "Which share failed, and the most frequent kinds of error",
    "cold": "Requests for which the model was loaded first, of those whose runtime says so",
    "fallbacks": "Of routed calls: how often it answered in the place of another, and how often it failed and another was asked after it",
    "tokens": "Tokens read, and tokens written",
    Metric.COST: "By your file of prices: of a thousand completed requests, and of all",
}
BEST: Final = "best"
WORST: Final = "worst"
MARKS: Final = f"of rows with {FEW} values or more"
TOO_FEW: Final = "too few"
TOO_FEW_HELP: Final = f"Fewer than {FEW}: one slow answer more or less changes everything, so it is not compared."


def rows(number: int) -> str:
    """How many."""
    return "1 row" if number == 1 else f"{number} rows"


def cold_of(told: int) -> str:
    """How many said whether they were cold starts."""
    return f"of {formats.count(told)}"


def stood_in(number: int) -> str:
    """Answers in another's place."""
    return f"stood in {formats.count(number)}"


def gave_way(number: int) -> str:
    """Attempts that failed, after which another was asked."""
    return f"gave way {formats.count(number)}"


def tokens_read(number: str) -> str:
    """Input."""
    return f"{number} in"


def tokens_written(number: str) -> str:
    """Output."""
    return f"{number} out"


def kinds(found: Sequence[tuple[str, int]], more: int) -> str:
    """Kinds of error with how often each came, and how many kinds more there are; "" is one that nobody named."""
    words = ", ".join(f"{kind or UNKNOWN} {formats.count(number)}" for kind, number in found)
    return f"{words} +{more}" if more > 0 else words


def cost(of: Cost) -> str:
    """What all of it cost; with a sign where it was more than that."""
    words = f"{money(of.amount)} {of.currency} in all"
    return f"\u2265 {words}" if of.without_price else words


def money(amount: float) -> str:
    """An amount, never 0 where it is more than that: `0.0042`, `0.42`, `1234`, `< 0.0001`."""
    if amount == 0:
        return "0"
    if amount < 0.0001:  # noqa: PLR2004 - of any currency next to nothing
        return "< 0.0001"
    return formats.figures(amount) if amount >= 0.1 else f"{amount:.3g}"  # noqa: PLR2004 - three figures in any case


def without_price(models: Sequence[str]) -> str:
    """Why it cost more than is said."""
    return f"No price for {', '.join(model or UNKNOWN for model in models)}"


# -- side by side ------------------------------------------------------------------------------------------------------------------
SIDE_BY_SIDE: Final = "Side by side"
LETTERS: Final = ("A", "B")
CLOSE: Final = "Close"
SAME: Final = "the same"
ABOUT_THE_SAME: Final = "about the same"
METRICS: Final = {
    Metric.DURATION_P50: "Duration, median",
    Metric.DURATION_P95: "Duration, p95",
    Metric.FIRST_P50: "First token, median",
    Metric.FIRST_P95: "First token, p95",
    Metric.SPEED: SPEED,
    Metric.ERROR_RATE: "Failed",
    Metric.COST: "Cost per 1\u2009000",
}
_BETTER: Final = {
    Metric.DURATION_P50: "{factor}\u00d7 faster",
    Metric.DURATION_P95: "{factor}\u00d7 faster at p95",
    Metric.FIRST_P50: "{factor}\u00d7 faster to the first token",
    Metric.FIRST_P95: "{factor}\u00d7 faster to the first token at p95",
    Metric.SPEED: "{factor}\u00d7 as many tokens/s",
    Metric.ERROR_RATE: "fails {factor}\u00d7 less often",
    Metric.COST: "{factor}\u00d7 cheaper",
}
_ONLY: Final = {Metric.ERROR_RATE: "never failed", Metric.COST: "costs nothing"}


def requests(number: str) -> str:
    """How many a row stands for."""
    return f"{number} requests"


def better(letter: str, metric: Metric, factor: float | None) -> str:
    """How one row does better than the other; without a factor, where the other has none to be measured by."""
    words = _BETTER[metric].format(factor=_times(factor)) if factor is not None else _ONLY.get(metric, "faster")
    return f"{letter}: {words}"


def few(words: str) -> str:
    """A difference that says little."""
    return f"{words} (few requests)" if words else "few requests"


def _times(factor: float) -> str:
    return f"{factor:.1f}" if factor < 9.95 else f"{factor:.0f}"  # noqa: PLR2004 - one figure more for small ones


# -- nothing there -----------------------------------------------------------------------------------------------------------------
THEN: Final = "Models and servers stand side by side here once there are requests: how fast they are, how often they fail, what they cost."
NOTHING: Final = "No request in this time."
NOTHING_OF: Final = "No request of this application in this time."
ONLY_ONE: Final = "One row so far: with a second model or server both are compared here."


def in_words(chart: str, values: Sequence[tuple[str, str]]) -> str:
    """A chart, for who cannot see it."""
    return f"{chart}: {'; '.join(f'{name} {value}' for name, value in values) or NOT_KNOWN}"


def longer(days: int) -> str:
    """Offered where nothing is in a shorter time."""
    return f"Look at the last {days} days"
