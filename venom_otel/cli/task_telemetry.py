"""What tasks say of themselves, on its way into the store of `up` and to where `up` sends: the bytes of an application's exporter.

The kernel that answers tasks is instrumented by `venom_otel.instrument()` like anyone else's; it is given these providers. What the disk
refuses waits, in bounded memory, and is tried again.
"""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk.metrics import AlwaysOffExemplarFilter, MeterProvider
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from venom_otel import semconv
from venom_otel.cli.stored import END_S, MetricsToStore, StoreOutlet
from venom_otel.instrumentation.sdk import pylogs
from venom_otel.instrumentation.sdk.attachment import Attachment
from venom_otel.instrumentation.sdk.environment import BatchLimits
from venom_otel.instrumentation.sdk.lanes import BatchLane, LogSwitch, SpanSwitch, flush
from venom_otel.services.tasks.telemetry import TaskRecords, TaskSpans
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.store.protocol import TelemetryStore

_LIMITS: Final = BatchLimits(queue=16_384, batch=512, delay_s=0.2)
"""Who waits for a task looks at the history the moment it has ended."""
INTERVAL_S: Final = 5.0
"""Between two points of a series, unless ``OTEL_METRIC_EXPORT_INTERVAL`` says otherwise."""

_OF_TASKS: Final = (semconv.REQUEST_LOGGER, semconv.TASKS_LOGGER, "venom_otel.routing", "semantic_kernel")
"""Loggers whose records are stored, and not printed by `up` as well: a request that failed is no mistake of the program's."""


class TaskTelemetry:
    """Providers that record into a store. A context manager; what waits is stored when it is left.

    Args:
        store: where everything goes.
        instance: the `service.instance.id` of this process; empty for one of its own.
        sending: what sends the same elsewhere, not started; None for nothing.
    """

    def __init__(self, store: TelemetryStore, *, instance: str = "", sending: Attachment | None = None) -> None:
        own = {semconv.SERVICE_INSTANCE_ID: instance} if instance else {}
        resource = Resource.create({semconv.SERVICE_NAME: semconv.TASKS_SERVICE, **own})
        self._sending = sending or Attachment()
        self._spans: BatchLane[Any] = BatchLane("task-traces", StoreOutlet(store, Signal.TRACES, encode_spans), _LIMITS)
        self._logs: BatchLane[Any] = BatchLane("task-logs", StoreOutlet(store, Signal.LOGS, encode_logs), _LIMITS)
        metrics = MetricsToStore("task-metrics", store, INTERVAL_S)
        self._metrics = metrics.lane
        # What is recorded is not for OTEL_TRACES_SAMPLER and OTEL_SDK_DISABLED to say: they are about what is sent, and this is not.
        self.tracer_provider = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        self.meter_provider = MeterProvider(
            [metrics.reader, *self._sending.readers], resource, AlwaysOffExemplarFilter(), shutdown_on_exit=False
        )
        self.logger_provider = LoggerProvider(resource, shutdown_on_exit=False)
        for provider in (self.tracer_provider, self.meter_provider, self.logger_provider):
            provider._disabled = False  # noqa: SLF001
        spans, records = SpanSwitch(), LogSwitch()
        spans.lanes, records.lanes = (self._spans, *self._sending.spans), (self._logs, *self._sending.logs)
        processors: tuple[SpanProcessor, ...] = (TaskSpans(), spans)
        for processor in processors:
            self.tracer_provider.add_span_processor(processor)
        for of_records in (TaskRecords(), records):
            self.logger_provider.add_log_record_processor(of_records)

    @contextlib.contextmanager
    def recording(self) -> Iterator[None]:
        """Store what is recorded while the context lasts, and what Python's `logging` says within a task."""
        lanes = (self._spans, self._logs, self._metrics)
        for lane in lanes:
            lane.courier.start()
        self._sending.start()
        with _logged_apart():
            pylogs.install(self.logger_provider)
            try:
                yield
            finally:
                pylogs.remove()
                deadline = time.monotonic() + END_S
                flush((*lanes, *self._sending.lanes), deadline)
                for lane in lanes:
                    lane.courier.stop()
                self._sending.end(deadline)
                for lane in lanes:
                    lane.courier.join(deadline)


@contextlib.contextmanager
def _logged_apart() -> Iterator[None]:
    """Make the records of tasks, from INFO on, and keep them out of what the program prints."""
    silent = logging.NullHandler()
    before = [(each := logging.getLogger(name), each.level, each.propagate) for name in _OF_TASKS]
    for each, _, _ in before:
        each.addHandler(silent)
        each.propagate = False
        if each.level == logging.NOTSET:
            each.setLevel(logging.INFO)
    try:
        yield
    finally:
        for each, level, propagate in before:
            each.removeHandler(silent)
            each.propagate = propagate
            each.setLevel(level)
