"""One trace at its permanent address: what became of the request, every span on one time axis, and all that a span says."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts, views
from venom_otel.cockpit.elements import LogList, Waterfall
from venom_otel.cockpit.trace.request_head import request_head
from venom_otel.cockpit.trace.span_panel import span_panel
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.errors import StoreError
from venom_otel.services.figures import SECOND
from venom_otel.services.traces import Trace, walk

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nicegui.events import KeyEventArguments

    from venom_otel.cockpit.history.address import ListAddress
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary, Span

PAUSE_S: Final = 0.5
"""Seconds between two looks at a trace that may still be growing."""

AGAIN_S: Final = 2.0
"""Seconds until the next look where nothing is told: log records arrive without a word, and an unreadable store may have recovered."""

YOUNG_S: Final = 60.0
"""Seconds after its last span in which a trace may still get log records."""


class TraceView:
    """One browser's look at one trace; the selected span is part of the address."""

    def __init__(self, history: History, trace_id: str, span_id: str, address: ListAddress) -> None:
        self._history = history
        self._address = address
        self._trace_id = trace_id.lower()
        self._selected = span_id
        self._visit = Visit()
        self._trace = Trace()
        self._spans: Sequence[tuple[int, Span]] = ()
        """Every span with its depth, parents before children."""
        self._request: RequestSummary | None = None

    async def show(self) -> None:
        """Build the view and keep it true until the reader goes elsewhere, which cancels this."""
        self._build(self._visit.within(self._select))
        with self._visit, self._history.changes() as changes:
            while await changes.look_due(PAUSE_S, AGAIN_S if self._problem.visible or self._young() else None):
                await self._look()

    def _build(self, select: Callable[[str], Awaitable[None]]) -> None:
        ui.keyboard(on_key=self._back_on_escape, ignore=["input", "select", "textarea"])
        self._head = ui.element("div").classes("trace-head")
        self._problem = Words().classes("problem").props("role=alert")
        self._missing = Words().classes("problem").props("role=status")
        for words in (self._problem, self._missing):
            words.set_visibility(False)
        with ui.element("div").classes("trace") as self._body:
            with ui.element("section").classes("panel timeline"):
                with ui.element("div").classes("panel-head"):
                    ui.label(texts.WATERFALL).props("role=heading aria-level=2").classes("panel-title")
                    self._count = ui.label().classes("muted")
                self._waterfall = Waterfall(select)
                with ui.element("div").classes("panel-head logs-head") as self._logs_head:
                    ui.label(texts.LOGS).props("role=heading aria-level=2").classes("panel-title")
                    self._log_count = ui.label().classes("muted")
                self._logs = LogList(select)
            self._panel = ui.element("section").classes("panel details")
        self._body.set_visibility(False)
        self._show_head()

    # -- what the store says -----------------------------------------------------------------------------------------------------
    async def _look(self) -> None:
        """Fetch the trace and show what is new in it."""
        if not views.is_trace_id(self._trace_id):
            return
        try:
            trace = await self._history.trace(self._trace_id)
            spans = views.spans(trace.steps)
            if _size(trace) == _size(self._trace) and trace.missing == self._trace.missing:
                self._problem.say(None)
                return
            selected = self._selected
            if spans and selected not in {span.span_id for _, span in spans}:
                selected = next(iter(views.requests_in(spans)), spans[0][1].span_id)
            request = await self._request_of(spans, selected)
        except StoreError as error:
            self._problem.say(str(error))
            return
        self._problem.say(None)
        self._trace, self._spans, self._selected, self._request = trace, spans, selected, request
        self._show()

    async def _request_of(self, spans: Sequence[tuple[int, Span]], span_id: str) -> RequestSummary | None:
        """The request to a model that a span belongs to, else the trace's first."""
        wanted = views.request_of(spans, span_id)
        if wanted is None or (self._request is not None and self._request.span_id == wanted):
            return self._request
        return await self._history.summary(f"{self._trace_id}-{wanted}")

    def _young(self) -> bool:
        """Whether log records of it may still arrive."""
        return any(time.time_ns() - span.end_ns < YOUNG_S * SECOND for _, span in self._spans)

    # -- what is shown -----------------------------------------------------------------------------------------------------------
    def _show(self) -> None:
        self._missing.say(self._trace.missing)
        self._body.set_visibility(True)
        self._waterfall.set_visibility(bool(self._spans))
        self._count.text = texts.span_count(len(self._spans), min(len(self._spans), views.MAX_SPANS))
        if self._spans:
            self._waterfall.show(views.timeline(self._spans), self._selected)
        rows = views.log_rows(self._trace, self._begin_ns())
        self._log_count.text = texts.log_count(len(rows))
        self._logs_head.set_visibility(bool(rows))
        self._logs.show(rows, self._selected)
        self._show_head()
        self._show_panel()

    def _show_head(self) -> None:
        self._head.clear()
        with self._head:
            request_head(self._address.back, self._trace_id, self._request, self._trace)

    def _show_panel(self) -> None:
        self._panel.clear()
        step = next((step for step in walk(self._trace.steps) if step.span.span_id == self._selected), None)
        if step is not None:
            with self._panel:
                span_panel(step, begin_ns=self._begin_ns())

    def _begin_ns(self) -> int:
        """Where the time axis starts: with the first span, or the first record of a trace that has no span."""
        spans = [span.start_ns for _, span in self._spans]
        return min(spans or [record.time_ns for record in self._trace.logs])

    async def _select(self, span_id: str) -> None:
        if span_id not in {span.span_id for _, span in self._spans}:
            return
        self._selected = span_id
        ui.navigate.history.replace(f"/trace/{self._trace_id}?span={span_id}")
        self._waterfall.select(span_id)
        self._logs.select(span_id)
        self._show_panel()
        try:
            request = await self._request_of(self._spans, span_id)
        except StoreError as error:
            self._problem.say(str(error))
            return
        if request is not self._request:
            self._request = request
            self._show_head()

    def _back_on_escape(self, event: KeyEventArguments) -> None:
        if event.action.keydown and event.key.escape:
            ui.navigate.to(self._address.back)


def _size(trace: Trace) -> tuple[int, int]:
    """What grows as more of a trace arrives: its spans, and its log records."""
    steps = list(walk(trace.steps))
    return len(steps), len(trace.logs) + sum(len(step.logs) for step in steps)
