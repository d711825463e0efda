"""Failures: which requests failed, where and why, down to the single trace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.grafana import links, logql, names, panels, traceql, uids, variables
from venom_otel.grafana.dashboards import frame, requests
from venom_otel.grafana.panels import About, Column, Query
from venom_otel.grafana.promql import INTERVAL, RATE_INTERVAL, grown, legend, quantile, select, total

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

NOTHING: Final = "Nothing failed in this time"
_FAILED_DURATION: Final = select(names.DURATION, *variables.matchers(*requests.CHOSEN), (names.ERROR, "!=", ""))
_LOKI: Final = (
    "The panel below asks Loki, and says that it cannot be reached where there is none. "
    "In the stack: `COMPOSE_PROFILES=loki` in `.env`, then `docker compose up -d`. Elsewhere: choose a Loki above, one that takes OTLP. "
    "Without one, the words of a failure are in its trace, above, and in the cockpit."
)
_WORDS: Final = panels.Size(24, 3)
_REQUEST: Final = "/requests/${__data.fields.traceIdHidden}-${__data.fields.spanID}"
"""The cockpit's page of a request; Grafana's table of spans has its two ids in these fields."""


def make() -> Dashboard:
    """The dashboard."""
    chosen = [variables.loki(), *variables.choices(names.REQUESTS, *requests.CHOSEN)]
    made = frame.dashboard(uids.FAILURES, "Which requests failed, where and why, down to the single trace.", chosen)
    made = made.annotation(frame.fallbacks())
    made = made.with_panel(_by("model", names.MODEL)).with_panel(_by("server", names.ENDPOINT))
    made = made.with_panel(_by("error", names.ERROR)).with_panel(
        _by("kind", names.KIND, "Told apart by the reply's words: a 404 is `model_not_found` or `wrong_path`.")
    )
    made = made.with_panel(_share()).with_panel(_examples()).with_panel(_table()).with_panel(_traces())
    return made.with_row(
        panels.row("Log records, where there is a Loki", panels.words("Where there is none", _LOKI, size=_WORDS), _records())
    )


def _by(what: str, label: str, more: str = "") -> panels.Panel:
    return panels.over_time(
        About(f"Failures by {what}", f"How many requests failed. {more}".strip(), NOTHING),
        [Query(f"{total(grown(requests.FAILED, INTERVAL), label)} > 0", legend(label))],
        panels.COUNT,
        stacked=True,
        bars=True,
    )


def _share() -> panels.Panel:
    return panels.over_time(
        About("Error rate", "The share of requests that failed, by model and server.", "No requests in this time"),
        [Query(requests.failed_share(RATE_INTERVAL, *requests.BY_WHO), requests.WHO_LEGEND)],
        panels.SHARE,
    )


def _examples() -> panels.Panel:
    return panels.over_time(
        About("How long failures took", "Each diamond is one failed request and leads to its trace.", NOTHING),
        [Query(quantile(0.95, grown(_FAILED_DURATION, RATE_INTERVAL), names.ERROR), f"p95, {legend(names.ERROR)}", exemplars=True)],
        panels.SECONDS,
    )


def _table() -> panels.Panel:
    leading = (requests.row_traces(),)
    columns = [
        Column(names.SERVICE, "Service"),
        Column(names.MODEL, "Model", links=leading),
        Column(names.PROVIDER, "Provider", links=leading),
        Column(names.ENDPOINT, "Server", links=leading),
        Column(names.ERROR, "Error", links=leading),
        Column(names.KIND, "Kind"),
        Column("Value", "Failures", panels.COUNT),
    ]
    failed = f"{requests.count(requests.FAILED, names.SERVICE, *requests.BY_WHO, names.ERROR, names.KIND)} > 0"
    return panels.rows(About("What failed", "Failures in this time.", NOTHING), {"A": failed}, columns, sort="Failures")


def _traces() -> panels.Panel:
    leading = (links.trace("Trace", "${__data.fields.traceIdHidden}"), links.cockpit("Request in the cockpit", _REQUEST))
    return panels.traces(
        About("Failed requests", "The newest ones: the span leads to its trace and to the cockpit.", "No trace of a failure in this time"),
        traceql.shown(requests.FAILED_SPANS),
        [
            Column("spanID", "Span", links=leading),
            Column("name", "Name", links=leading),
            *(
                Column(attribute, heading)
                for attribute, heading in zip(traceql.SHOWN, ("Provider", "Model", "Server", "Kind", "Error"), strict=True)
            ),
        ],
        size=panels.Size(24, 10),
    )


def _records() -> panels.Panel:
    chosen = {"provider": semconv.LLM_PROVIDER, "model": semconv.LLM_MODEL, "endpoint": semconv.LLM_ENDPOINT}
    return panels.records(
        About(
            "What servers said",
            "Each failed request in the words of whoever failed. A click on a record leads to its trace.",
            "No record of a failure in this time",
        ),
        logql.failed("$service", **{logql.label(attribute): f"${name}" for name, attribute in chosen.items()}),
        size=panels.Size(24, 10),
    )
