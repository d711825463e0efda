"""All that one span says: its attributes, its events, and the resource that sent it. Every value is set as text, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel import semconv
from venom_otel.cockpit import formats, texts, views
from venom_otel.instrumentation.server_words import server_words
from venom_otel.services.severities import severity_word

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from venom_otel.services.traces import Step
    from venom_otel.store.protocol import AttributeValue, LogRecord, SpanEvent

MAX_LOGS: Final = 100
"""Most log records shown whole; the list below the timeline has all of them."""


def span_panel(step: Step, *, begin_ns: int) -> None:
    """Build it into the current element; `begin_ns` is where the trace's time axis starts."""
    span = step.span
    with ui.element("div").classes("panel-head"):
        ui.label(span.name).props("role=heading aria-level=2").classes("panel-title")
    with ui.element("div").classes("facts in-panel"):
        facts = {
            "kind": texts.SPAN_KINDS.get(span.kind, str(span.kind)),
            "start": texts.at_offset(formats.duration(span.start_ns - begin_ns)),
            "duration": formats.duration(span.end_ns - span.start_ns),
            "service": span.service or "",
            "scope": span.scope,
        }
        for name, words in facts.items():
            if words:
                with ui.element("div").classes("fact"):
                    ui.label(texts.SPAN_FACTS[name]).classes("fact-name")
                    ui.label(words)
    if views.failed(span) and span.status_message and not views.provider_of(span):  # of a request the page's top says it
        with ui.element("div").classes("failure"):
            ui.label(server_words(span.status_message) or span.status_message).classes("failure-words")
    for event in span.events:
        _event(event, begin_ns)
    for record in step.logs[:MAX_LOGS]:
        _log(record, begin_ns)
    _table(texts.ATTRIBUTES, span.attributes)
    with ui.expansion(texts.RESOURCE).props("dense").classes("resource"):
        _rows(span.resource)


def _event(event: SpanEvent, begin_ns: int) -> None:
    with ui.element("div").classes("event"):
        with ui.element("div").classes("event-head"):
            ui.label(event.name).classes("event-name")
            ui.label(texts.at_offset(formats.duration(event.time_ns - begin_ns))).classes("muted")
        attributes = dict(event.attributes)
        trace = attributes.pop(semconv.EXCEPTION_STACKTRACE, None)
        _rows(attributes)
        if trace is not None:
            with ui.element("pre").classes("stacktrace").props("tabindex=0"):
                ui.label(formats.value(trace))


def _log(record: LogRecord, begin_ns: int) -> None:
    with ui.element("div").classes(f"event log is-{severity_word(record.severity).lower() or 'unset'}"):
        with ui.element("div").classes("event-head"):
            ui.label(views.severity(record)).classes("log-severity")
            ui.label(texts.at_offset(formats.duration(record.time_ns - begin_ns))).classes("muted")
        if record.body is not None:
            ui.label(formats.value(record.body)).classes("log-whole")
        _pairs(views.log_words(record))


def _table(title: str, attributes: Mapping[str, AttributeValue]) -> None:
    ui.label(title).props("role=heading aria-level=3").classes("section-title")
    _rows(attributes)


def _rows(attributes: Mapping[str, AttributeValue]) -> None:
    _pairs(views.words(attributes))
    if not attributes:
        ui.label(texts.NOTHING).classes("muted")


def _pairs(pairs: Sequence[tuple[str, str]]) -> None:
    with ui.element("dl").classes("attributes"):
        for name, words in pairs:
            with ui.element("div").classes("attribute"):
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(words)
