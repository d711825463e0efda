"""Runtimes: how the model servers are, as the monitor sees them and as they say themselves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.grafana import foreign, names, panels, uids, variables
from venom_otel.grafana.dashboards import frame
from venom_otel.grafana.panels import About, Query
from venom_otel.grafana.promql import INTERVAL, grown, highest, legend, quantile, rate, select, total

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard

STATES: Final = {
    "ready": "green",
    "degraded": "yellow",
    "loading": "light-blue",
    "starting": "blue",
    "failing": "orange",
    "unreachable": "dark-red",
    "stopped": "red",
}
"""The states of `llm.runtime.state` and their colours; a test holds them against the monitor's."""
CHOSEN: Final = ("provider", "endpoint")
NOT_TOLD: Final = "None of these servers tells, or none is watched"
NOT_WATCHED: Final = "No server is watched: nothing comes from venom-otel up, nor from venom-otel monitor"
NO_VLLM: Final = "No vLLM is scraped: add its /metrics to Prometheus's scrape targets"
NO_LLAMACPP: Final = "No llama.cpp is scraped: start llama-server with --metrics and add it to Prometheus's scrape targets"
_HELD: Final = variables.matchers(*CHOSEN)
_NAME: Final = legend(names.RUNTIME)
_OWN: Final = legend(foreign.INSTANCE)
_OWN_MODEL: Final = f"{legend(foreign.VLLM_MODEL)} at {_OWN}"


def make() -> Dashboard:
    """The dashboard."""
    chosen = variables.choices(names.UP, *CHOSEN)
    made = frame.dashboard(uids.RUNTIMES, "How the model servers are: states, looks, load, and what they say themselves.", chosen)
    made = made.with_panel(_states())
    for panel in _watched():
        made = made.with_panel(panel)
    made = made.with_row(panels.row("vLLM's own metrics"))
    for panel in _vllm():
        made = made.with_panel(panel)
    made = made.with_row(panels.row("llama.cpp's own metrics"))
    for panel in _llamacpp():
        made = made.with_panel(panel)
    return made


def _states() -> panels.Panel:
    """One series for each server, its value the number of the state that it is in."""
    metric, by = names.metric(semconv.METRIC_RUNTIME_STATE), (names.RUNTIME, names.ENDPOINT)
    numbered = (
        f"({highest(select(metric, *_HELD, (names.STATE, '=', state)), *by)} == 1) * {number}" for number, state in enumerate(STATES, 1)
    )
    return panels.timeline(
        About(
            "States",
            "Each server's state over time; a gap is a time in which nobody looked.",
            NOT_WATCHED,
        ),
        [Query(" or ".join(numbered), _NAME)],
        {str(number): (state, color) for number, (state, color) in enumerate(STATES.items(), 1)},
    )


def _gauge(name: str, title: str, shows: str, unit: str) -> panels.Panel:
    series = highest(select(names.metric(name), *_HELD), names.RUNTIME, names.ENDPOINT)
    return panels.over_time(About(title, shows, NOT_TOLD), [Query(series, _NAME)], unit, size=panels.THIRD)


def _watched() -> list[panels.Panel]:
    looks = select(names.metric(semconv.METRIC_PROBE_DURATION, "bucket"), *_HELD)
    failures, reason = select(names.metric(semconv.METRIC_PROBE_FAILURES), *_HELD), names.label(semconv.LLM_REASON)
    return [
        panels.over_time(
            About("Looks, p95", "How long one look at a server took.", NOT_WATCHED),
            [Query(quantile(0.95, rate(looks), names.RUNTIME, names.ENDPOINT), _NAME)],
            panels.SECONDS,
            size=panels.THIRD,
        ),
        panels.over_time(
            About("Looks that found a server offline", "By reason.", "No server was found offline"),
            [Query(total(grown(failures, INTERVAL), names.RUNTIME, reason), f"{_NAME}: {legend(reason)}")],
            panels.COUNT,
            size=panels.THIRD,
            stacked=True,
            bars=True,
        ),
        _gauge(semconv.METRIC_MODELS_LOADED, "Models loaded", "Models in memory.", panels.COUNT),
        _gauge(semconv.METRIC_REQUESTS_RUNNING, "Requests running", "What a server works on.", panels.COUNT),
        _gauge(semconv.METRIC_REQUESTS_WAITING, "Requests waiting", "The queue.", panels.COUNT),
        _gauge(semconv.METRIC_RUNTIME_MEMORY, "Memory", "What the loaded models take.", panels.BYTES),
    ]


def _own(metric: foreign.Foreign, title: str, shows: str, unit: str, empty: str) -> panels.Panel:
    """A gauge as it is, a counter by the second, a histogram's 95th percentile."""
    by = (foreign.INSTANCE, *((foreign.VLLM_MODEL,) if foreign.VLLM_MODEL in metric.labels else ()))
    expr = {
        "gauge": lambda: total(metric.name, *by),
        "counter": lambda: total(rate(metric.name), *by),
        "histogram": lambda: quantile(0.95, rate(metric.bucket), *by),
    }[metric.kind]()
    legend = _OWN_MODEL if foreign.VLLM_MODEL in metric.labels else _OWN
    return panels.over_time(About(title, shows, empty), [Query(expr, legend)], unit, size=panels.THIRD)


def _vllm() -> list[panels.Panel]:
    return [
        _own(foreign.VLLM_RUNNING, "Requests running", "In the engine's batch.", panels.COUNT, NO_VLLM),
        _own(foreign.VLLM_WAITING, "Requests waiting", "For room in the batch.", panels.COUNT, NO_VLLM),
        _own(foreign.VLLM_CACHE_USAGE, "KV cache", "How much of it is in use; full means that requests wait.", panels.SHARE, NO_VLLM),
        _own(foreign.VLLM_GENERATION_TOKENS, "Answer tokens/s", "Tokens that it generates.", panels.PER_SECOND, NO_VLLM),
        _own(foreign.VLLM_PROMPT_TOKENS, "Prompt tokens/s", "Tokens that it reads.", panels.PER_SECOND, NO_VLLM),
        _own(foreign.VLLM_PREEMPTIONS, "Preemptions/s", "Requests put back for want of KV cache.", panels.PER_SECOND, NO_VLLM),
        _own(foreign.VLLM_FIRST_TOKEN, "First token, p95", "Measured in the server: without the network.", panels.SECONDS, NO_VLLM),
        _own(foreign.VLLM_QUEUE_TIME, "Time in the queue, p95", "How long requests waited.", panels.SECONDS, NO_VLLM),
    ]


def _llamacpp() -> list[panels.Panel]:
    return [
        _own(foreign.LLAMACPP_PROCESSING, "Requests running", "In its slots.", panels.COUNT, NO_LLAMACPP),
        _own(foreign.LLAMACPP_DEFERRED, "Requests waiting", "For a free slot.", panels.COUNT, NO_LLAMACPP),
        _own(foreign.LLAMACPP_BUSY_SLOTS, "Busy slots", "At each step of decoding, on average.", panels.COUNT, NO_LLAMACPP),
        _own(foreign.LLAMACPP_GENERATED_TOKENS, "Answer tokens/s", "Tokens that it generates.", panels.PER_SECOND, NO_LLAMACPP),
        _own(foreign.LLAMACPP_PROMPT_TOKENS, "Prompt tokens/s", "Tokens that it reads.", panels.PER_SECOND, NO_LLAMACPP),
    ]
