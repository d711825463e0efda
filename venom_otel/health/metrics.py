"""What the monitor measures: `llm.runtime.*` and `llm.active_model`.

Gauges are read when they are collected, from what is known then. States and the active model are sets of series of 0 and 1 in which the old
one goes on as 0, since OTLP has no way to say that a series has ended.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opentelemetry.metrics import Observation

from venom_otel import semconv
from venom_otel.runtimes.model import State, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from opentelemetry.metrics import CallbackOptions, MeterProvider

    from venom_otel.health.active import ActiveModels
    from venom_otel.health.monitor import Look, Monitor, Server
    from venom_otel.runtimes.model import Runtime


class HealthMetrics:
    """The instruments over one monitor."""

    def __init__(self, provider: MeterProvider, monitor: Monitor, active: ActiveModels) -> None:
        self._monitor = monitor
        self._active = active
        self._meter = provider.get_meter(semconv.MONITOR_SCOPE, schema_url=semconv.SCHEMA_URL)
        for name, value in {
            semconv.METRIC_RUNTIME_UP: lambda server: int(server.condition.status is Status.ONLINE),
            semconv.METRIC_MODELS_LOADED: _models_loaded,
            semconv.METRIC_REQUESTS_RUNNING: lambda server: server.reading.requests_running,
            semconv.METRIC_REQUESTS_WAITING: lambda server: server.reading.requests_waiting,
            semconv.METRIC_RUNTIME_MEMORY: lambda server: server.reading.memory_bytes,
        }.items():
            self._gauge(name, _each(value))
        self._gauge(semconv.METRIC_RUNTIME_STATE, _states)
        _, unit, description = semconv.RUNTIME_METRICS[semconv.METRIC_ACTIVE_MODEL]
        self._meter.create_observable_gauge(semconv.METRIC_ACTIVE_MODEL, [self._active_models], unit, description)
        _, unit, description = semconv.RUNTIME_METRICS[semconv.METRIC_PROBE_DURATION]
        self._duration = self._meter.create_histogram(
            semconv.METRIC_PROBE_DURATION, unit, description, explicit_bucket_boundaries_advisory=list(semconv.DURATION_BUCKETS)
        )
        _, unit, description = semconv.RUNTIME_METRICS[semconv.METRIC_PROBE_FAILURES]
        self._failures = self._meter.create_counter(semconv.METRIC_PROBE_FAILURES, unit, description)
        self._unsubscribe = monitor.subscribe(self._looked)

    def close(self) -> None:
        """Count no further look. Gauges go on to say what is known, for as long as their provider asks; calling it twice does no harm."""
        self._unsubscribe()

    def _gauge(self, name: str, observe: Callable[[Server], Iterable[Observation]]) -> None:
        def callback(_: CallbackOptions) -> Iterable[Observation]:
            return [observation for server in self._monitor.servers() for observation in observe(server)]

        _, unit, description = semconv.RUNTIME_METRICS[name]
        self._meter.create_observable_gauge(name, [callback], unit, description)

    def _active_models(self, _: CallbackOptions) -> Iterable[Observation]:
        for model, value in self._active.series(self._monitor.servers()):
            told = {
                semconv.LLM_SOURCE: model.source,
                semconv.LLM_PROVIDER: model.provider,
                semconv.LLM_MODEL: model.model,
                semconv.LLM_FRIENDLY_NAME: model.friendly_name,
                semconv.LLM_ENDPOINT: model.endpoint,
                semconv.LLM_SERVER: model.server,
            }
            yield Observation(value, {name: word for name, word in told.items() if word})

    def _looked(self, look: Look) -> None:
        attributes = _attributes(look.server.runtime)
        self._duration.record(look.server.probe_s, attributes)
        found = look.server.reading
        if found.state.status is Status.OFFLINE:
            self._failures.add(1, {**attributes, semconv.LLM_REASON: (found.reason or found.state).value})


def _each(value: Callable[[Server], int | None]) -> Callable[[Server], Iterator[Observation]]:
    """One series for each server that tells the number; none for one that does not."""

    def observe(server: Server) -> Iterator[Observation]:
        number = value(server)
        if number is not None:
            yield Observation(number, _attributes(server.runtime))

    return observe


def _states(server: Server) -> Iterator[Observation]:
    attributes = _attributes(server.runtime)
    for state in State:
        yield Observation(int(state is server.condition.state), {**attributes, semconv.LLM_STATE: state.value})


def _models_loaded(server: Server) -> int | None:
    """None where it did not answer: what it had loaded before is not known to be there."""
    told = server.reading.state.status is Status.ONLINE and all(model.loaded is not None for model in server.reading.models)
    return len(server.reading.models_loaded) if told else None


def _attributes(runtime: Runtime) -> dict[str, str]:
    return {
        semconv.LLM_SERVER: runtime.endpoint.server,
        semconv.LLM_PROVIDER: runtime.provider,
        semconv.LLM_ENDPOINT: runtime.endpoint.url,
        semconv.LLM_RUNTIME_NAME: runtime.name,
    }
