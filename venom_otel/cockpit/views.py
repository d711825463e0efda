"""What the page shows of a request, a span or a trace, as plain data: stored facts in, texts and numbers out, no component here."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from venom_otel import semconv
from venom_otel.cockpit import failures, formats, texts, theme, timings
from venom_otel.services.figures import SECOND
from venom_otel.services.severities import severity_word
from venom_otel.services.timing import of_list
from venom_otel.services.traces import walk
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from venom_otel.services.traces import Step, Trace
    from venom_otel.store.protocol import AttributeValue, LogRecord, RequestSummary, Span

MAX_SPANS: Final = 1000
"""Most rows of one timeline; a browser draws so many in well under a second."""

_ERROR: Final = 2
"""OTLP's StatusCode for a failed span."""

_TRACE_ID: Final = re.compile(r"[0-9a-f]{32}")


def is_trace_id(words: str) -> bool:
    """Whether an address can lead to a trace at all."""
    return _TRACE_ID.fullmatch(words) is not None


def request_row(request: RequestSummary) -> dict[str, Any]:
    """One row of the list, as `assets/request_table.js` takes it."""
    timing = of_list(request)
    return {
        "id": request.request_id,
        "sequence": request.sequence,
        "href": f"/trace/{request.trace_id}?span={request.span_id}",
        "started": request.start_ns // 1_000_000,
        "status": request.status.name.lower(),
        "statusText": texts.STATUS[request.status],
        "provider": request.provider or semconv.PROVIDER_UNKNOWN,
        "mark": theme.provider_mark(request.provider),
        "fallback": bool(request.fallback),
        "model": request.model or request.response_model or texts.UNKNOWN_MODEL,
        "answered": answered_as(request),
        "endpoint": short_endpoint(request.endpoint),
        "service": request.service or "",
        "task": request.service == semconv.TASKS_SERVICE,
        "duration": formats.duration(request.duration_ns),
        "timing": {"bar": timings.thin_bar(timing), "words": timings.in_words(timing)} if timing.divided else None,
        "first": formats.duration(request.first_chunk_ns) if request.first_chunk_ns is not None else "",
        "tokens": tokens(request),
        "error": failure(request),
    }


def answered_as(request: RequestSummary) -> str:
    """The model that answered, where it is not the one asked for; else empty."""
    return request.response_model if request.model and request.response_model and request.response_model != request.model else ""


def tokens(request: RequestSummary) -> str:
    """Tokens read and written; empty where neither is known."""
    if request.input_tokens is None and request.output_tokens is None:
        return ""
    return texts.tokens(formats.count(request.input_tokens), formats.count(request.output_tokens))


def failure(request: RequestSummary) -> str:
    """Why a request failed and who was asked, in one line; empty where it did not fail."""
    if request.status is not RequestStatus.FAILED:
        return ""
    return failures.in_words(request.error_type, request.error_kind, request.error_message, request.provider, request.endpoint)


def short_endpoint(endpoint: str | None) -> str:
    """An endpoint without the scheme: what tells two servers apart in a narrow column."""
    return (endpoint or "").removeprefix("http://").removeprefix("https://")


def spans(steps: Sequence[Step]) -> list[tuple[int, Span]]:
    """Every span of a trace with its depth, parents before children."""
    found: list[tuple[int, Span]] = []
    # Not recursive: a trace may be deeper than Python's stack.
    waiting = [(0, step) for step in reversed(steps)]
    while waiting:
        depth, step = waiting.pop()
        found.append((depth, step.span))
        waiting.extend((depth + 1, child) for child in reversed(step.children))
    return found


def timeline(found: Sequence[tuple[int, Span]]) -> dict[str, Any]:
    """The rows of a timeline and its scale, as `assets/waterfall.js` takes them; positions are per cent of the whole."""
    begin = min(span.start_ns for _, span in found)
    whole = max(max(span.start_ns, span.end_ns) for _, span in found) - begin or 1  # clocks of several machines may disagree
    return {
        "rows": [_bar(depth, span, begin, whole) for depth, span in found[:MAX_SPANS]],
        "ticks": ["0", *(formats.duration(whole * quarter // 4) for quarter in (1, 2, 3, 4))],
    }


def _bar(depth: int, span: Span, begin: int, whole: int) -> dict[str, Any]:
    length = max(span.end_ns - span.start_ns, 0)
    provider = provider_of(span)
    first = span.attributes.get(semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK)
    return {
        "id": span.span_id,
        "depth": depth,
        "name": span.name,
        "provider": provider,
        "mark": theme.provider_mark(provider),
        "failed": failed(span),
        "left": round(100 * (span.start_ns - begin) / whole, 3),
        "width": round(100 * length / whole, 3),
        "first": round(min(100 * first * SECOND / length, 100), 2) if isinstance(first, (int, float)) and length else 0,
        "duration": formats.duration(length),
    }


def log_rows(trace: Trace, begin: int) -> list[dict[str, Any]]:
    """Every log record of a trace by time, as `assets/log_list.js` takes them; `begin` is where the time axis starts."""
    inside = [(record, step.span) for step in walk(trace.steps) for record in step.logs]
    records: list[tuple[LogRecord, Span | None]] = [*inside, *((record, None) for record in trace.logs)]
    records.sort(key=lambda pair: (pair[0].time_ns, pair[0].sequence))
    return [
        {
            "id": record.sequence,
            "at": texts.at_offset(formats.duration(record.time_ns - begin)),
            "severity": severity(record),
            "level": severity_word(record.severity).lower() or "unset",
            "body": formats.value(record.body) if record.body is not None else record.event_name,
            "span": span.span_id if span else "",
            "name": span.name if span else texts.NO_SPAN,
            "attributes": log_words(record),
        }
        for record, span in records
    ]


def severity(record: LogRecord) -> str:
    """How grave a record is, in OTLP's word or else the sender's."""
    return severity_word(record.severity) or record.severity_text or texts.NO_SEVERITY


def log_words(record: LogRecord) -> list[tuple[str, str]]:
    """What a record says besides its body: its attributes, its logger, its event."""
    more = {texts.LOGGER: record.scope, texts.EVENT_NAME: record.event_name}
    return [*words(record.attributes), *((name, value) for name, value in more.items() if value)]


def provider_of(span: Span) -> str:
    """The provider a span names; empty where it is not a request to a model."""
    found = span.attributes.get(semconv.LLM_PROVIDER) or span.attributes.get(semconv.GEN_AI_PROVIDER_NAME)
    return found if isinstance(found, str) else ""


def failed(span: Span) -> bool:
    """Whether a span ended in an error."""
    return span.status_code == _ERROR


def words(attributes: Mapping[str, AttributeValue]) -> list[tuple[str, str]]:
    """Attributes as pairs of name and text: who answered first, then the conventions' own, then the rest, each by name."""
    rank = {"llm": 0, "gen_ai": 1}
    names = sorted(attributes, key=lambda name: (rank.get(name.partition(".")[0], 2), name))
    return [(name, formats.value(attributes[name])) for name in names]


def requests_in(found: Iterable[tuple[int, Span]]) -> list[str]:
    """The ids of the spans that are requests to a model, in order."""
    return [span.span_id for _, span in found if provider_of(span)]


def request_of(found: Sequence[tuple[int, Span]], span_id: str) -> str | None:
    """The request that a span belongs to: itself or its nearest ancestor that is one, else the trace's first; None where there is none."""
    by_id = {span.span_id: span for _, span in found}
    seen: set[str] = set()
    span = by_id.get(span_id)
    while span is not None and span.span_id not in seen:
        if provider_of(span):
            return span.span_id
        seen.add(span.span_id)
        span = by_id.get(span.parent_span_id or "")
    return next(iter(requests_in(found)), None)
