"""The live list of requests: newest first, filtered by what the address says, kept up to date by the history's own word."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from nicegui import ui

from venom_otel.cockpit import texts, views
from venom_otel.cockpit.elements import RequestTable
from venom_otel.cockpit.empty import empty_state
from venom_otel.errors import StoreError
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Iterable

    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary

PAGE: Final = 100
"""Rows that one look fetches."""

KEPT: Final = 500
"""Rows that stay in the browser while new ones come; older ones that were asked for stay too."""

PAUSE: Final = 0.25
"""Seconds between two updates of a page: what arrives within comes as one, however much it is."""


class RequestList:
    """One browser's list."""

    def __init__(self, history: History, otlp_address: str, status: str, provider: str, model: str) -> None:
        self._history = history
        self._otlp_address = otlp_address
        self._status = RequestStatus[status.upper()] if status.upper() in RequestStatus.__members__ else None
        self._provider = provider or None
        self._model = model or None
        self._shown: deque[int] = deque()
        """Sequence numbers of the rows in the browser, newest first."""
        self._kept = KEPT
        self._busy = asyncio.Lock()
        """One change of the list at a time: an answer for filters that no longer hold must not come in between."""
        self._paused = False
        self._resumed = asyncio.Event()

    async def show(self) -> None:
        """Build the list and keep it true until the reader goes elsewhere, which cancels this."""
        self._build()
        with self._history.changes() as changes:
            await self._guarded_reload()
            async for _ in changes:
                await self._resumed.wait()
                await self._catch_up()
                await asyncio.sleep(PAUSE)

    # -- what it is made of ------------------------------------------------------------------------------------------------------
    def _build(self) -> None:
        self._resumed.set()
        with ui.element("div").classes("bar") as self._bar:
            ui.label(texts.REQUESTS).props("role=heading aria-level=1").classes("title")
            with ui.button(on_click=self._toggle_live, color=None).props("flat dense no-caps").classes("live") as self._live:
                self._live_tip = ui.tooltip()
            ui.space()
            self._status_filter = (
                ui.toggle({None: texts.ALL, **{status: texts.STATUS[status] for status in RequestStatus}}, value=self._status)
                .props(f'unelevated no-caps dense toggle-color=chosen toggle-text-color=chosen aria-label="{texts.STATUS_FILTER}"')
                .classes("segments")
            )
            self._provider_filter = _select(texts.ANY_PROVIDER, texts.PROVIDER_FILTER, self._provider)
            self._model_filter = _select(texts.ANY_MODEL, texts.MODEL_FILTER, self._model)
        self._filters = (self._status_filter, self._provider_filter, self._model_filter)
        for choice in self._filters:
            choice.on_value_change(self._filter)
        self._problem = ui.label().classes("problem").props("role=alert")
        self._problem.set_visibility(False)
        self._table = RequestTable([])
        with ui.element("div").classes("nothing") as self._no_match:
            ui.label(texts.NO_MATCH)
            ui.button(texts.CLEAR_FILTERS, on_click=self._clear_filters, color=None).props("flat dense no-caps").classes("quiet-button")
        self._older = ui.button(texts.OLDER, on_click=self._show_older, color=None).props("flat no-caps").classes("quiet-button older")
        self._empty = empty_state(self._otlp_address)
        for element in (self._table, self._no_match, self._older, self._empty):
            element.set_visibility(False)
        self._show_live()

    # -- what the store says -----------------------------------------------------------------------------------------------------
    async def _guarded_reload(self) -> None:
        async with self._busy:
            try:
                await self._reload()
            except StoreError as error:
                self._tell(str(error))

    async def _reload(self) -> None:
        page = await self._history.requests(self._which(), PAGE)
        self._kept = KEPT
        self._shown = deque(item.sequence for item in page.items)
        self._table.replace([views.request_row(item) for item in page.items])
        self._settle(page.items, older=page.older is not None)

    async def _catch_up(self) -> None:
        async with self._busy:
            try:
                if not self._shown:
                    await self._reload()
                    return
                page = await self._history.requests(self._which(after=self._shown[0]), PAGE)
                if len(page.items) == PAGE:
                    await self._reload()  # more than a screenful at once: the newest are what counts
                elif page.items:
                    self._add(list(reversed(page.items)))
            except StoreError as error:
                self._tell(str(error))

    def _add(self, news: list[RequestSummary]) -> None:
        self._shown.extendleft(item.sequence for item in reversed(news))
        trimmed = len(self._shown) > self._kept
        while len(self._shown) > self._kept:
            self._shown.pop()
        self._table.add([views.request_row(item) for item in news], self._kept)
        self._settle(news, older=trimmed or self._older.visible)

    async def _show_older(self) -> None:
        async with self._busy:
            if not self._shown:
                return
            try:
                page = await self._history.requests(self._which(before=self._shown[-1]), PAGE)
            except StoreError as error:
                self._tell(str(error))
                return
            self._shown.extend(item.sequence for item in page.items)
            self._kept = max(self._kept, len(self._shown))
            self._table.append([views.request_row(item) for item in page.items])
            self._settle(page.items, older=page.older is not None)

    def _settle(self, items: Iterable[RequestSummary], *, older: bool) -> None:
        """Show what there is now, and offer what has been seen as filters."""
        self._tell("")
        self._table.set_visibility(bool(self._shown))
        self._older.set_visibility(older)
        self._no_match.set_visibility(not self._shown and self._filtered())
        self._empty.set_visibility(not self._shown and not self._filtered())
        self._bar.set_visibility(bool(self._shown) or self._filtered())
        items = list(items)
        _offer(self._provider_filter, {item.provider for item in items if item.provider})
        _offer(self._model_filter, {item.model for item in items if item.model})

    def _tell(self, problem: str) -> None:
        self._problem.text = problem
        self._problem.set_visibility(bool(problem))

    # -- what the reader does ----------------------------------------------------------------------------------------------------
    def _which(self, *, after: int | None = None, before: int | None = None) -> RequestFilter:
        return RequestFilter(provider=self._provider, model=self._model, status=self._status, after=after, before=before)

    def _filtered(self) -> bool:
        return any((self._status, self._provider, self._model))

    async def _filter(self) -> None:
        """Take the filters over, also into the address, so that it can be kept and sent to others."""
        self._status = self._status_filter.value
        self._provider, self._model = self._provider_filter.value, self._model_filter.value
        chosen = {"status": self._status.name.lower() if self._status else None, "provider": self._provider, "model": self._model}
        query = urlencode({name: value for name, value in chosen.items() if value})
        ui.navigate.history.replace(f"/?{query}" if query else "/")
        await self._guarded_reload()

    def _clear_filters(self) -> None:
        for choice in self._filters:
            choice.value = None

    def _toggle_live(self) -> None:
        self._paused = not self._paused
        if self._paused:
            self._resumed.clear()
        else:
            self._resumed.set()
        self._show_live()

    def _show_live(self) -> None:
        self._live.text = texts.PAUSED if self._paused else texts.LIVE
        self._live_tip.text = texts.PAUSED_HELP if self._paused else texts.LIVE_HELP
        self._live.props(f"aria-pressed={str(self._paused).lower()}")
        self._live.classes(add="is-paused" if self._paused else "", remove="" if self._paused else "is-paused")


def _select(anything: str, label: str, value: str | None) -> ui.select:
    options = {None: anything} | ({value: value} if value else {})
    return ui.select(options, value=value).props(f'dense borderless options-dense aria-label="{label}"').classes("choice")


def _offer(select: ui.select, seen: set[str]) -> None:
    options = select.options
    assert isinstance(options, dict)
    news = sorted(seen - options.keys())
    if news:
        select.set_options(options | {name: name for name in news})
