"""How many requests and how fast, over time: two charts with the figures they come to."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit import formats, texts
from venom_otel.cockpit.history import charts
from venom_otel.services.figures import SECOND, Figures
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from nicegui.events import EChartPointClickEventArguments

    from venom_otel.cockpit.history.filters import Filters
    from venom_otel.cockpit.plots import Options
    from venom_otel.services.figures import Window
    from venom_otel.services.history import History


class Overview:
    """One browser's charts; a click on a bar chooses the requests that it stands for."""

    def __init__(self, history: History, filters: Filters, choose: Callable[[Filters], Awaitable[None]]) -> None:
        self._history = history
        self._filters = filters
        self._choose = choose
        self.window: Window | None = None
        """What the charts show; None before they do."""
        self.missing: str | None = None
        """What they leave out of the range that was chosen, and why, in words; without a choice they show what is here."""

    def build(self) -> ui.element:
        """Build it, still empty."""
        with ui.element("section").classes("overview").props(f'aria-label="{texts.OVERVIEW}"') as section:
            with ui.element("div").classes("chart"):
                with ui.element("div").classes("chart-head"):
                    self._requests_head = ui.element("div").classes("figures")
                    self._range = ui.label().classes("chart-range")
                self._requests = ui.echart({}, on_point_click=self._picked, renderer="svg").classes("chart-plot").props("role=img")
            with ui.element("div").classes("chart"):
                with ui.element("div").classes("chart-head"):
                    self._latency_head = ui.element("div").classes("figures")
                    self._speed = ui.label().classes("chart-range")
                    with self._speed:
                        ui.tooltip(texts.SPEED_HELP)
                self._latency = ui.echart({}, renderer="svg").classes("chart-plot").props("role=img")
        return section

    async def refresh(self, filters: Filters, newest_ns: int | None) -> None:
        """Ask for the figures and show them.

        Args:
            filters: which requests.
            newest_ns: when the newest of them began, as far as that is known.

        Raises:
            StoreError: the store cannot be read.
        """
        self._filters = filters
        now = time.time_ns()
        oldest = (await self._history.requests(RequestFilter(after=0), 1)).items  # of all: that costs nothing, however many there are
        window = filters.window(now, oldest[0].start_ns if oldest else None, newest_ns, self._history.past.figures_ns)
        found = await self._history.overview(window, filters.which(now))
        steps = found.by_start()
        if filters != self._filters:
            return  # chosen anew meanwhile
        total = Figures.together(steps.values())
        self.window = window
        self.missing = found.missing if filters.since or filters.until else None
        shown = texts.range_shown(len(window.starts()) * (window.step_ns or window.length_ns))
        self._range.text = texts.without_search(shown) if filters.search() else shown
        _show(self._requests, charts.requests_chart(window, steps), texts.requests_in_words(total))
        _show(self._latency, charts.latency_chart(window, steps), texts.latency_in_words(total))
        self._heads(total)

    def _heads(self, total: Figures) -> None:
        self._requests_head.clear()
        with self._requests_head:
            _figure(texts.REQUESTS, formats.count(total.requests), "is-all")
            for status in RequestStatus:
                count = total.counts[status]
                with ui.element("span").classes(f"figure is-{status.lower()}{'' if count else ' is-none'}"):
                    ui.element("span").classes("status-mark").props("aria-hidden=true")
                    ui.label(texts.STATUS[status]).classes("figure-name")
                    ui.label(formats.count(count)).classes("figure-value")
            if total.error_rate is not None and total.counts[RequestStatus.FAILED]:
                _figure(texts.ERROR_RATE, formats.share(total.error_rate), "is-failed")
        self._latency_head.clear()
        with self._latency_head:
            _figure(texts.DURATION, _quantile(total.duration.quantile(0.5)), "is-duration")
            _figure(texts.P95, _quantile(total.duration.quantile(0.95)), "is-duration is-tail")
            _figure(texts.FIRST, _quantile(total.first_chunk.quantile(0.5)), "is-first")
            _figure(texts.P95, _quantile(total.first_chunk.quantile(0.95)), "is-first is-tail")
        self._speed.text = texts.tokens_per_second(formats.figures(total.speed)) if total.speed is not None else ""

    async def _picked(self, event: EChartPointClickEventArguments) -> None:
        """A bar's part: that status, in that step."""
        if self.window is None or self.window.step_ns is None:
            return
        start = self.window.starts()[event.data_index]
        status = charts.STACK[event.series_index]
        since, until = _iso(start), _iso(start + self.window.step_ns - SECOND // 1_000_000)
        await self._choose(replace(self._filters, status=status.lower(), since=since, until=until))


def _show(chart: ui.echart, options: Options, words: str) -> None:
    chart.options.clear()
    chart.options.update(options)
    chart.props["aria-label"] = words
    chart.update()


def _figure(name: str, value: str, kind: str) -> None:
    with ui.element("span").classes(f"figure {kind}"):
        ui.label(name).classes("figure-name")
        ui.label(value).classes("figure-value")


def _quantile(ns: float | None) -> str:
    return texts.NO_FIGURE if ns is None else formats.duration(round(ns))


def _iso(ns: int) -> str:
    """For the address: as short as it can be."""
    return datetime.fromtimestamp(ns // SECOND, UTC).replace(microsecond=ns % SECOND // 1_000, tzinfo=None).isoformat() + "Z"
