"""The line above a comparison: its time, what a row is, and whose requests."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts as common
from venom_otel.cockpit.controls import select_of
from venom_otel.cockpit.copying import copy_link
from venom_otel.cockpit.elements import LocalTime
from venom_otel.cockpit.history.filter_bar import range_names
from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import Grouping
from venom_otel.store.protocol import Dimension

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from venom_otel.cockpit.compare.choice import Choice

_CHOSEN: Final = "chosen"


class CompareBar:
    """One browser's choices; `on_change` is told of each, and `past_ns` says how far back others are asked."""

    def __init__(self, choice: Choice, on_change: Callable[[Choice], Awaitable[None]], past_ns: int = 0) -> None:
        self._choice = choice
        self._ranges = range_names(past_ns)
        self._on_change = on_change

    def build(self) -> ui.element:
        """Build it."""
        with ui.element("div").classes("bar") as bar:
            ui.label(texts.COMPARE).props("role=heading aria-level=1").classes("title")
            self._grouping = (
                ui.toggle({str(by): texts.GROUPINGS[by] for by in Grouping})
                .props(f'unelevated no-caps dense toggle-color=chosen toggle-text-color=chosen aria-label="{texts.GROUPING}"')
                .classes("segments")
            )
            ui.space()
            self._times = ui.element("span").classes("range")
            self._range = select_of(common.RANGE_FILTER, self._ranges)
            self._service = select_of(common.FILTERS[Dimension.SERVICE], {"": common.ANY[Dimension.SERVICE]})
            link = ui.button(icon="link", on_click=self._copy_link, color=None).props(f'flat round dense aria-label="{texts.LINK}"')
            with link.classes("icon-button"):
                ui.tooltip(texts.LINK)
        self.show(self._choice)
        for one in (self._grouping, self._range, self._service):
            one.on_value_change(self._changed)
        return bar

    def show(self, choice: Choice) -> None:
        """Show what is chosen; nobody is told."""
        self._choice = choice
        self._grouping.value = str(choice.by)
        options = dict(self._ranges)
        chosen = choice.chosen_range(self._ranges)
        self._times.clear()
        self._times.set_visibility(chosen)
        if chosen:
            options[_CHOSEN] = common.CHOSEN_RANGE
            window = choice.window(time.time_ns())
            with self._times:
                for moment in (window.since_ns, window.until_ns):
                    LocalTime(moment, short=True)
        self._range.set_options(options, value=_CHOSEN if chosen else choice.since)
        self.offer([choice.service] if choice.service else [])
        self._service.value = choice.service
        self._service.classes(add="is-chosen" if choice.service else "", remove="" if choice.service else "is-chosen")

    def offer(self, services: Iterable[str]) -> None:
        """Add applications that one can choose."""
        options = self._service.options
        assert isinstance(options, dict)
        if news := sorted(set(services) - options.keys()):
            self._service.set_options(options | {name: name for name in news})

    async def _changed(self) -> None:
        """A component has another value; one that `show` put there is chosen already."""
        choice = replace(self._choice, by=Grouping(self._grouping.value), service=self._service.value or "")
        if choice.by is not self._choice.by:
            choice = replace(choice, rows=(), sort="")
        if self._range.value != _CHOSEN:
            choice = replace(choice, since=str(self._range.value), until="")
        if choice != self._choice:
            self.show(choice)
            await self._on_change(choice)

    def _copy_link(self) -> None:
        copy_link(self._choice.fixed(time.time_ns()).address(), texts.LINK_COPIED)
