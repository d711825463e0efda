"""What a telemetry store does for the rest of the program, whatever lies behind it.

Writing belongs to the receiver; a store that others feed (Tempo, Prometheus) refuses it. Reading is asynchronous, since a store may be
a server; the embedded one reads in a worker thread. Times are integers in nanoseconds since the epoch, as OTLP has them; durations
too. Identifiers are lower-case hexadecimal, 32 digits for a trace and 16 for a span.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from concurrent.futures import Future

AttributeValue = str | bool | int | float | bytes | None | Sequence["AttributeValue"] | Mapping[str, "AttributeValue"]


class Signal(StrEnum):
    """One of OTLP's three kinds of request."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"


class RequestStatus(StrEnum):
    """How a request ended: outcome `ok`, `error`, and `cancelled` or `abandoned`."""

    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class SpanEvent:
    """An event of a span."""

    name: str
    time_ns: int
    attributes: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Span:
    """A stored span, whole: everything the sender said of it."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: int
    """OTLP's SpanKind: 1 internal, 2 server, 3 client, 4 producer, 5 consumer."""
    start_ns: int
    end_ns: int
    status_code: int
    """OTLP's StatusCode: 0 unset, 1 ok, 2 error."""
    status_message: str
    service: str | None
    scope: str
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]
    events: Sequence[SpanEvent] = field(default=())


@dataclass(frozen=True, slots=True)
class RequestSummary:
    """A request as the list shows it: one span that asked a model; `store.mapping` says which spans those are."""

    sequence: int
    """Order of arrival in the store; later is greater. A cursor for `RequestFilter.after` and `before`."""
    trace_id: str
    span_id: str
    service: str | None
    status: RequestStatus
    provider: str | None
    model: str | None
    response_model: str | None
    endpoint: str | None
    start_ns: int
    duration_ns: int
    first_chunk_ns: int | None
    """From the call to the first chunk of a stream; None where it was none or nothing came."""
    streaming: bool
    input_tokens: int | None
    output_tokens: int | None
    error_kind: str | None
    error_type: str | None
    error_message: str | None

    @property
    def request_id(self) -> str:
        """`{trace_id}-{span_id}`."""
        return f"{self.trace_id}-{self.span_id}"


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests; every field that is set must hold."""

    provider: str | None = None
    model: str | None = None
    endpoint: str | None = None
    service: str | None = None
    status: RequestStatus | None = None
    error_kind: str | None = None
    since_ns: int | None = None
    until_ns: int | None = None
    after: int | None = None
    """Only arrivals later than this sequence number; the result is then oldest first."""
    before: int | None = None
    """Only arrivals earlier than this sequence number; the result is newest first."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one export request."""

    items: int
    """Spans, data points or log records that are now durable; 0 for a request that was already here."""
    rejected: int = 0
    """Items that can never be found again, since they have no usable identifier; OTLP's partial success."""
    reason: str = ""
    """In words, where something was rejected."""


class TelemetryStore(Protocol):
    """The contract between the receiver, the services and whatever keeps the telemetry."""

    def write(self, signal: Signal, request: bytes) -> Future[Written]:
        """Take one serialized OTLP export request.

        Returns:
            A future that resolves once the request is durable: what it acknowledged survives `kill -9`.
            It fails with PayloadError (cannot be decoded), StoreFullError, StoreBusyError or StoreError; then nothing was stored.
        """
        ...

    def subscribe(self, listener: Callable[[int], None]) -> Callable[[], None]:
        """Call `listener` with the newest sequence number after each commit that brought spans, from the store's own thread.

        The listener must return at once. The function that comes back ends the subscription; calling it twice does no harm.
        """
        ...

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """The newest matching requests, newest first; with `which.after` the oldest after it, oldest first."""
        ...

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """One request, or None where the store has none of that id."""
        ...

    async def trace(self, trace_id: str) -> Sequence[Span]:
        """Every stored span of a trace, by start time; empty where the store has none."""
        ...

    def close(self) -> None:
        """Finish what is being written and release the store; calling it twice does no harm."""
        ...
