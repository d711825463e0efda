"""Overview: who answers, how fast, and what fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.grafana import links, names, panels, uids, variables
from venom_otel.grafana.dashboards import frame, requests
from venom_otel.grafana.panels import About, Column, Query
from venom_otel.grafana.promql import INTERVAL, RANGE, RATE_INTERVAL, grown, highest, legend, select, total

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

NO_REQUESTS: Final = "No requests in this time. Instrument an application: venom_otel.instrument(kernel)"
NOTHING: Final = "No requests"
"""In a tile, whose text grows smaller with each word."""
LAST: Final = "Last answer"
NO_STREAMS: Final = "No streams in this time: only streams have a first token"
_NAME, _SOURCE, _SERVER = (names.label(attribute) for attribute in (semconv.LLM_FRIENDLY_NAME, semconv.LLM_SOURCE, semconv.LLM_SERVER))
_ACTIVE: Final = names.metric(semconv.METRIC_ACTIVE_MODEL)
ACTIVE: Final = {
    "1": ("is set, another one answers or none yet", "yellow"),
    "2": ("answered last", "blue"),
    "3": ("is set and answered last", "green"),
}
"""What a model is: the settings name it, counted 1, it answered last, counted 2, or both."""


def make() -> Dashboard:
    """The dashboard."""
    chosen = variables.choices(names.REQUESTS, *requests.CHOSEN)
    made = frame.dashboard(uids.OVERVIEW, "Which model servers answer, how fast, and what fails.", chosen)
    made = made.annotation(frame.fallbacks())
    for tile in _tiles():
        made = made.with_panel(tile)
    made = made.with_panel(_active()).with_panel(_answered_last())
    made = made.with_panel(_who_answers()).with_panel(_error_rate())
    made = made.with_panel(_durations()).with_panel(_first_token()).with_panel(_tokens()).with_panel(_fallbacks())
    return made.with_panel(_top_failures())


def _tiles() -> list[panels.Panel]:
    configured, answered = (
        f"({highest(select(_ACTIVE, (_SOURCE, '=', source)), _NAME, names.PROVIDER)} == 1)"
        for source in (semconv.ACTIVE_CONFIGURED, semconv.ACTIVE_ANSWERED)
    )
    return [
        panels.tile(
            About(
                "Active model",
                "The one that answered last; before the first answer, the one that the settings name.",
                "No model is set and none has answered",
            ),
            [Query(f"{answered} or on() {configured}", f"{legend(_NAME)} at {legend(names.PROVIDER)}")],
            "none",
            size=panels.Size(6, 5),
            names=True,
        ),
        panels.tile(
            About("Requests", "Round trips to a model, failures included.", NOTHING),
            [Query(requests.count(requests.ASKED))],
            panels.COUNT,
            size=panels.Size(3, 5),
        ),
        panels.tile(
            About("Failed", "The share of requests that failed.", NOTHING),
            [Query(requests.failed_share(RANGE))],
            panels.SHARE,
            size=panels.Size(3, 5),
            limits=[(0.01, "orange"), (0.05, "red")],
        ),
        panels.tile(
            About("Duration, p95", "One request of twenty took longer.", NOTHING),
            [Query(requests.latency(0.95, requests.DURATION, window=RANGE))],
            panels.SECONDS,
            size=panels.Size(3, 5),
        ),
        panels.tile(
            About("First token, p95", "One stream of twenty took longer to begin.", "No streams"),
            [Query(requests.latency(0.95, requests.FIRST_TOKEN, window=RANGE))],
            panels.SECONDS,
            size=panels.Size(3, 5),
            limits=[(5, "orange")],
        ),
        panels.tile(
            About("Tokens/s", requests.SPEED_HELP, "No tokens"),
            [Query(requests.speed(window=RANGE))],
            panels.COUNT,
            size=panels.Size(3, 5),
        ),
        panels.tile(
            About("Fallbacks", "Attempts at another service than the one that should have answered.", "None"),
            [Query(requests.count(requests.FALLBACKS))],
            panels.COUNT,
            size=panels.Size(3, 5),
            limits=[(1, "orange")],
        ),
    ]


def _active() -> panels.Panel:
    """A row for each model at a server that was active, and whether by the settings, by its answer, or both."""
    by = (_NAME, names.PROVIDER, _SERVER)
    configured, answered = (
        highest(select(_ACTIVE, (_SOURCE, "=", source)), *by, _SOURCE) for source in (semconv.ACTIVE_CONFIGURED, semconv.ACTIVE_ANSWERED)
    )
    return panels.timeline(
        About(
            "Active model over time",
            "Which model the settings name and which one answered last, of all applications. Two rows at once: another model answers.",
            "No model is set and none has answered, or nothing comes from venom-otel up",
        ),
        [Query(f"{total(f'{configured} or {answered} * 2', *by)} > 0", f"{legend(_NAME)} at {legend(names.PROVIDER)}")],
        ACTIVE,
        size=panels.Size(12, 6),
    )


def _answered_last() -> panels.Panel:
    """When each model answered each application last: the newest of an application is who answers it now."""
    by = (names.SERVICE, *requests.BY_WHO)
    answered = f"(timestamp({requests.ANSWERED}) and {grown(requests.ANSWERED, INTERVAL)} > 0)"
    # A subquery's last step lies up to an interval back: what is newer is asked for by itself.
    at = f"{answered} or max_over_time({answered}[{RANGE}:{INTERVAL}])"
    columns = [
        Column(names.SERVICE, "Application", width=110),
        Column(names.MODEL, "Model", width=150),
        Column(names.PROVIDER, "Provider", width=85),
        Column(names.ENDPOINT, "Server"),
        Column("Value", LAST, panels.MOMENT, width=130),
    ]
    return panels.rows(
        About(
            "Who answered last",
            "By application, to the minute, for counters say no more: the newest of its rows is the model that answers it now.",
            NO_REQUESTS,
        ),
        {"A": f"{highest(at, *by)} * 1000"},
        columns,
        sort=LAST,
        size=panels.Size(12, 6),
    )


def _who_answers() -> panels.Panel:
    return panels.over_time(
        About("Who answers", "Requests a second that were answered, by model and server. Marks are fallbacks.", NO_REQUESTS),
        [Query(requests.a_second(requests.ANSWERED, *requests.BY_WHO), requests.WHO_LEGEND)],
        panels.PER_SECOND,
        stacked=True,
        links=[_to_compare()],
    )


def _to_compare() -> panels.Link:
    return links.dashboard(uids.COMPARE, "Compare models", {"provider": links.series(names.PROVIDER)})


def _error_rate() -> panels.Panel:
    to_failures = links.dashboard(
        uids.FAILURES,
        "Failures of this model",
        {"provider": links.series(names.PROVIDER), "model": links.series(names.MODEL), "endpoint": links.series(names.ENDPOINT)},
    )
    return panels.over_time(
        About("Error rate", "The share of requests that failed, by model and server.", NO_REQUESTS),
        [Query(requests.failed_share(RATE_INTERVAL, *requests.BY_WHO), requests.WHO_LEGEND)],
        panels.SHARE,
        links=[to_failures],
    )


def _durations() -> panels.Panel:
    return panels.over_time(
        About("Duration", "Of requests, failures included. Each diamond is one of them and leads to its trace.", NO_REQUESTS),
        [Query(requests.latency(q, requests.DURATION), name, exemplars=name == "p99") for q, name in requests.PERCENTILES],
        panels.SECONDS,
    )


def _first_token() -> panels.Panel:
    return panels.over_time(
        About("Time to first token", "Of streams. Each diamond is one of them and leads to its trace.", NO_STREAMS),
        [Query(requests.latency(q, requests.FIRST_TOKEN), name, exemplars=name == "p99") for q, name in requests.PERCENTILES],
        panels.SECONDS,
    )


def _tokens() -> panels.Panel:
    return panels.over_time(
        About("Tokens a second", "Of prompts and of answers, all requests together.", "No tokens were counted in this time"),
        [Query(requests.a_second(requests.TOKENS_IN), "prompts"), Query(requests.a_second(requests.TOKENS_OUT), "answers")],
        panels.PER_SECOND,
    )


def _fallbacks() -> panels.Panel:
    pairs = total(grown(requests.FALLBACKS, INTERVAL), names.FROM, names.TO, names.ERROR)
    return panels.over_time(
        About("Who was asked instead", "Which provider was asked instead of which, and after what.", "No fallback was asked in this time"),
        [Query(f"{pairs} > 0", f"{legend(names.TO)} instead of {legend(names.FROM)} ({legend(names.ERROR)})")],
        panels.COUNT,
        stacked=True,
        bars=True,
    )


def _top_failures() -> panels.Panel:
    to_failures = links.dashboard(
        uids.FAILURES,
        "Failures of this model",
        {"provider": links.field(names.PROVIDER), "model": links.field(names.MODEL), "endpoint": links.field(names.ENDPOINT)},
    )
    leading = (to_failures, requests.row_traces(), links.cockpit("History in the cockpit", "/history"))
    worst = f"topk(10, {requests.count(requests.FAILED, *requests.BY_WHO, names.ERROR)} > 0)"
    columns = [
        Column(names.MODEL, "Model", links=leading),
        Column(names.PROVIDER, "Provider", links=leading),
        Column(names.ENDPOINT, "Server", links=leading),
        Column(names.ERROR, "Error", links=leading),
        Column("Value", "Failures", panels.COUNT),
    ]
    return panels.rows(
        About("Top failures", "What failed most in this time. A click leads to the traces.", "Nothing failed in this time"),
        {"A": worst},
        columns,
        sort="Failures",
        size=panels.WHOLE,
    )
