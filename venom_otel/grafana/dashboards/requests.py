"""The queries about requests that several dashboards share, held to what the variables are set to."""

from __future__ import annotations

from typing import Final

from venom_otel import semconv
from venom_otel.grafana import links, names, panels, traceql, variables
from venom_otel.grafana.promql import RANGE, RATE_INTERVAL, WHO, grown, legend, quantile, rate, select, share, total

BY_WHO: Final = WHO
CHOSEN: Final = ("provider", "model", "endpoint", "service")
_HELD: Final = variables.matchers(*CHOSEN)

ASKED: Final = select(names.REQUESTS, *_HELD)
ANSWERED: Final = select(names.REQUESTS, *_HELD, (names.ERROR, "=", ""))
FAILED: Final = select(names.REQUESTS, *_HELD, (names.ERROR, "!=", ""))
DURATION: Final = select(names.DURATION, *_HELD)
FIRST_TOKEN: Final = select(names.FIRST_TOKEN, *_HELD)
FALLBACKS: Final = select(names.FALLBACKS, (names.FROM, "=~", "$provider"), *variables.matchers("service"))

_TOKEN_TYPE: Final = names.label(semconv.GEN_AI_TOKEN_TYPE)
TOKENS_IN: Final = select(names.TOKENS, *_HELD, (_TOKEN_TYPE, "=", semconv.TOKEN_TYPE_INPUT))
TOKENS_OUT: Final = select(names.TOKENS, *_HELD, (_TOKEN_TYPE, "=", semconv.TOKEN_TYPE_OUTPUT))
_BUSY: Final = select(names.metric(semconv.METRIC_OPERATION_DURATION, "sum"), *_HELD, (names.ERROR, "=", ""))
_UNTIL_FIRST: Final = select(names.metric(semconv.METRIC_TIME_TO_FIRST_CHUNK, "sum"), *_HELD)
_STREAMS: Final = select(names.STREAMS, *_HELD)

FAILED_SPANS: Final = traceql.spans(traceql.FAILED, *variables.conditions(*CHOSEN))


def count(series: str, *by: str) -> str:
    """How many there were within the dashboard's range."""
    return total(grown(series, RANGE), *by)


def a_second(series: str, *by: str) -> str:
    """How many a second."""
    return total(rate(series), *by)


def failed_share(window: str, *by: str) -> str:
    """Which share of requests failed."""
    return share(total(grown(FAILED, window), *by), total(grown(ASKED, window), *by))


def latency(q: float, buckets: str, *by: str, window: str = RATE_INTERVAL) -> str:
    """A quantile of durations, of those requests that ended within `window`."""
    return quantile(q, grown(buckets, window), *by)


SPEED_HELP: Final = "Tokens per second while they were written, after the first. Answers that are no streams count with all of their time."


def speed(*by: str, window: str = RATE_INTERVAL) -> str:
    """Tokens of streams after the first, for each second from there to their end, as `store.generation` has it of a request.

    The metrics do not say which requests were streams: an answer that came whole counts with all of its time.
    """
    tokens = f"({total(grown(TOKENS_OUT, window), *by)} - ({total(grown(_STREAMS, window), *by)} > 0) > 0)"
    return f"{tokens} / ({total(grown(_BUSY, window), *by)} - {total(grown(_UNTIL_FIRST, window), *by)} > 0)"


def row_traces() -> panels.Link:
    """From a row of a table of failures to the traces of just these."""
    told_apart_by = (semconv.LLM_PROVIDER, semconv.LLM_MODEL, semconv.LLM_ENDPOINT, semconv.ERROR_TYPE)
    same = (traceql.span(attribute, "=", links.field(names.label(attribute))) for attribute in told_apart_by)
    return links.explore("Traces in Explore", traceql.spans(traceql.FAILED, *same))


PERCENTILES: Final = ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
WHO_LEGEND: Final = f"{legend(names.MODEL)} at {legend(names.PROVIDER)}"
