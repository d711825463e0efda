"""Two rows beside each other, with how many times better one of them does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit import formats
from venom_otel.cockpit.compare import views
from venom_otel.cockpit.controls import quiet_button
from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import versus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from venom_otel.services.compared import Row


class SideBySide:
    """One browser's two rows; not shown until there are two."""

    def __init__(self, close: Callable[[], Awaitable[None]]) -> None:
        self._close = close

    def build(self) -> ui.element:
        """Build it, still empty."""
        self._section = ui.element("section").classes("versus").props(f'aria-label="{texts.SIDE_BY_SIDE}" aria-live=polite')
        self._section.set_visibility(False)
        return self._section

    def show(self, rows: tuple[Row, Row] | None) -> None:
        """Show these two; nothing for None."""
        self._section.set_visibility(rows is not None)
        self._section.clear()
        if rows is None:
            return
        with self._section, ui.element("div").props("role=table").classes("versus-table"):
            with ui.element("div").props("role=row").classes("versus-row is-head"):
                with ui.element("div").props("role=columnheader"):
                    ui.label(texts.SIDE_BY_SIDE).classes("compare-heading")
                for letter, row in zip(texts.LETTERS, rows, strict=True):
                    _who(letter, row)
                with ui.element("div").props("role=columnheader").classes("versus-close"):
                    quiet_button(texts.CLOSE, self._close)
            for difference in versus(*rows):
                _line(views.difference(difference))


def _who(letter: str, row: Row) -> None:
    with ui.element("div").props("role=columnheader").classes("versus-who"):
        ui.label(letter).classes("compare-letter")
        with ui.element("div").classes("versus-name"):
            ui.label(views.title(row)).classes("compare-title")
            words = views.place(row), texts.requests(formats.count(row.requests))
            ui.label(" · ".join(filter(None, words))).classes("compare-place")


def _line(line: dict[str, object]) -> None:
    values, bars, better = line["values"], line["bars"], line["better"]
    assert isinstance(values, list)
    assert isinstance(bars, list)
    with ui.element("div").props("role=row").classes("versus-row"):
        ui.label(str(line["name"])).props("role=rowheader").classes("versus-metric")
        for place, (value, bar) in enumerate(zip(values, bars, strict=True)):
            with ui.element("div").props("role=cell").classes("versus-value is-better" if place == better else "versus-value"):
                ui.label(value)
                ui.element("span").classes("versus-bar").style(f"width: {bar}%").props("aria-hidden=true")
        ui.label(str(line["words"])).props("role=cell").classes("versus-words")
