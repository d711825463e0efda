"""One OTLP export request into what the store keeps of it besides its bytes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from venom_otel import semconv
from venom_otel.errors import PayloadError
from venom_otel.store.embedded.memo import Facts, Judgements, ServiceNames, StatusCodes
from venom_otel.store.embedded.meters import Meters
from venom_otel.store.embedded.places import MAX_PLACES
from venom_otel.store.embedded.records import LogKind, RecordRow
from venom_otel.store.embedded.wire import attribute_value, parse_slim
from venom_otel.store.mapping import MAX_INT64, TIMINGS
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from venom_otel.store.embedded.memo import Judgement
    from venom_otel.store.embedded.points import PointRow
    from venom_otel.store.embedded.streams import Stream, StreamBook
    from venom_otel.store.embedded.wire import SlimSpan

TRACE_ID_BYTES: Final = 16
SPAN_ID_BYTES: Final = 8
DIGEST_BYTES: Final = 16
MAX_MESSAGE: Final = 2_000
"""Characters of an error message that the list keeps; the span itself keeps all."""

_NO_TRACE: Final = bytes(TRACE_ID_BYTES)
_NO_SPAN: Final = bytes(SPAN_ID_BYTES)
_NO_IDENTIFIER: Final = "spans without a trace id of 16 bytes and a span id of 8 bytes, not all zero, cannot be found again"


RequestRow = tuple[int, int, "Judgement", int, int, int, str, str, bytes, bytes, tuple[int, ...]]
"""A request to a model, ready to be stored: start, duration, judgement, time to the first chunk, input tokens, output tokens, the error's
type and words, trace id and span id, and the runtime's own times in the order of `mapping.TIMINGS`. Times are nanoseconds; a number that
was not said is -1, a text ""."""

_NO_TIMINGS: Final = (-1,) * len(TIMINGS)


@dataclass(slots=True)
class Decoded:
    """One export request, taken apart."""

    signal: Signal
    raw: bytes
    digest: bytes
    """By which the request is recognised when it is sent again."""
    items: int = 0
    rejected: int = 0
    reason: str = ""
    """Why items were rejected, in words; "" where none were."""
    first_ns: int = MAX_INT64
    last_ns: int = 0
    undated: bool = False
    """Whether something inside has no time: its arrival stands for it."""
    requests: list[RequestRow] = field(default_factory=list)
    trace_ids: set[bytes] = field(default_factory=set)
    points: list[PointRow] = field(default_factory=list)
    streams: dict[bytes, Stream] = field(default_factory=dict)
    """Those that the file does not have yet, by digest."""
    records: list[RecordRow] = field(default_factory=list)

    def note(self, time_ns: int) -> None:
        """Count an item of this time, 0 for none."""
        self.items += 1
        if time_ns:
            self.first_ns = min(self.first_ns, time_ns)
            self.last_ns = max(self.last_ns, time_ns)
        else:
            self.undated = True

    def times(self, arrived_ns: int) -> tuple[int, int]:
        """The earliest and the latest time that anything inside speaks of."""
        if self.undated:
            return min(self.first_ns, arrived_ns), max(self.last_ns, arrived_ns)
        return self.first_ns, self.last_ns


class Decoder:
    """Takes requests apart for one thread; remembers attributes from one request to the next.

    Args:
        book: which streams of points the store has, and how many more it takes.
    """

    def __init__(self, book: StreamBook) -> None:
        self._facts = Facts()
        self._status = StatusCodes()
        self._service = ServiceNames()
        self._judgements = Judgements()
        self._meters = Meters(book)

    def decode(self, signal: Signal, raw: bytes) -> Decoded:
        """Take one serialized export request apart.

        Raises:
            PayloadError: the bytes are no such request.
        """
        decoded = Decoded(signal, raw, digest(signal, raw))
        try:
            match signal:
                case Signal.TRACES:
                    self._traces(decoded)
                case Signal.METRICS:
                    self._meters.take(decoded)
                case Signal.LOGS:
                    self._logs(decoded)
        except DecodeError:
            raise PayloadError(f"the body is no OTLP {signal} request: its protobuf cannot be read; sending it again cannot help") from None
        if decoded.items > MAX_PLACES // 2:
            raise PayloadError(f"{decoded.items} items in one {signal} request are more than can be told apart; send smaller batches")
        decoded.first_ns = min(decoded.first_ns, MAX_INT64)
        decoded.last_ns = min(decoded.last_ns, MAX_INT64)
        return decoded

    def _traces(self, decoded: Decoded) -> None:
        # The full parse alone proves that every nested message can be read, now and later from its block.
        ExportTraceServiceRequest.FromString(decoded.raw)
        self._facts.trim()
        fact_of, measures, code_of = self._facts.__getitem__, self._facts.measures, self._status
        known, add = self._judgements.get, decoded.requests.append
        trace_ids: list[bytes] = []
        starts: list[int] = []
        ends: list[int] = []
        for resource in parse_slim(decoded.raw).resources:
            service = self._service[resource.resource]
            for scope in resource.scopes:
                for span in scope.spans:
                    trace_id, span_id, start, end = span.trace_id, span.span_id, span.start, span.end
                    if len(trace_id) != TRACE_ID_BYTES or len(span_id) != SPAN_ID_BYTES or trace_id == _NO_TRACE or span_id == _NO_SPAN:
                        decoded.rejected += 1
                        continue
                    trace_ids.append(trace_id)
                    starts.append(start)
                    ends.append(end)
                    attributes = span.attributes[:]
                    key = service, span.kind, code_of[span.status], tuple(map(fact_of, attributes))
                    judgement = known(key) or self._judgements.judge(key, attributes)
                    if not judgement.is_request:
                        continue
                    if end > MAX_INT64 or end < start:
                        start, end = _bounded(start, end)
                    place, place_of_input, place_of_output = judgement.places
                    first_chunk = -1 if place is None else measures[attributes[place]]
                    input_tokens = -1 if place_of_input is None else measures[attributes[place_of_input]]
                    output_tokens = -1 if place_of_output is None else measures[attributes[place_of_output]]
                    error = words = ""
                    if not judgement.completed:
                        error = "" if judgement.error_place is None else measures[attributes[judgement.error_place]]
                        words = _message(span)
                    told = _NO_TIMINGS
                    if judgement.timing_places:
                        told = tuple(-1 if place is None else measures[attributes[place]] for place in judgement.timing_places)
                    add((start, end - start, judgement, first_chunk, input_tokens, output_tokens, error, words, trace_id, span_id, told))
        decoded.items = len(starts)
        decoded.reason = _NO_IDENTIFIER if decoded.rejected else ""
        decoded.trace_ids.update(trace_ids)
        decoded.first_ns = min(starts, default=MAX_INT64)
        decoded.last_ns = max(max(starts, default=0), max(ends, default=0))

    def _logs(self, decoded: Decoded) -> None:
        services = self._service
        for resource in ExportLogsServiceRequest.FromString(decoded.raw).resource_logs:
            service = services[resource.resource.SerializeToString(deterministic=True)]
            for scope in resource.scope_logs:
                for record in scope.log_records:
                    time_ns = min(record.time_unix_nano or record.observed_time_unix_nano, MAX_INT64)
                    decoded.records.append(RecordRow(time_ns, LogKind(service, record.severity_number)))
                    decoded.note(time_ns)
                    trace_id = record.trace_id
                    if len(trace_id) == TRACE_ID_BYTES and trace_id != _NO_TRACE:
                        decoded.trace_ids.add(trace_id)


def digest(signal: Signal, raw: bytes) -> bytes:
    """By which a request is recognised when it is sent again."""
    hashing = digesting(signal)
    hashing.update(raw)
    return hashing.digest()[:DIGEST_BYTES]


def digesting(signal: Signal) -> hashlib._Hash:
    """The same for a request that comes in parts: `update` for each, then the first `DIGEST_BYTES` of its digest."""
    return hashlib.sha256(signal.encode())


def _bounded(start: int, end: int) -> tuple[int, int]:
    """Start and end within what a column holds; a span that ends before it starts took no time."""
    start = min(start, MAX_INT64)
    return start, min(max(start, end), MAX_INT64)


def _message(span: SlimSpan) -> str:
    """What went wrong in words: the status message, else the last exception event's."""
    message = Status.FromString(span.status).message
    if not message:
        for raw in span.events:
            event = Span.Event.FromString(raw)
            if event.name == semconv.EVENT_EXCEPTION:
                said = (attribute_value(item.value) for item in event.attributes if item.key == semconv.EXCEPTION_MESSAGE)
                message = next((text for text in said if isinstance(text, str)), message)
    return message[:MAX_MESSAGE]
