"""What the history API says, and how it is made from what the services know.

Times are ISO 8601 in UTC, durations seconds.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from venom_otel import semconv
from venom_otel.services.severities import severity_word
from venom_otel.services.timing import Part, of_list, of_request
from venom_otel.store.protocol import RequestStatus  # noqa: TC001 - pydantic reads the annotations

if TYPE_CHECKING:
    from venom_otel.services import traces as services
    from venom_otel.services.history import RequestDetail, RequestPage
    from venom_otel.services.timing import Timing as Cut
    from venom_otel.services.traces import Step
    from venom_otel.store.protocol import AttributeValue, LogRecord, RequestSummary, SpanEvent

_NS: Final = 1_000_000_000
_KINDS: Final = ("unspecified", "internal", "server", "client", "producer", "consumer")
_STATUSES: Final = ("unset", "ok", "error")
SPEED: Final = (
    "Tokens per second while they were written: those after the first, over the time from the first to the last, by the runtime's word "
    "where it tells, else from a stream's first chunk to its end."
)

_REQUEST_ID: Final = "5b8efff798038103d269b633813fc60c-eee19b7ec3c1b174"
# A stream that broke: of all requests the one that has a value for every field (nulls are left out of OpenAPI examples).
_ERROR: Final = {"kind": "broken_stream", "code": "RemoteProtocolError", "words": "peer closed connection within the message"}
REQUEST_EXAMPLE: Final[dict[str, Any]] = {
    "request_id": _REQUEST_ID,
    "cursor": 1207,
    "status": "FAILED",
    "service": "chat-api",
    "llm_provider": "vllm",
    "llm_model": "Qwen/Qwen2.5-7B-Instruct",
    "llm_response_model": "Qwen/Qwen2.5-7B-Instruct",
    "llm_endpoint": "http://gpu:8000/v1",
    "created_at": "2026-11-22T21:04:05.123456Z",
    "finished_at": "2026-11-22T21:04:07.223456Z",
    "duration_seconds": 2.1,
    "first_token": 0.31,
    "streaming": True,
    "usage": {"input_tokens": 212, "output_tokens": 35},
    "speed": 18.994,
    "error": _ERROR,
    "fallback": False,
    "timing": {
        "parts": {"until_first_token": 0.31, "generation": 1.79},
        "unknown": "vLLM tells what it did of a single request in spans of its own alone (--otlp-traces-endpoint): until the first token "
        "it may have waited, loaded the model and read the prompt.",
        "tries": 1,
    },
}

TRACE_ID_EXAMPLE: Final = _REQUEST_ID.partition("-")[0]
LOG_EXAMPLE: Final[dict[str, Any]] = {
    "at": "2026-11-22T21:04:07.223401Z",
    "severity": "WARN",
    "severity_number": 13,
    "event_name": semconv.EVENT_OPERATION_EXCEPTION,
    "body": _ERROR["words"],
    "span_id": _REQUEST_ID.partition("-")[2],
    "service": "chat-api",
    "scope": "venom_otel",
    "attributes": {semconv.LLM_PROVIDER: "vllm", semconv.ERROR_TYPE: _ERROR["code"]},
    "resource": {semconv.SERVICE_NAME: "chat-api"},
}
_SPAN: Final[dict[str, Any]] = {
    "trace_id": _REQUEST_ID.partition("-")[0],
    "span_id": _REQUEST_ID.partition("-")[2],
    "parent_span_id": "eee19b7ec3c1b173",
    "name": "chat Qwen/Qwen2.5-7B-Instruct",
    "kind": "client",
    "service": "chat-api",
    "scope": "venom_otel",
    "started_at": REQUEST_EXAMPLE["created_at"],
    "finished_at": REQUEST_EXAMPLE["finished_at"],
    "duration_seconds": REQUEST_EXAMPLE["duration_seconds"],
    "status": "error",
    "status_message": _ERROR["words"],
    "attributes": {semconv.LLM_PROVIDER: "vllm", semconv.ERROR_TYPE: _ERROR["code"]},
    "resource": {semconv.SERVICE_NAME: "chat-api"},
    "events": [],
    "logs": [LOG_EXAMPLE],
    "steps": [],
}

_MISSING: Final = (
    "Only a part of this trace is shown. Tempo at http://localhost:3200 says: Trace exceeds maximum size of 5000000 bytes, a partial trace "
    "is returned. Raise `max_bytes_per_trace` in Tempo's `overrides` for larger ones."
)


class Usage(BaseModel):
    """Tokens, as the server counted them; null where it did not."""

    input_tokens: int | None
    output_tokens: int | None


class RequestError(BaseModel):
    """Why a request failed."""

    kind: str | None = Field(description="The failure told apart by the reply's words, see the documentation's error kinds.")
    code: str | None = Field(description="The HTTP status, `timeout`, `connection_error`, or the class of the true cause.")
    words: str | None = Field(description="The server's or the client's own words.")


class Timing(BaseModel):
    """What a request's time went into."""

    parts: dict[Part, float] = Field(
        description="Seconds, together the duration; what took none is left out. `queue`, `load` and `prompt` by the runtime's word; "
        "`generation` by its word too, else from a stream's first piece to its end; `until_first_token` is all before it where the runtime "
        "tells of none; `resent` are earlier tries of the application's client; `other` is the network and the application."
    )
    unknown: str | None = Field(description="Which part nobody told and why, in words; null where all is known.")
    tries: int | None = Field(
        description="How often the application's client sent it; null in the list, which does not look, and where its HTTP calls were not "
        "recorded."
    )


class Request(BaseModel):
    """One request to a model."""

    model_config = ConfigDict(json_schema_extra={"example": REQUEST_EXAMPLE})

    request_id: str = Field(description="`{trace_id}-{span_id}`.")
    cursor: int = Field(description="Order of arrival; what `before` and `after` take. Negative, in order of time, for what Tempo keeps.")
    status: RequestStatus
    service: str | None = Field(description="`service.name` of the application that asked.")
    llm_provider: str | None = Field(description="Who really answered.")
    llm_model: str | None = Field(description="The model asked for.")
    llm_response_model: str | None = Field(description="The model that answered, by the reply's own word.")
    llm_endpoint: str | None
    created_at: datetime
    finished_at: datetime
    duration_seconds: float
    first_token: float | None = Field(description="Seconds from the call to the first chunk of a stream.")
    streaming: bool
    usage: Usage | None
    speed: float | None = Field(description=f"{SPEED} Null where that is not known.")
    error: RequestError | None
    fallback: bool | None = Field(
        description="Of an attempt of a routed call: whether it was in the place of a server that should have answered; null where it was "
        "not routed."
    )
    timing: Timing


class Requests(BaseModel):
    """One page of the list."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "items": [REQUEST_EXAMPLE],
                "older": 1207,
                "newer": 1207,
                "missing": "What is older than the telemetry here is missing: Tempo at http://localhost:3200 answers 503.",
            }
        }
    )

    items: list[Request]
    older: int | None = Field(
        description="Pass as `before` for the next older page; null where there is none. With `text` or `attribute` a page may have few "
        "items or none and still an older one: so far was looked."
    )
    newer: int = Field(description="Of a page asked for without `before`: pass as `after` for what has arrived since.")
    missing: str | None = Field(
        None,
        description="What the page leaves out and why, where older requests are in a Tempo that cannot be asked; null for nothing.",
    )


class Event(BaseModel):
    """An event of a span."""

    name: str
    at: datetime
    attributes: dict[str, Any]


class Log(BaseModel):
    """A log record."""

    model_config = ConfigDict(json_schema_extra={"example": LOG_EXAMPLE})

    at: datetime
    severity: str = Field(description="TRACE, DEBUG, INFO, WARN, ERROR or FATAL; the sender's own word where it gave no number.")
    severity_number: int = Field(description="OTLP's number, 1 to 24; 0 where the sender did not say.")
    event_name: str
    body: Any
    span_id: str | None
    service: str | None
    scope: str = Field(description="The logger.")
    attributes: dict[str, Any]
    resource: dict[str, Any]


class Span(BaseModel):
    """A span, what was logged inside it, and the spans it caused."""

    trace_id: str
    span_id: str
    parent_span_id: str | None
    name: str
    kind: str = Field(description="internal, server, client, producer, consumer or unspecified.")
    service: str | None
    scope: str = Field(description="The instrumentation that made it.")
    started_at: datetime
    finished_at: datetime
    duration_seconds: float
    status: str = Field(description="ok, error or unset.")
    status_message: str
    attributes: dict[str, Any]
    resource: dict[str, Any]
    events: list[Event]
    logs: list[Log]
    steps: list[Span]


class RequestWithSteps(Request):
    """One request with what happened inside it."""

    model_config = ConfigDict(json_schema_extra={"example": REQUEST_EXAMPLE | {"steps": [_SPAN], "missing": _MISSING}})

    steps: list[Span] = Field(description="The request's span, its HTTP calls and whatever else ran inside it, as a tree.")
    missing: str | None = Field(description="What `steps` leave out of the trace, and why, in words; null where they are all of it.")


class Trace(BaseModel):
    """Everything that is stored of a trace."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"trace_id": _SPAN["trace_id"], "steps": [_SPAN], "logs": [], "missing": _MISSING}}
    )

    trace_id: str
    steps: list[Span] = Field(description="As trees: more than one where parents were never sent or have not arrived.")
    logs: list[Log] = Field(description="Log records that name no span of it that is stored.")
    missing: str | None = Field(description="What is left out, and why, in words; null where it is whole.")


def requests(page: RequestPage) -> Requests:
    """A page of the list."""
    return Requests(items=[listed(item) for item in page.items], older=page.older, newer=page.newer, missing=page.missing)


def listed(summary: RequestSummary) -> Request:
    """One request of the list."""
    return Request(**_fields(summary, of_list(summary)))


def request(detail: RequestDetail) -> RequestWithSteps:
    """A request with its steps."""
    fields = _fields(detail.summary, of_request(detail.summary, detail.steps))
    return RequestWithSteps(**fields, steps=spans(detail.steps), missing=detail.trace.missing)


def trace(trace_id: str, found: services.Trace) -> Trace:
    """A whole trace."""
    return Trace(trace_id=trace_id, steps=spans(found.steps), logs=[log(record) for record in found.logs], missing=found.missing)


def spans(steps: Sequence[Step]) -> list[Span]:
    """Trees of spans."""
    return [
        Span(
            trace_id=step.span.trace_id,
            span_id=step.span.span_id,
            parent_span_id=step.span.parent_span_id,
            name=step.span.name,
            kind=_word(_KINDS, step.span.kind),
            service=step.span.service,
            scope=step.span.scope,
            started_at=utc(step.span.start_ns),
            finished_at=utc(max(step.span.end_ns, step.span.start_ns)),
            duration_seconds=max(step.span.end_ns - step.span.start_ns, 0) / _NS,
            status=_word(_STATUSES, step.span.status_code),
            status_message=step.span.status_message,
            attributes=plain(step.span.attributes),
            resource=plain(step.span.resource),
            events=[_event(event) for event in step.span.events],
            logs=[log(record) for record in step.logs],
            steps=spans(step.children),
        )
        for step in steps
    ]


def _fields(summary: RequestSummary, cut: Cut) -> dict[str, Any]:
    has_usage = summary.input_tokens is not None or summary.output_tokens is not None
    has_error = summary.error_kind or summary.error_type or summary.error_message
    return {
        "request_id": summary.request_id,
        "cursor": summary.sequence,
        "status": summary.status,
        "service": summary.service,
        "llm_provider": summary.provider,
        "llm_model": summary.model,
        "llm_response_model": summary.response_model,
        "llm_endpoint": summary.endpoint,
        "created_at": utc(summary.start_ns),
        "finished_at": utc(summary.start_ns + summary.duration_ns),
        "duration_seconds": summary.duration_ns / _NS,
        "first_token": None if summary.first_chunk_ns is None else summary.first_chunk_ns / _NS,
        "streaming": summary.streaming,
        "usage": Usage(input_tokens=summary.input_tokens, output_tokens=summary.output_tokens) if has_usage else None,
        "speed": rounded(summary.speed, 3),
        "error": RequestError(kind=summary.error_kind, code=summary.error_type, words=summary.error_message) if has_error else None,
        "fallback": summary.fallback,
        "timing": Timing(parts={part: ns / _NS for part, ns in cut.parts.items()}, unknown=cut.unknown or None, tries=cut.tries or None),
    }


def rounded(number: float | None, digits: int) -> float | None:
    """A number with so many digits behind the point, where there is one."""
    return None if number is None else round(number, digits)


def log(record: LogRecord) -> Log:
    """A log record."""
    return Log(
        at=utc(record.time_ns),
        severity=severity_word(record.severity) or record.severity_text,
        severity_number=record.severity,
        event_name=record.event_name,
        body=plain(record.body),
        span_id=record.span_id,
        service=record.service,
        scope=record.scope,
        attributes=plain(record.attributes),
        resource=plain(record.resource),
    )


def _event(event: SpanEvent) -> Event:
    return Event(name=event.name, at=utc(event.time_ns), attributes=plain(event.attributes))


def utc(ns: int) -> datetime:
    """Down to microseconds, all that a datetime holds; rounding would make a float of it first."""
    return datetime.fromtimestamp(ns // _NS, UTC).replace(microsecond=ns % _NS // 1_000)


def _word(words: Sequence[str], number: int) -> str:
    return words[number] if 0 <= number < len(words) else str(number)


def plain(value: AttributeValue) -> Any:
    """An attribute's value as JSON has it: bytes in base64."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(item) for item in value]
    return value
