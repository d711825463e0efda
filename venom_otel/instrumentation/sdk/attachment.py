"""All that sends: the lanes the environment asks for, from their start to their end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk.metrics.export import MetricReader

from venom_otel.instrumentation.sdk import environment, quiet
from venom_otel.instrumentation.sdk.lanes import BatchLane, LaneReader, MetricLane
from venom_otel.instrumentation.sdk.outlet import Outlet, make_exporter

if TYPE_CHECKING:
    from collections.abc import Iterator

    from opentelemetry.sdk._logs import ReadableLogRecord
    from opentelemetry.sdk.trace import ReadableSpan

    from venom_otel.instrumentation.sdk.environment import Destination, Signal


@dataclass(slots=True)
class Attachment:
    """Lanes for spans, log records and metrics, and the metric readers to register."""

    spans: tuple[BatchLane[ReadableSpan], ...] = ()
    logs: tuple[BatchLane[ReadableLogRecord], ...] = ()
    metrics: tuple[MetricLane, ...] = ()
    readers: list[MetricReader] = field(default_factory=list)

    @property
    def lanes(self) -> tuple[BatchLane[Any] | MetricLane, ...]:
        """Every lane."""
        return (*self.spans, *self.logs, *self.metrics)

    def start(self) -> None:
        """Start a thread for each lane."""
        for lane in self.lanes:
            lane.courier.start()

    def end(self, deadline: float) -> None:
        """Stop every thread, without another delivery. One that is stuck in an export ends with the exporter's own time-out."""
        for lane in self.lanes:
            lane.courier.stop()
            lane.outlet.close()
        for lane in self.lanes:
            lane.courier.join(deadline)


Wanted = Callable[["Signal", "Destination"], bool]
"""Whether a signal is sent to one of its destinations."""


def _all(_signal: Signal, _destination: Destination) -> bool:
    return True


def from_environment(
    *, metrics: bool = True, interval_s: float = environment.METRIC_INTERVAL_MS / 1000, wanted: Wanted = _all
) -> Attachment:
    """What the environment asks for now, not started. An exporter that cannot be had is left out, with a log line.

    Args:
        metrics: whether they are among it.
        interval_s: seconds between two exports of them, unless the environment says otherwise.
        wanted: which destinations of the environment's are taken.
    """
    with quiet.muted():
        made = Attachment(
            spans=tuple(
                BatchLane(f"traces-{name}", outlet, environment.batch_limits("traces")) for name, outlet in _outlets("traces", wanted)
            ),
            logs=tuple(BatchLane(f"logs-{name}", outlet, environment.batch_limits("logs")) for name, outlet in _outlets("logs", wanted)),
        )
        if metrics:
            _add_metrics(made, environment.metric_interval_s(interval_s), wanted)
    return made


def metrics_from_environment(interval_s: float, wanted: Wanted = _all) -> Attachment:
    """The same for metrics alone."""
    made = Attachment()
    with quiet.muted():
        _add_metrics(made, environment.metric_interval_s(interval_s), wanted)
    return made


def _add_metrics(made: Attachment, interval_s: float, wanted: Wanted) -> None:
    timeout_ms = environment.collect_timeout_ms()
    for destination, exporter in _exporters("metrics", wanted):
        if isinstance(exporter, MetricReader):  # one that is asked for its metrics, as Prometheus's
            made.readers.append(exporter)
            continue
        reader = LaneReader(exporter)
        made.readers.append(reader)
        outlet = Outlet(exporter, destination.address, destination.exporter)
        made.metrics = (*made.metrics, MetricLane(f"metrics-{destination.exporter}", outlet, reader, interval_s, timeout_ms))


def _exporters(signal: Signal, wanted: Wanted) -> Iterator[tuple[Destination, Any]]:
    for destination in environment.destinations(signal):
        exporter = make_exporter(signal, destination) if wanted(signal, destination) else None
        if exporter is not None:
            yield destination, exporter


def _outlets(signal: Signal, wanted: Wanted) -> Iterator[tuple[str, Outlet]]:
    for destination, exporter in _exporters(signal, wanted):
        yield destination.exporter, Outlet(exporter, destination.address, destination.exporter)
