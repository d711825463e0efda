"""The same SDK for every subject: real providers, batch processors, exporters that only count.

The batch processors wake when 512 records wait and not by time, so that a measurement sees the price of recording, as the application
pays it, and as little as can be of an exporter's thread.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor, LogRecordExporter, LogRecordExportResult
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

if TYPE_CHECKING:
    from collections.abc import Sequence

NEVER_MS = 3_600_000


class _Spans(SpanExporter):
    def __init__(self) -> None:
        self.keep: list[Any] | None = None
        self.count = 0

    def export(self, spans: Sequence[Any]) -> SpanExportResult:
        self.count += len(spans)
        if self.keep is not None:
            self.keep.extend(spans)
        return SpanExportResult.SUCCESS


class _Logs(LogRecordExporter):
    def __init__(self) -> None:
        self.keep: list[Any] | None = None
        self.count = 0

    def export(self, batch: Sequence[Any]) -> LogRecordExportResult:
        self.count += len(batch)
        if self.keep is not None:
            self.keep.extend(batch)
        return LogRecordExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing is held."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:  # noqa: ARG002  (nothing is held)
        return True


class Telemetry:
    """Three providers and what reached their ends."""

    def __init__(self) -> None:
        resource = Resource.create({"service.name": "benchmark"})
        self.spans, self.logs, self.reader = _Spans(), _Logs(), InMemoryMetricReader()
        self.tracer_provider = TracerProvider(resource=resource)
        self.tracer_provider.add_span_processor(BatchSpanProcessor(self.spans, schedule_delay_millis=NEVER_MS))
        self.logger_provider = LoggerProvider(resource=resource)
        self.logger_provider.add_log_record_processor(BatchLogRecordProcessor(self.logs, schedule_delay_millis=NEVER_MS))
        self.meter_provider = MeterProvider(resource=resource, metric_readers=[self.reader])

    def providers(self) -> dict[str, Any]:
        """The providers, by the names every instrumentation gives its arguments."""
        return {
            "tracer_provider": self.tracer_provider,
            "meter_provider": self.meter_provider,
            "logger_provider": self.logger_provider,
        }

    def flush(self) -> None:
        """Empty the batch processors."""
        self.tracer_provider.force_flush()
        self.logger_provider.force_flush()

    def counts(self) -> Counter[str]:
        """How many spans, log records and metric records there have been so far."""
        self.flush()
        points = sum(point.count for _, point in self._points())
        return Counter(spans=self.spans.count, logs=self.logs.count, records=points)

    def keep(self) -> None:
        """Keep what is exported from now on, for `kept`."""
        self.flush()
        self.spans.keep, self.logs.keep = [], []

    def kept(self) -> dict[str, Any]:
        """What was kept, in words that compare: names, kinds, statuses and attributes; times and ids left out. Ends the keeping."""
        self.flush()
        spans, logs = self.spans.keep or [], self.logs.keep or []
        self.spans.keep = self.logs.keep = None
        return {
            "spans": sorted(_span(span) for span in spans),
            "logs": sorted(_log(data.log_record) for data in logs),
            "points": sorted({f"{name}{_attributes(point.attributes)}" for name, point in self._points()}),
        }

    def _points(self) -> list[tuple[str, Any]]:
        data = self.reader.get_metrics_data()
        if data is None:
            return []
        metrics = [metric for resource in data.resource_metrics for scope in resource.scope_metrics for metric in scope.metrics]
        return [(metric.name, point) for metric in metrics for point in metric.data.data_points if hasattr(point, "count")]


def _attributes(attributes: Any) -> str:
    shown = {name: ("…" if isinstance(value, float) else value) for name, value in (attributes or {}).items()}
    return "".join(f"\n    {name}: {shown[name]!r}" for name in sorted(shown))


def _span(span: Any) -> str:
    events = "".join(f"\n  event {event.name}{_attributes(event.attributes)}" for event in span.events)
    return f"{span.name} {span.kind.name} {span.status.status_code.name}{_attributes(span.attributes)}{events}"


def _log(record: Any) -> str:
    return f"{record.event_name} {record.severity_number} {record.severity_text} {record.body}{_attributes(record.attributes)}"
