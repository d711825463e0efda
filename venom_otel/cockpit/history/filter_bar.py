"""The line of filters above the list: what each of them can take, what is chosen, and what the reader chooses next."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts, views
from venom_otel.cockpit.controls import quiet_button, select_of
from venom_otel.cockpit.elements import LocalTime
from venom_otel.cockpit.history.filters import Filters, ranges
from venom_otel.cockpit.texts import history as words
from venom_otel.services.figures import DAY
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Mapping

    from nicegui.events import KeyEventArguments

    from venom_otel.store.protocol import RequestSummary

_SELECTS: Final = (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT, Dimension.SERVICE, Dimension.ERROR_KIND)
_CUSTOM: Final = "custom"
_DEBOUNCE_MS: Final = 350
"""After the last key: a search looks at the spans themselves."""


class FilterBar:
    """One browser's filters; `on_change` is told of each choice, and `past_ns` says how far back others are asked."""

    def __init__(self, filters: Filters, on_change: Callable[[Filters], Awaitable[None]], past_ns: int = 0) -> None:
        self._filters = filters
        self._ranges = range_names(past_ns)
        self._on_change = on_change
        self._selects: dict[Dimension, ui.select] = {}

    def build_time_and_text(self) -> None:
        """Time and words, for the line of the title."""
        self._range = ui.element("span").classes("range")
        self._since = select_of(texts.RANGE_FILTER, {"": texts.ANY_TIME, **self._ranges})
        self._since.on_value_change(self._changed)
        self._text = (
            ui.input(placeholder=texts.SEARCH)
            .props(f'dense borderless clearable debounce={_DEBOUNCE_MS} type=search aria-label="{texts.SEARCH_FILTER}"')
            .classes("choice search")
        )
        with self._text.add_slot("prepend"):
            ui.icon("search")
        with self._text:
            ui.tooltip(texts.SEARCH_HELP)
        self._text.on_value_change(self._changed)
        ui.keyboard(on_key=self._to_search, ignore=["input", "select", "textarea"])

    def build_values(self) -> ui.element:
        """Everything that is chosen from a list, in a line of its own."""
        with ui.element("div").classes("filters") as line:
            self._status = (
                ui.toggle({"": texts.ALL, **{status.lower(): texts.STATUS[status] for status in RequestStatus}})
                .props(f'unelevated no-caps dense toggle-color=chosen toggle-text-color=chosen aria-label="{texts.STATUS_FILTER}"')
                .classes("segments")
            )
            self._status.on_value_change(self._changed)
            with ui.element("div").classes("choices"):
                for dimension in _SELECTS:
                    self._selects[dimension] = select_of(texts.FILTERS[dimension], {"": texts.ANY[dimension]})
                    self._selects[dimension].on_value_change(self._changed)
                self._fallback = select_of(words.FALLBACK_FILTER, words.FALLBACKS)
                self._fallback.on_value_change(self._changed)
            self._clear = quiet_button(texts.CLEAR_FILTERS, self.clear).classes("clear")
        self.show(self._filters)
        return line

    def show(self, filters: Filters) -> None:
        """Show what is chosen; nobody is told."""
        self._filters = filters
        self._show_range(filters)
        for dimension, select in self._selects.items():
            value = str(getattr(filters, dimension))
            if value:
                self._add(dimension, [value])
            select.value = value
            _mark(select, chosen=bool(value))
        self._fallback.value = filters.fallback
        _mark(self._fallback, chosen=bool(filters.fallback))
        self._status.value = filters.status
        if self._words() != filters.text:  # else a reader who goes on typing would lose the space behind a word
            self._text.value = filters.text
        _mark(self._text, chosen=bool(filters.text))
        self._clear.set_visibility(bool(filters))

    def offer(self, choices: Mapping[Dimension, Iterable[str]]) -> None:
        """Add values that the filters can take."""
        for dimension in _SELECTS:
            self._add(dimension, choices.get(dimension, ()))

    def offer_seen(self, requests: Iterable[RequestSummary]) -> None:
        """Add the values that these requests have."""
        requests = list(requests)
        self.offer({dimension: {value for one in requests if (value := getattr(one, dimension))} for dimension in _SELECTS})

    async def clear(self) -> None:
        """Ask for everything."""
        await self.choose(Filters())

    async def choose(self, filters: Filters) -> None:
        """Take these as if the reader had chosen them."""
        if filters != self._filters:
            self.show(filters)
            await self._on_change(filters)

    async def _changed(self) -> None:
        """A component has another value; one that `show` put there is chosen already."""
        chosen = {str(dimension): select.value or "" for dimension, select in self._selects.items()}
        filters = replace(self._filters, status=self._status.value or "", fallback=self._fallback.value or "", text=self._words(), **chosen)
        if self._since.value != _CUSTOM:
            filters = replace(filters, since=self._since.value or "", until="")
        await self.choose(filters)

    def _words(self) -> str:
        return str(self._text.value or "").strip()

    def _show_range(self, filters: Filters) -> None:
        """A range that the chart or an address chose stands beside the ranges on offer, in the reader's own time."""
        self._range.clear()
        chosen = filters.chosen_range(self._ranges)
        self._range.set_visibility(chosen)
        options = {"": texts.ANY_TIME, **self._ranges}
        if chosen:
            options[_CUSTOM] = texts.CHOSEN_RANGE
            now = time.time_ns()
            with self._range:
                for moment in (filters.since_ns(now), filters.until_ns(now)):
                    LocalTime(now if moment is None else moment, short=True)
        self._since.set_options(options, value=_CUSTOM if chosen else filters.since)
        _mark(self._since, chosen=bool(filters.since or filters.until))

    def _add(self, dimension: Dimension, values: Iterable[str]) -> None:
        select = self._selects[dimension]
        options = select.options
        assert isinstance(options, dict)
        news = sorted(set(values) - options.keys())
        if news:
            short = views.short_endpoint if dimension is Dimension.ENDPOINT else str
            select.set_options(options | {value: short(value) for value in news})

    def _to_search(self, event: KeyEventArguments) -> None:
        if event.action.keydown and not event.action.repeat and event.key == "/":
            self._text.run_method("focus")


def range_names(past_ns: int) -> dict[str, str]:
    """What `filters.ranges` are called on the page."""
    return {name: texts.RANGES.get(name) or texts.last_days(length // DAY) for name, length in ranges(past_ns).items()}


def _mark(element: ui.element, *, chosen: bool) -> None:
    element.classes(add="is-chosen" if chosen else "", remove="" if chosen else "is-chosen")
