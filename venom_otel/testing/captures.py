"""Everything an instrumented application sends, kept in memory, with counted ids: what a test compares at once."""

from __future__ import annotations

import itertools
import threading
from typing import TYPE_CHECKING, Any, Final, TypedDict

from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import InMemoryLogRecordExporter, SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.metrics.export import HistogramDataPoint, InMemoryMetricReader, NumberDataPoint
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from venom_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from opentelemetry.sdk.trace import ReadableSpan

__all__ = ["ELAPSED", "Capture", "CountingIdGenerator", "Telemetry"]

ELAPSED: Final = "<seconds>"
"""Stands for a measured time, in seconds, that is zero or more. Anything else stays as it was sent, so that a comparison shows it."""

_MEASURED: Final = frozenset({semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK})
"""Span attributes that this process measures; the `llm.timing.*` ones are the server's word and stay."""


class Telemetry(TypedDict):
    """The three providers under the names by which `instrument` and OpenTelemetry's own instrumentations take them."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider


class CountingIdGenerator(IdGenerator):
    """Gives trace ids 1, 2, 3, … and span ids 1, 2, 3, …; safe to share between threads."""

    def __init__(self) -> None:
        self._trace_ids = itertools.count(1)
        self._span_ids = itertools.count(1)

    def generate_trace_id(self) -> int:
        """Return the next trace id."""
        return next(self._trace_ids)

    def generate_span_id(self) -> int:
        """Return the next span id."""
        return next(self._span_ids)


class Capture:
    """Fresh tracer, meter and logger providers that keep everything in memory.

    Nothing global is touched: hand `telemetry` to what shall be captured. Spans and log records are there as soon as they have
    ended; a span that an instrumentation finishes from another thread is there after `wait_for_spans`.
    """

    def __init__(self, resource: Mapping[str, str] | None = None) -> None:
        """`resource`: attributes of the resource; by default a `service.name` alone."""
        of = Resource(dict(resource) if resource is not None else {semconv.SERVICE_NAME: "test"})
        self._spans = _WaitableSpanExporter()
        self._logs = InMemoryLogRecordExporter()  # type: ignore[no-untyped-call]
        self._metrics = InMemoryMetricReader()
        # The sampler and exemplars are set so that OTEL_* variables of the surrounding shell change nothing.
        self.tracer_provider = TracerProvider(ALWAYS_ON, of, shutdown_on_exit=False, id_generator=CountingIdGenerator())
        self.tracer_provider.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meter_provider = MeterProvider([self._metrics], of, AlwaysOffExemplarFilter(), shutdown_on_exit=False)
        self.logger_provider = LoggerProvider(of, shutdown_on_exit=False)
        self.logger_provider.add_log_record_processor(SimpleLogRecordProcessor(self._logs))

    @property
    def telemetry(self) -> Telemetry:
        """The providers as keyword arguments: `instrument(kernel, **capture.telemetry)`."""
        return Telemetry(tracer_provider=self.tracer_provider, meter_provider=self.meter_provider, logger_provider=self.logger_provider)

    def spans(self) -> list[ReadableSpan]:
        """The spans that have ended, in the order in which they were begun."""
        return sorted(self._spans.get_finished_spans(), key=lambda span: span.context.span_id)

    def wait_for_spans(self, count: int, timeout: float = 30.0, *, scope: str | None = None) -> list[ReadableSpan]:
        """Wait until `count` spans, of an instrumentation scope where it is given, have ended and return those.

        Raises:
            TimeoutError: fewer had ended after `timeout` seconds; the message names them.
        """

        def ended() -> list[ReadableSpan]:
            return [span for span in self.spans() if scope in {None, span.instrumentation_scope and span.instrumentation_scope.name}]

        if not self._spans.wait_for(lambda: len(ended()) >= count, timeout):
            raise TimeoutError(f"{count} spans expected within {timeout} s; ended so far: {[span.name for span in ended()]}")
        return ended()

    def span_dicts(self) -> list[dict[str, Any]]:
        """The ended spans, whole, in the order in which they were begun.

        Each has `name`, `kind`, `trace`, `id`, `parent` (the parent's id or None), `status` (`UNSET`, `OK`, `ERROR`),
        `description` (of the status), `attributes`, `events` (`name` and `attributes`), `links` (pairs of trace and id), `scope`
        and `schema_url`.
        """
        return [_span_dict(span) for span in self.spans()]

    def tree(self) -> list[tuple[str, list[Any]]]:
        """The ended spans' names as a tree: pairs of a name and its children, in the order in which they were begun."""
        spans = self.spans()
        nodes: dict[int, tuple[str, list[Any]]] = {span.context.span_id: (span.name, []) for span in spans}
        roots: list[tuple[str, list[Any]]] = []
        for span in spans:
            parent = nodes.get(span.parent.span_id) if span.parent is not None else None
            (parent[1] if parent else roots).append(nodes[span.context.span_id])
        return roots

    def metrics(self) -> dict[str, dict[str, Any]]:
        """What was measured since the beginning, by name: `unit`, `scope`, `schema_url` and `points`.

        A point has `attributes` and `value`, or for a histogram `count`, `sum` and `bounds`; sums of seconds are `ELAPSED`. Points
        are sorted by their attributes.
        """
        found: dict[str, dict[str, Any]] = {}
        data = self._metrics.get_metrics_data()
        for by_resource in data.resource_metrics if data is not None else ():
            for by_scope in by_resource.scope_metrics:
                for metric in by_scope.metrics:
                    points = [_point_dict(point, metric.unit or "") for point in metric.data.data_points]
                    # Two scopes may record under one name; their points then stand together.
                    entry = found.setdefault(
                        metric.name,
                        {"unit": metric.unit or "", "scope": by_scope.scope.name, "schema_url": by_scope.schema_url, "points": []},
                    )
                    entry["points"] = sorted([*entry["points"], *points], key=lambda point: repr(sorted(point["attributes"].items())))
        return found

    def logs(self) -> list[dict[str, Any]]:
        """The log records sent through the logger provider, in their order.

        Each has `event_name`, `severity` (its number's name), `body`, `attributes`, `trace` and `span` (ids, or None outside of a
        span), `scope` and `schema_url`.
        """
        records = []
        for item in self._logs.get_finished_logs():
            record, scope = item.log_record, item.instrumentation_scope
            records.append(
                {
                    "event_name": record.event_name,
                    "severity": record.severity_number.name if record.severity_number is not None else None,
                    "body": record.body,
                    "attributes": dict(record.attributes or {}),
                    "trace": record.trace_id or None,
                    "span": record.span_id or None,
                    "scope": scope.name if scope is not None else None,
                    "schema_url": scope.schema_url if scope is not None else None,
                }
            )
        return records

    def close(self) -> None:
        """Shut the providers down; what was captured can still be read, except metrics."""
        self.tracer_provider.shutdown()
        self.meter_provider.shutdown()
        self.logger_provider.shutdown()


class _WaitableSpanExporter(InMemorySpanExporter):
    def __init__(self) -> None:
        super().__init__()
        self._arrived = threading.Condition()

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        with self._arrived:
            result = super().export(spans)
            self._arrived.notify_all()
        return result

    def wait_for(self, condition: Callable[[], bool], timeout: float) -> bool:
        with self._arrived:
            return self._arrived.wait_for(condition, timeout)


def _elapsed(value: Any) -> Any:
    """`ELAPSED` for a sensible measured time, else the value itself."""
    return ELAPSED if isinstance(value, float) and value >= 0 else value


def _attributes(attributes: Mapping[str, Any] | None) -> dict[str, Any]:
    return {key: _elapsed(value) if key in _MEASURED else value for key, value in (attributes or {}).items()}


def _span_dict(span: ReadableSpan) -> dict[str, Any]:
    scope = span.instrumentation_scope
    return {
        "name": span.name,
        "kind": span.kind.name,
        "trace": span.context.trace_id,
        "id": span.context.span_id,
        "parent": span.parent.span_id if span.parent is not None else None,
        "status": span.status.status_code.name,
        "description": span.status.description,
        "attributes": _attributes(span.attributes),
        "events": [{"name": event.name, "attributes": dict(event.attributes or {})} for event in span.events],
        "links": [(link.context.trace_id, link.context.span_id) for link in span.links],
        "scope": scope.name if scope is not None else None,
        "schema_url": scope.schema_url if scope is not None else None,
    }


def _point_dict(point: Any, unit: str) -> dict[str, Any]:
    attributes = dict(point.attributes or {})
    if isinstance(point, NumberDataPoint):
        return {"attributes": attributes, "value": point.value}
    total = _elapsed(float(point.sum)) if unit == "s" else point.sum
    found = {"attributes": attributes, "count": point.count, "sum": total}
    return {**found, "bounds": tuple(point.explicit_bounds)} if isinstance(point, HistogramDataPoint) else found
