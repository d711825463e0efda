"""Tempo's replies as spans and requests, the same as the embedded store makes of what was sent."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from google.protobuf.json_format import ParseDict, ParseError
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from venom_otel import semconv
from venom_otel.errors import StoreError
from venom_otel.store.embedded.decode import MAX_MESSAGE
from venom_otel.store.embedded.spans import whole
from venom_otel.store.embedded.wire import attribute_value
from venom_otel.store.mapping import COLD, ERROR_TYPES, HOT, NOT_TOLD, TIMINGS, ending, falls_back, gave_way, is_request, party, text
from venom_otel.store.protocol import RequestStatus, RequestSummary, Span
from venom_otel.store.tempo.cursors import cursor

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from venom_otel.store.mapping import Hot
    from venom_otel.store.protocol import AttributeValue

_KINDS: Final = {"unspecified": 0, "internal": 1, "server": 2, "client": 3, "producer": 4, "consumer": 5}
_NOT_SAID: Final = {"stringValue": "nil"}
"""What a search gives for an attribute that a span lacks and that Tempo keeps in a column of its own, `server.address` for one."""
_PARTIAL: Final = ("PARTIAL", 1)
"""`PartialStatus` of Tempo's protocol, by its name or number."""
LIMIT: Final = "max_bytes_per_trace"
_MAX_WORDS: Final = 300
_STATUS_CODES: Final = {"unset": 0, "ok": 1, "error": 2}


@dataclass(frozen=True, slots=True)
class FoundTrace:
    """A trace in a reply to a search."""

    trace_id: str
    spans: Sequence[FoundSpan]
    certain: bool
    """Whether no attribute came twice: its name in a reply does not say whether the span, its resource or Tempo itself has it."""


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """A span in it, with the attributes that were asked for."""

    trace_id: str
    span_id: str
    start_ns: int
    duration_ns: int
    attributes: Mapping[str, AttributeValue]

    def summary(self) -> RequestSummary | None:
        """What it comes to as a request to a model; None where it is none."""
        said = self.attributes.get
        service, message = said(semconv.SERVICE_NAME), said("statusMessage")
        return summary(
            Span(
                self.trace_id,
                self.span_id,
                parent_span_id=None,
                name="",
                kind=_KINDS.get(str(said("kind")), 0),
                start_ns=self.start_ns,
                end_ns=self.start_ns + self.duration_ns,
                status_code=_STATUS_CODES.get(str(said("status")), 0),
                status_message=message if isinstance(message, str) else "",
                service=service if isinstance(service, str) else None,
                scope="",
                attributes=self.attributes,
                resource={},
            )
        )


def found_traces(reply: Mapping[str, Any]) -> Iterator[FoundTrace]:
    """What `/api/search` found.

    Raises:
        StoreError: the reply is of another form.
    """
    try:
        for trace in reply.get("traces") or ():
            trace_id = str(trace["traceID"]).zfill(32)  # leading zeros are left out
            sets = trace.get("spanSets") or [trace["spanSet"]]
            spans, certain = {}, True
            for span in (span for one in sets for span in one.get("spans", ())):
                span_id = str(span["spanID"]).zfill(16)
                said = [(pair["key"], pair.get("value", {})) for pair in span.get("attributes", ()) if pair.get("value") != _NOT_SAID]
                attributes = {name: _value(value) for name, value in said}
                certain = certain and len(attributes) == len(said)
                start_ns, duration_ns = int(span["startTimeUnixNano"]), int(span.get("durationNanos", 0))
                spans[span_id] = FoundSpan(trace_id, span_id, start_ns, duration_ns, attributes)
            yield FoundTrace(trace_id, list(spans.values()), certain)
    except (KeyError, TypeError, ValueError, AttributeError, ParseError) as error:
        raise StoreError(f"Tempo's reply to a search is of an unknown form ({error!r})") from error


def spans_of(reply: Mapping[str, Any]) -> Sequence[Span]:
    """The spans of a trace that `/api/v2/traces/` gave, by start time; a span that was sent twice is given once.

    Raises:
        StoreError: the reply is of another form.
    """
    try:
        data = ParseDict(reply.get("trace") or {}, TracesData(), ignore_unknown_fields=True)
    except ParseError as error:
        raise StoreError(f"Tempo's reply for a trace is of an unknown form ({error})") from error
    found: dict[str, Span] = {}
    for resource in data.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                one = whole(span, scope.scope, resource.resource)
                found.setdefault(one.span_id, one)
    return sorted(found.values(), key=lambda span: (span.start_ns, span.end_ns))


def missing_of(reply: Mapping[str, Any], name: str) -> str | None:
    """What a reply to `/api/v2/traces/` leaves out, in words; None where it is the whole trace.

    Tempo gives as much of a trace as its limit allows, says `status` PARTIAL, and in `message` what the limit is.
    """
    if reply.get("status") not in _PARTIAL:
        return None
    said = str(reply.get("message") or "it is too large")[:_MAX_WORDS]
    return f"Only a part of this trace is shown. {name} says: {said}. Raise `{LIMIT}` in Tempo's `overrides` for larger ones."


def summary(span: Span) -> RequestSummary | None:
    """What a whole span comes to as a request to a model; None where it is none."""
    read = {name: convert(span.attributes[name]) for name, convert in HOT.items() if name in span.attributes}
    hot: Hot = {name: value for name, value in read.items() if value is not None}
    if not is_request(span.kind, hot):
        return None
    who, how = party(text(span.service) or "", hot), ending(span.status_code, hot)
    failed = how.status is not RequestStatus.COMPLETED
    queue, load, prompt, generation = (hot.get(name) for name in TIMINGS)
    return RequestSummary(
        sequence=cursor(span.start_ns, span.span_id),
        trace_id=span.trace_id,
        span_id=span.span_id,
        service=who.service or None,
        status=how.status,
        provider=who.provider or None,
        model=who.model or None,
        response_model=who.response_model or None,
        endpoint=who.endpoint or None,
        start_ns=span.start_ns,
        duration_ns=max(span.end_ns - span.start_ns, 0),
        first_chunk_ns=hot.get(semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK),
        streaming=who.streaming,
        input_tokens=hot.get(semconv.GEN_AI_USAGE_INPUT_TOKENS),
        output_tokens=hot.get(semconv.GEN_AI_USAGE_OUTPUT_TOKENS),
        error_kind=how.error_kind or None,
        error_type=next((hot[name] for name in ERROR_TYPES if name in hot), None) if failed else None,
        error_message=_message(span) or None if failed else None,
        fallback=falls_back(how),
        queue_ns=queue,
        load_ns=load,
        prompt_ns=prompt,
        generation_ns=generation,
        cold_start=None if how.cold == NOT_TOLD else how.cold == COLD,
        gave_way=gave_way(how),
    )


def _message(span: Span) -> str:
    """What went wrong in words: the status message, else the last exception event's."""
    message = span.status_message
    if not message:
        said = (event.attributes.get(semconv.EXCEPTION_MESSAGE) for event in span.events if event.name == semconv.EVENT_EXCEPTION)
        message = next((words for words in reversed(list(said)) if isinstance(words, str)), "")
    return message[:MAX_MESSAGE]


def _value(value: Mapping[str, Any]) -> AttributeValue:
    return attribute_value(ParseDict(dict(value), AnyValue(), ignore_unknown_fields=True))
