"""Spans, log records and metrics on their way out: what waits, in bounded memory, and how it is handed to an exporter."""

from __future__ import annotations

import collections
import copy
import threading
import time
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from opentelemetry.context import Context as OtelContext
from opentelemetry.sdk._logs import LogRecordProcessor, ReadableLogRecord
from opentelemetry.sdk.metrics.export import MetricReader
from opentelemetry.sdk.trace import SpanProcessor

from venom_otel.instrumentation import guard
from venom_otel.instrumentation.sdk import around
from venom_otel.instrumentation.sdk.courier import Courier

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.sdk._logs import ReadWriteLogRecord
    from opentelemetry.sdk.metrics.export import MetricsData
    from opentelemetry.sdk.trace import ReadableSpan

    from venom_otel.instrumentation.sdk.environment import BatchLimits
    from venom_otel.instrumentation.sdk.outlet import Outlet

Item = TypeVar("Item")

collecting: Final = threading.Lock()
"""Held while metrics are collected, and by whoever forks, so that no child is born with the SDK's own lock held."""


class BatchLane(Generic[Item]):
    """Spans or log records for one exporter. The oldest are lost where more wait than may wait."""

    def __init__(self, name: str, outlet: Outlet, limits: BatchLimits) -> None:
        self.outlet = outlet
        self.courier = Courier(f"venom-otel-{name}", limits.delay_s, self._deliver, (outlet.logger,))
        self._batch = limits.batch
        self._waiting: collections.deque[Item] = collections.deque(maxlen=limits.queue)

    def put(self, item: Item) -> None:
        """Take an item; on the application's path."""
        self._waiting.append(item)
        if len(self._waiting) == self._batch:  # not at each that comes after, for more may wait while nobody listens
            self.courier.wake()

    def _deliver(self, urgent: bool) -> bool:
        while self._waiting:
            if not self.outlet.is_open(urgent=urgent):
                return False
            batch = self._take()
            if not self.outlet.send(batch) and not self.outlet.is_open(urgent=True):
                self._put_back(batch)
                return False
        return True

    def _take(self) -> list[Item]:
        batch: list[Item] = []
        while self._waiting and len(batch) < self._batch:
            batch.append(self._waiting.popleft())
        return batch

    def _put_back(self, batch: list[Item]) -> None:
        """Nobody listens any more: keep what there is room for, the newest first."""
        room = (self._waiting.maxlen or 0) - len(self._waiting)
        self._waiting.extendleft(reversed(batch[max(0, len(batch) - room) :]))


class MetricLane:
    """Metrics for one exporter: collected and exported every so often. Nothing is collected while nobody listens."""

    def __init__(self, name: str, outlet: Outlet, reader: LaneReader, interval_s: float, timeout_ms: float) -> None:
        self.outlet = outlet
        self.courier = Courier(f"venom-otel-{name}", interval_s, self._deliver, (outlet.logger,))
        self._reader = reader
        self._timeout_ms = timeout_ms

    def _deliver(self, urgent: bool) -> bool:
        if not self.outlet.is_open(urgent=urgent):
            return False
        with collecting:
            data = self._reader.read(self._timeout_ms)
        return data is None or self.outlet.send(data)


class LaneReader(MetricReader):
    """A reader that only collects, and only when asked to."""

    def __init__(self, exporter: Any) -> None:
        """`exporter`: whose preferred temporality and aggregation hold; as in the SDK's own reader it is asked for them by these names."""
        super().__init__(exporter._preferred_temporality, exporter._preferred_aggregation)  # noqa: SLF001
        self._data: MetricsData | None = None

    def read(self, timeout_ms: float) -> MetricsData | None:
        """What was recorded; None where nothing was."""
        self._data = None
        self.collect(timeout_ms)
        return self._data

    def _receive_metrics(self, metrics_data: MetricsData, timeout_millis: float = 10_000, **kwargs: Any) -> None:  # noqa: ARG002
        self._data = metrics_data

    def shutdown(self, timeout_millis: float = 30_000, **kwargs: Any) -> None:
        """Do nothing: the lane ends by itself."""


def flush(lanes: Sequence[BatchLane[Any] | MetricLane], deadline: float) -> list[str]:
    """Deliver what there is, in all lanes at once, until `deadline` on the monotonic clock.

    Returns:
        Where something could not be delivered to.
    """
    asked = [(lane, lane.courier.ask()) for lane in lanes]
    return [lane.outlet.where for lane, ticket in asked if not lane.courier.wait(ticket, deadline)]


class SpanSwitch(SpanProcessor):
    """Passes ended spans on to the lanes there are at the moment; a provider's processors cannot be taken away again."""

    lanes: tuple[BatchLane[ReadableSpan], ...] = ()

    def on_end(self, span: ReadableSpan) -> None:
        """Hand a sampled span on."""
        if span.context is not None and span.context.trace_flags.sampled and self.lanes:
            try:
                span = around.without_credentials(span)
            except Exception:
                guard.report("masking credentials in a span")
                return
            for lane in self.lanes:
                lane.put(span)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush; for an application that asks its global provider to."""
        return not flush(self.lanes, time.monotonic() + timeout_millis / 1000)

    def shutdown(self) -> None:
        """Do nothing: who set the provider up ends it."""


class LogSwitch(LogRecordProcessor):
    """The same for log records."""

    lanes: tuple[BatchLane[ReadableLogRecord], ...] = ()

    def on_emit(self, log_record: ReadWriteLogRecord) -> None:
        """Hand a record on, without the context it was made in, which may hold much."""
        if not self.lanes:
            return
        record = copy.copy(log_record.log_record)
        record.context = OtelContext()
        readable = ReadableLogRecord(record, log_record.resource, log_record.instrumentation_scope, log_record.limits)  # type: ignore[arg-type]
        for lane in self.lanes:
            lane.put(readable)

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Flush; for an application that asks its global provider to."""
        return not flush(self.lanes, time.monotonic() + timeout_millis / 1000)

    def shutdown(self) -> None:
        """Do nothing: who set the provider up ends it."""
