"""The top of a trace: what was asked, who answered, how long it took, and for a failure why, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel import semconv
from venom_otel.cockpit import formats, texts, theme, views
from venom_otel.cockpit.controls import icon_button
from venom_otel.cockpit.copying import copies_link, copy_button
from venom_otel.cockpit.elements import LocalTime
from venom_otel.cockpit.texts.history import COPY_REQUEST_LINK
from venom_otel.cockpit.trace.timing_bar import timing_bar
from venom_otel.cockpit.words import Words
from venom_otel.services.timing import of_request
from venom_otel.services.traces import walk
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.services.traces import Trace
    from venom_otel.store.protocol import RequestSummary, Span


def request_head(back: str, trace_id: str, request: RequestSummary | None, trace: Trace) -> None:
    """Build it into the current element.

    Args:
        back: address of the list.
        trace_id: the trace.
        request: None for a trace without a request to a model.
        trace: all of it; without spans where it is unknown.
    """
    spans = [span for _, span in views.spans(trace.steps)]
    own = next((step for step in walk(trace.steps) if request is not None and step.span.span_id == request.span_id), None)
    ui.link(texts.BACK, back).classes("back")
    if not spans:
        ui.label(texts.ONLY_LOGS if trace.logs else texts.NO_TRACE_TITLE).props("role=heading aria-level=1").classes("title")
        if not trace.logs:
            ui.label(texts.NO_TRACE).classes("muted")
        with ui.element("div").classes("facts"):
            _trace_fact(trace_id)
        return
    if request is None:
        ui.label(spans[0].name).props("role=heading aria-level=1").classes("title")
    else:
        _title(request)
        if request.status is RequestStatus.FAILED:
            _failure(request)
    with ui.element("div").classes("facts"):
        _facts(request, spans)
        _trace_fact(trace_id)
    if own is not None and request is not None:
        timing_bar(of_request(request, [own]), cold_start=own.span.attributes.get(semconv.LLM_COLD_START) is True)


def _title(request: RequestSummary) -> None:
    with ui.element("div").classes(f"request-title is-{request.status.name.lower()}"):
        with ui.element("span").classes("cell-status"):
            ui.element("span").classes("status-mark").props("aria-hidden=true")
            ui.label(texts.STATUS[request.status])
        with ui.element("div").classes("title").props("role=heading aria-level=1"):
            ui.label(request.model or request.response_model or texts.UNKNOWN_MODEL)
            if answered := views.answered_as(request):
                ui.label("→").classes("arrow").props(f'role=img aria-label="{texts.ANSWERED_BY}"')
                ui.label(answered).classes("answered")
        ui.label(request.provider or semconv.PROVIDER_UNKNOWN).classes("provider").style(theme.provider_mark(request.provider))
        link = icon_button("link", COPY_REQUEST_LINK).tooltip(COPY_REQUEST_LINK)
        copies_link(link, f"/requests/{request.request_id}")


def _failure(request: RequestSummary) -> None:
    with ui.element("div").classes("failure").props("role=alert"):
        Words(views.failure(request)).classes("failure-words")
        if meaning := semconv.ERROR_KINDS.get(request.error_kind or ""):
            ui.label(meaning[0].upper() + meaning[1:] + ".").classes("failure-meaning")


def _facts(request: RequestSummary | None, spans: Sequence[Span]) -> None:
    begin = min(span.start_ns for span in spans)
    with _fact("started"):
        LocalTime(request.start_ns if request else begin)
    length = request.duration_ns if request else max(span.end_ns for span in spans) - begin
    with _fact("duration"):
        ui.label(formats.duration(length))
    if request is None:
        return
    if request.first_chunk_ns is not None:
        with _fact("first"):
            ui.label(formats.duration(request.first_chunk_ns))
    if counted := views.tokens(request):
        with _fact("tokens"):
            ui.label(counted)
    if request.speed is not None:
        with _fact("speed"):
            ui.label(formats.figures(request.speed)).tooltip(texts.SPEED_HELP)
    if request.endpoint:
        with _fact("endpoint"):
            ui.label(request.endpoint)
    if request.service:
        with _fact("service"):
            ui.label(request.service)


def _trace_fact(trace_id: str) -> None:
    with _fact("trace"), ui.element("span").classes("trace-id"):
        ui.label(trace_id)
        copy_button(trace_id, texts.COPY_TRACE_ID)


def _fact(name: str) -> ui.element:
    with ui.element("div").classes("fact") as fact:
        ui.label(texts.FACTS[name]).classes("fact-name")
    return fact
