"""Compare models: the same figures for each model at each server, side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.grafana import links, names, panels, uids, variables
from venom_otel.grafana.dashboards import frame, requests
from venom_otel.grafana.panels import About, Column, Query
from venom_otel.grafana.promql import RANGE, RATE_INTERVAL

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

NO_REQUESTS: Final = "No requests in this time: choose a longer one, or more models"
NO_STREAMS: Final = "No streams in this time: only streams have a first token"
SORT: Final = "Requests"
NO_TOKENS: Final = "No tokens were counted in this time"


def make() -> Dashboard:
    """The dashboard."""
    chosen = variables.choices(names.REQUESTS, *requests.CHOSEN)
    made = frame.dashboard(uids.COMPARE, "The same figures for each model at each server, side by side.", chosen)
    made = made.with_panel(_table())
    for about, expr, unit in (
        (About("Duration, p50", "Half of the requests took longer.", NO_REQUESTS), _latency(0.5, requests.DURATION), panels.SECONDS),
        (About("Duration, p95", "One request of twenty took longer.", NO_REQUESTS), _latency(0.95, requests.DURATION), panels.SECONDS),
        (About("Time to first token, p95", "Of streams.", NO_STREAMS), _latency(0.95, requests.FIRST_TOKEN), panels.SECONDS),
        (
            About("Tokens/s", requests.SPEED_HELP, NO_TOKENS),
            requests.speed(*requests.BY_WHO),
            panels.COUNT,
        ),
        (
            About("Error rate", "The share of requests that failed.", NO_REQUESTS),
            requests.failed_share(RATE_INTERVAL, *requests.BY_WHO),
            panels.SHARE,
        ),
        (
            About("Requests/s", "Round trips to a model, failures included.", NO_REQUESTS),
            requests.a_second(requests.ASKED, *requests.BY_WHO),
            panels.PER_SECOND,
        ),
    ):
        made = made.with_panel(panels.over_time(about, [Query(expr, requests.WHO_LEGEND)], unit))
    return made


def _latency(q: float, buckets: str) -> str:
    return requests.latency(q, buckets, *requests.BY_WHO)


def _table() -> panels.Panel:
    by = requests.BY_WHO
    figures = {
        "A": ("Requests", panels.COUNT, requests.count(requests.ASKED, *by)),
        "B": ("Failed", panels.SHARE, requests.failed_share(RANGE, *by)),
        "C": ("p50", panels.SECONDS, requests.latency(0.5, requests.DURATION, *by, window=RANGE)),
        "D": ("p95", panels.SECONDS, requests.latency(0.95, requests.DURATION, *by, window=RANGE)),
        "E": ("p99", panels.SECONDS, requests.latency(0.99, requests.DURATION, *by, window=RANGE)),
        "F": ("First token, p95", panels.SECONDS, requests.latency(0.95, requests.FIRST_TOKEN, *by, window=RANGE)),
        "G": ("Tokens/s", panels.COUNT, requests.speed(*by, window=RANGE)),
        "H": ("Prompt tokens", panels.COUNT, requests.count(requests.TOKENS_IN, *by)),
        "I": ("Answer tokens", panels.COUNT, requests.count(requests.TOKENS_OUT, *by)),
    }
    leading = (links.cockpit("Compare in the cockpit", "/compare"),)
    columns = [
        Column(names.MODEL, "Model", links=leading),
        Column(names.PROVIDER, "Provider", width=90),
        Column(names.ENDPOINT, "Server"),
        *(
            Column(f"Value #{letter}", heading, unit, width=50 + 7 * len(heading) + 15 * (heading == SORT))
            for letter, (heading, unit, _) in figures.items()
        ),
    ]
    return panels.rows(
        About("Models", "All of this time. A server without streams has no first token.", NO_REQUESTS),
        {letter: expr for letter, (_, _, expr) in figures.items()},
        columns,
        sort=SORT,
        size=panels.Size(24, 9),
    )
