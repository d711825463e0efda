"""What the list shows before the first request: the two lines to add, ready to copy."""

from __future__ import annotations

from typing import Final
from urllib.parse import urlsplit

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.copying import copy_button

_STANDARD_PORT: Final = 4318
"""OTLP over HTTP; an exporter that is told nothing sends there (OpenTelemetry, OTLP exporter configuration)."""


def empty_state(otlp_address: str, *, rank: int = 1, then: str = texts.EMPTY_AFTER) -> ui.element:
    """Build it and return its outermost element.

    Args:
        otlp_address: where telemetry is taken.
        rank: that of its heading, where it does not stand for the page as a whole.
        then: what there will be to see.
    """
    with ui.element("section").classes("empty") as section:
        ui.element("span").classes("pulse").props("aria-hidden=true")
        ui.label(texts.EMPTY_TITLE).props(f"role=heading aria-level={rank}").classes("title")
        ui.label(texts.EMPTY_LEAD).classes("empty-lead")
        _code(texts.EMPTY_CODE)
        if urlsplit(otlp_address).port != _STANDARD_PORT:
            _code(texts.empty_variable(otlp_address))
        ui.label(then).classes("empty-lead")
        ui.label(texts.EMPTY_DEMO).classes("empty-lead")
        _code(texts.EMPTY_DEMO_CODE)
        ui.label(texts.empty_endpoint(otlp_address)).classes("empty-endpoint")
    return section


def _code(code: str) -> None:
    with ui.element("div").classes("code"):
        with ui.element("pre"):
            ui.label(code)
        copy_button(code, texts.COPY)
