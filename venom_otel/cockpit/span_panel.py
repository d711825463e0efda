"""All that one span says: its attributes, its events, and the resource that sent it. Every value is set as text, never as markup."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel import semconv
from venom_otel.cockpit import formats, texts, views

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.store.protocol import AttributeValue, Span, SpanEvent


def span_panel(span: Span, *, begin_ns: int) -> None:
    """Build it into the current element; `begin_ns` is where the trace's time axis starts."""
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
            ui.label(span.status_message).classes("failure-words")
    for event in span.events:
        _event(event, begin_ns)
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


def _table(title: str, attributes: Mapping[str, AttributeValue]) -> None:
    ui.label(title).props("role=heading aria-level=3").classes("section-title")
    _rows(attributes)


def _rows(attributes: Mapping[str, AttributeValue]) -> None:
    with ui.element("dl").classes("attributes"):
        for name, words in views.words(attributes):
            with ui.element("div").classes("attribute"):
                with ui.element("dt"):
                    ui.label(name)
                with ui.element("dd"):
                    ui.label(words)
        if not attributes:
            with ui.element("div").classes("attribute"):
                ui.label(texts.NOTHING).classes("muted")
