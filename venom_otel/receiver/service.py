"""The ingest service: takes export requests from any protocol and says, in OTLP's words, what became of each."""

from __future__ import annotations

import asyncio
import logging
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from google.rpc import code_pb2

from venom_otel.errors import PayloadError, StoreBusyError, StoreError
from venom_otel.receiver.returning import without
from venom_otel.store.protocol import Written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.settings import CockpitSettings
    from venom_otel.store.protocol import Signal, TelemetryStore

_logger: Final = logging.getLogger(__name__)

BUSY_RETRY_S: Final = 1
BROKEN_RETRY_S: Final = 2


class Refusal(NamedTuple):
    """Why a request is not stored; `code` is a google.rpc.Code, as gRPC and the status body of OTLP/HTTP have it."""

    code: int
    words: str
    retry_after_s: int | None
    """Seconds after which trying again may help; None where it cannot."""


class TooLargeError(PayloadError):
    """A request larger than is accepted."""


class IngestService:
    """One for all protocols, over one store.

    Args:
        store: what keeps the requests.
        max_body_bytes: the largest request, unpacked.
        max_flight_bytes: most bytes of requests that may be on their way in at once, packed and unpacked.
        own: the `service.instance.id` of what is stored without coming this way; where it does come, it is taken and not stored again.
            Empty for none.
    """

    def __init__(self, store: TelemetryStore, *, max_body_bytes: int, max_flight_bytes: int, own: str = "") -> None:
        self.max_body_bytes = max_body_bytes
        self._store = store
        self._own = own
        self._max_flight_bytes = max_flight_bytes
        self._flight_bytes = 0
        self._lock = threading.Lock()

    @classmethod
    def from_settings(cls, store: TelemetryStore, settings: CockpitSettings, *, own: str = "") -> IngestService:
        """With the limits that the settings name."""
        return cls(store, max_body_bytes=settings.max_body_bytes, max_flight_bytes=settings.max_queue_bytes, own=own)

    async def accept(self, signal: Signal, request: bytes) -> Written:
        """Store one serialized export request; when this returns, it is durable.

        Raises:
            VenomError: it was not stored; `refusal` says what to answer.
        """
        others = without(self._own, signal, request) if self._own else request
        return await asyncio.wrap_future(self._store.write(signal, others)) if others is not None else Written(0, 0, "")

    @contextmanager
    def flight(self) -> Iterator[Flight]:
        """Account for what one request holds in memory, from its first byte to its answer."""
        flight = Flight(self)
        try:
            yield flight
        finally:
            with self._lock:
                self._flight_bytes -= flight.size

    def admit(self, flight: Flight, size: int) -> None:
        """Let `size` more bytes of a request in, from any thread; a request alone always is.

        Raises:
            StoreBusyError: too much is on its way already.
        """
        with self._lock:
            others = self._flight_bytes - flight.size
            if others and self._flight_bytes + size > self._max_flight_bytes:
                raise StoreBusyError(f"{self._flight_bytes} bytes are already on their way in; try again in a moment")
            flight.size += size
            self._flight_bytes += size


class Flight:
    """What one request holds in memory."""

    def __init__(self, service: IngestService) -> None:
        self.size = 0
        self._service = service

    def admit(self, size: int) -> None:
        """See `IngestService.admit`."""
        self._service.admit(self, size)


def refusal(error: Exception) -> Refusal:
    """What to answer to a request that was not stored; a mistake of ours is logged.

    Everything that may pass is UNAVAILABLE, which every exporter retries; exporters before 2026 drop what is answered 429, and over gRPC
    every exporter drops RESOURCE_EXHAUSTED where no RetryInfo comes with it.
    """
    match error:
        case PayloadError():
            return Refusal(code_pb2.INVALID_ARGUMENT, str(error), None)
        case StoreBusyError():
            return Refusal(code_pb2.UNAVAILABLE, str(error), BUSY_RETRY_S)
        case StoreError():
            return Refusal(code_pb2.UNAVAILABLE, str(error), BROKEN_RETRY_S)
    _logger.error("a request could not be taken", exc_info=error)
    return Refusal(code_pb2.INTERNAL, "venom-otel failed at this request; its log says why", None)
