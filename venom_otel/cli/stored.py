"""What `up` says of itself on its way into its own store: the same bytes that an OTLP exporter would send to a receiver."""

from __future__ import annotations

import logging
import time
from concurrent.futures import TimeoutError as TooLate
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics

from venom_otel.errors import StoreError
from venom_otel.instrumentation.sdk import environment
from venom_otel.instrumentation.sdk.lanes import LaneReader, MetricLane
from venom_otel.instrumentation.sdk.outlet import Outlet
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from venom_otel.store.protocol import TelemetryStore

END_S: Final = 0.4
"""The most that the last delivery may take when the program ends."""
_AGAIN_S: Final = 1.0
_STORE_S: Final = 5.0
_COLLECT_MS: Final = 5_000.0

logger: Final = logging.getLogger("venom_otel")


class StoreOutlet(Outlet):
    """Hands batches to a store, as an OTLP exporter hands them to a receiver. Where they cannot be stored, the store itself says so.

    Args:
        store: another's to close.
        signal: what the batches are.
        encode: makes OTLP's request of a batch.
    """

    def __init__(self, store: TelemetryStore, signal: Signal, encode: Callable[[Any], Any]) -> None:
        super().__init__(None, None, f"the store's {signal}")
        self._store = store
        self._signal = signal
        self._encode = encode
        self._again_s = 0.0

    @property
    def logger(self) -> str:
        """Nobody else's: what is said here is said by our own."""
        return f"{logger.name}.stored"

    def is_open(self, *, urgent: bool) -> bool:  # noqa: ARG002 - a store that refuses, refuses whoever waits as well
        """Whether the store took the last batch, or is worth asking again."""
        return time.monotonic() >= self._again_s

    def send(self, batch: Any) -> bool:
        """Wait until a batch is stored; whether it was."""
        try:
            self._store.write(self._signal, self._encode(batch).SerializeToString()).result(_STORE_S)
        except (StoreError, TooLate) as error:
            self._again_s = time.monotonic() + _AGAIN_S
            logger.debug("%s of our own are not stored yet: %s", self._signal, error or "the disk takes its time")
            return False
        self._again_s = 0.0
        return True

    def close(self) -> None:
        """The store is another's to close."""


class MetricsToStore:
    """Metrics on their way into a store.

    Args:
        name: of the thread that delivers them.
        store: where they go.
        interval_s: seconds between two points of a series, unless ``OTEL_METRIC_EXPORT_INTERVAL`` says otherwise.
    """

    def __init__(self, name: str, store: TelemetryStore, interval_s: float) -> None:
        self.reader = LaneReader(_Preferred())
        """For the provider."""
        outlet = StoreOutlet(store, Signal.METRICS, encode_metrics)
        self.lane = MetricLane(name, outlet, self.reader, environment.metric_interval_s(interval_s), _COLLECT_MS)


class _Preferred:
    """Sums that only grow, and histograms of the given buckets: OTLP's own default."""

    _preferred_temporality: Final[dict[type, Any]] = {}
    _preferred_aggregation: Final[dict[type, Any]] = {}
