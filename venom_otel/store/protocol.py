"""What a telemetry store does for the rest of the program, whatever lies behind it.

Writing belongs to the receiver; a store that others feed (Tempo, Prometheus) refuses it. Reading is asynchronous, since a store may be
a server; the embedded one reads in a worker thread. Times are integers in nanoseconds since the epoch, as OTLP has them; durations
too. Identifiers are lower-case hexadecimal, 32 digits for a trace and 16 for a span.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, Generic, NamedTuple, Protocol, TypeVar

from venom_otel.store.generation import generated

if TYPE_CHECKING:
    from concurrent.futures import Future

    from venom_otel.store.distribution import Distribution
    from venom_otel.store.generation import Generation

T = TypeVar("T")

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


class Spans(list[Span]):
    """The spans of a trace, by start time."""

    __slots__ = ("missing",)

    def __init__(self, spans: Iterable[Span] = (), *, missing: str | None = None) -> None:
        super().__init__(spans)
        self.missing: Final = missing
        """What is left out, why, and what to do about it, in words; None where it is all that is stored."""


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
    fallback: bool | None = None
    """Of an attempt of a routed call: whether it was in the place of a server that should have answered; None where it was not routed."""
    queue_ns: int | None = None
    """What the runtime told of its time: how long the request waited, how long the model took to load, the prompt to be read and the answer
    to be written. None, here and below, where it did not tell."""
    load_ns: int | None = None
    prompt_ns: int | None = None
    generation_ns: int | None = None
    cold_start: bool | None = None
    """Whether the runtime loaded the model for this request; None where it did not tell."""
    gave_way: bool | None = None
    """Of an attempt of a routed call: whether it failed and another server was asked after it; None where it was not routed."""

    @property
    def request_id(self) -> str:
        """`{trace_id}-{span_id}`."""
        return f"{self.trace_id}-{self.span_id}"

    @property
    def speed(self) -> float | None:
        """Tokens per second while they were written, see `store.generation`; None where that is not known."""
        first_chunk_ns = -1 if self.first_chunk_ns is None else self.first_chunk_ns
        return generated(self.output_tokens or 0, self.duration_ns, first_chunk_ns, self.generation_ns or 0).speed


@dataclass(frozen=True, slots=True)
class RequestFilter:
    """Which requests; every field that is set must hold. Of several names or statuses any one will do."""

    provider: str | tuple[str, ...] | None = None
    model: str | tuple[str, ...] | None = None
    endpoint: str | tuple[str, ...] | None = None
    service: str | tuple[str, ...] | None = None
    status: RequestStatus | tuple[RequestStatus, ...] | None = None
    error_kind: str | tuple[str, ...] | None = None
    fallback: bool | None = None
    """Attempts of routed calls: True for those in the place of a server that should have answered, False for the others."""
    since_ns: int | None = None
    until_ns: int | None = None
    after: int | None = None
    """Only arrivals later than this sequence number; the result is then oldest first."""
    before: int | None = None
    """Only arrivals earlier than this sequence number; the result is newest first."""


@dataclass(frozen=True, slots=True)
class Search:
    """What a span must hold besides what `RequestFilter` asks: both parts, where both are given."""

    text: str = ""
    """Stands somewhere in the span: in its name, its status message, an attribute's or event's name or value, its resource; upper and lower
    case are one."""
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the span or its resource, by name, each with its value as text (`true`, `404`, `0.5`)."""


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One page of a search, which looks at no more than a bounded part of the store at once."""

    items: Sequence[T]
    reached: int | None
    """Everything from the cursor to this sequence number was looked at; go on from there. None: nothing is left to look at."""


class Dimension(StrEnum):
    """By what requests are gathered; the values are names of fields of `RequestSummary`, whose flags are `true` or `false` here."""

    PROVIDER = "provider"
    MODEL = "model"
    ENDPOINT = "endpoint"
    SERVICE = "service"
    STATUS = "status"
    ERROR_KIND = "error_kind"
    RESPONSE_MODEL = "response_model"
    FALLBACK = "fallback"
    COLD_START = "cold_start"
    GAVE_WAY = "gave_way"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """The requests of one group that started within one step of time."""

    group: Mapping[Dimension, str | None]
    start_ns: int
    requests: int
    input_tokens: int
    output_tokens: int
    duration: Distribution
    """Of all of them."""
    first_chunk: Distribution
    """Of those streams that brought a first chunk."""
    generation: Generation
    """Of all of them whose writing is known."""


class MetricKind(StrEnum):
    """OTLP's kinds of metric."""

    GAUGE = "gauge"
    SUM = "sum"
    HISTOGRAM = "histogram"
    EXPONENTIAL_HISTOGRAM = "exponential_histogram"
    SUMMARY = "summary"


@dataclass(frozen=True, slots=True)
class MetricFilter:
    """Which series; every field that is set must hold."""

    id: int | None = None
    name: str | None = None
    service: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)
    """Attributes of the point, by name, each with its value as text."""
    since_ns: int | None = None
    """Only series that have a point at or after it."""


@dataclass(frozen=True, slots=True)
class MetricSeries:
    """One stream of points: a metric of one sender with one set of attributes."""

    id: int
    name: str
    kind: MetricKind
    unit: str
    description: str
    temporality: str | None
    """`cumulative` or `delta`; None for gauges and summaries."""
    monotonic: bool | None
    """Whether a sum only grows; None for other kinds."""
    service: str | None
    scope: str
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]
    last_ns: int
    """Time of its newest point."""


@dataclass(frozen=True, slots=True)
class MetricPoint:
    """One data point; which fields are set depends on the series' kind."""

    time_ns: int
    start_ns: int | None
    """When a cumulative or delta value began to be counted; None where the sender did not say."""
    value: float | None
    """Of a gauge or a sum."""
    count: int | None
    sum: float | None
    min: float | None
    max: float | None
    buckets: Sequence[tuple[float, int]]
    """Upper bounds, the last one infinite, each with its count of values, not cumulated: of both kinds of histogram."""
    quantiles: Sequence[tuple[float, float]]
    """Of a summary: quantile from 0 to 1, value."""


@dataclass(frozen=True, slots=True)
class LogFilter:
    """Which log records; every field that is set must hold."""

    service: str | None = None
    severity: int | None = None
    """OTLP's severity number, 1 to 24, or higher."""
    trace_id: str | None = None
    span_id: str | None = None
    text: str = ""
    """Stands somewhere in the record: body, attributes, event name, resource; upper and lower case are one."""
    since_ns: int | None = None
    until_ns: int | None = None
    after: int | None = None
    """As in `RequestFilter`."""
    before: int | None = None
    """As in `RequestFilter`."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A stored log record, whole."""

    sequence: int
    """Order of arrival among log records; a cursor."""
    time_ns: int
    """When it happened; where the sender did not say, when it was observed, else when it arrived."""
    severity: int
    """OTLP's severity number, 0 where the sender did not say."""
    severity_text: str
    event_name: str
    body: AttributeValue
    trace_id: str | None
    span_id: str | None
    service: str | None
    scope: str
    attributes: Mapping[str, AttributeValue]
    resource: Mapping[str, AttributeValue]


@dataclass(frozen=True, slots=True)
class Usage:
    """What the store holds and needs."""

    items: Mapping[Signal, int]
    """Spans, data points and log records."""
    requests: int
    size_bytes: int
    """On the disk."""
    oldest_ns: int | None
    """Arrival of the oldest of it; None where it is empty."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was deleted on request."""

    items: Mapping[Signal, int]
    requests: int
    freed_bytes: int
    """That went back to the disk."""


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one export request."""

    items: int
    """Spans, data points or log records that are now durable; 0 for a request that was already here."""
    rejected: int = 0
    """Items that can never be found again, since they have no usable identifier; OTLP's partial success."""
    reason: str = ""
    """In words, where something was rejected."""


class Past(NamedTuple):
    """How far back others are asked for what is older than the telemetry here, in nanoseconds; 0 where nobody is."""

    requests_ns: int = 0
    figures_ns: int = 0


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

    @property
    def past(self) -> Past:
        """How far back others are asked, as the settings say."""
        ...

    @property
    def missing(self) -> str | None:
        """What lists and searches leave out at the moment, and why, in words; None where it is nothing."""
        ...

    async def uncounted(self, since_ns: int) -> str | None:
        """What figures since that time leave out at the moment, and why, in words; None where it is nothing."""
        ...

    async def requests(self, which: RequestFilter, limit: int) -> Sequence[RequestSummary]:
        """The newest matching requests, newest first; with `which.after` the oldest after it, oldest first."""
        ...

    async def request(self, trace_id: str, span_id: str) -> RequestSummary | None:
        """One request, or None where the store has none of that id."""
        ...

    async def search(self, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
        """As `requests`, for those whose span also holds what `query` says. Looks at the spans themselves, a bounded number at once."""
        ...

    async def aggregates(self, which: RequestFilter, *, by: Sequence[Dimension] = (), step_ns: int | None = None) -> Sequence[Aggregate]:
        """How many requests, how long they took and what they used, by group and step of time; groups without requests are left out.

        Args:
            which: which requests; its cursors are not asked. Its times are widened to whole minutes, for ranges of more than a day to whole
                hours.
            by: what tells groups apart; nothing for one group of all.
            step_ns: width of a step, whole minutes; steps start at multiples of it since the epoch. None for one step over the whole
                range.
        """
        ...

    async def trace(self, trace_id: str) -> Spans:
        """Every stored span of a trace, by start time; empty where the store has none."""
        ...

    async def logs(self, which: LogFilter, limit: int) -> Found[LogRecord]:
        """The newest matching log records, newest first; with `which.after` the oldest after it, oldest first."""
        ...

    async def metric_series(self, which: MetricFilter, limit: int) -> Sequence[MetricSeries]:
        """Matching series by name, then service, then attributes."""
        ...

    async def metric_points(self, series: int, since_ns: int, until_ns: int, limit: int) -> Sequence[MetricPoint]:
        """The points of one series within a range, by time: where there are more than `limit`, the newest of them."""
        ...

    async def usage(self) -> Usage:
        """What the store holds, from counters; cheap at any size."""
        ...

    async def purge(self, before_ns: int | None) -> Purged:
        """Delete what arrived before a time, or all that is there; arrivals meanwhile are kept, and nobody waits for them long.

        Raises:
            StoreError: it cannot be deleted, or is another's to delete.
        """
        ...

    def close(self) -> None:
        """Finish what is being written and release the store; calling it twice does no harm."""
        ...
