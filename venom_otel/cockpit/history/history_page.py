"""The history: filters, charts and the list of requests, kept true by the history's own word."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.history.empty import empty_state
from venom_otel.cockpit.history.export_menu import export_menu
from venom_otel.cockpit.history.filter_bar import FilterBar
from venom_otel.cockpit.history.live_switch import LiveSwitch
from venom_otel.cockpit.history.overview import Overview
from venom_otel.cockpit.history.percentiles import Percentiles
from venom_otel.cockpit.history.request_list import RequestList, pause
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from venom_otel.cockpit.history.address import ListAddress
    from venom_otel.cockpit.history.filters import Filters
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary

RETRY_S: Final = 3.0
"""Seconds after which a store that could not be read is asked again, although nothing arrives."""

CHARTS_PAUSE_S: Final = 1.0
"""Seconds between two updates of the charts."""

CHARTS_IDLE_S: Final = 20.0
"""Seconds after which the charts move on although nothing arrives: time passes all the same."""


class HistoryPage:
    """One browser's history."""

    def __init__(self, history: History, otlp_address: str, address: ListAddress) -> None:
        self._history = history
        self._otlp_address = otlp_address
        self._address = address
        self._visit = Visit()
        self._bar = FilterBar(address.chosen, self._visit.within(self._chosen), max(history.past))
        self._overview = Overview(history, address.chosen, self._bar.choose)
        self._percentiles = Percentiles(history, self._visit.within(self._refresh_percentiles))
        self._list = RequestList(history, address.chosen, self._visit.within(self._show_older))
        self._busy = asyncio.Lock()
        """One change of the list at a time: an answer for filters that no longer hold must not come in between."""
        self._switch = LiveSwitch(self._visit.within(self._resume))

    async def show(self) -> None:
        """Build the page and keep it true until the reader goes elsewhere, which cancels this."""
        self._build()
        with self._visit, self._address.followed(self._moved):
            await self._reload()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._keep_list())
                group.create_task(self._keep_charts())
                group.create_task(self._offer_choices())

    # -- what it is made of ------------------------------------------------------------------------------------------------------
    def _build(self) -> None:
        with ui.element("div").classes("bar") as self._head:
            ui.label(texts.REQUESTS).props("role=heading aria-level=1").classes("title")
            self._switch.build()
            ui.space()
            self._bar.build_time_and_text()
            export_menu(self._address)
        self._values = self._bar.build_values()
        self._problem = Words().classes("problem").props("role=alert")
        self._uncounted = Words().classes("problem").props("role=status")
        for words in (self._problem, self._uncounted):
            words.set_visibility(False)
        self._charts = self._overview.build()
        self._table = self._percentiles.build()
        self._list.build()
        self._empty = empty_state(self._otlp_address)
        self._empty.set_visibility(False)
        for element in (self._head, self._values, self._charts, self._table):
            element.set_visibility(False)

    # -- what the store says -----------------------------------------------------------------------------------------------------
    async def _keep_list(self) -> None:
        arrived = 0
        with self._history.changes() as changes:
            while await changes.look_due(pause(arrived), RETRY_S if self._problem.visible else None):
                await self._switch.running.wait()
                arrived = await self._catch_up()

    async def _keep_charts(self) -> None:
        with self._history.changes() as changes:
            while await changes.look_due(CHARTS_PAUSE_S, CHARTS_IDLE_S):
                await self._switch.running.wait()
                await self._refresh_charts()

    async def _offer_choices(self) -> None:
        with contextlib.suppress(StoreError):  # the list says it; what it shows is on offer all the same
            self._bar.offer(await self._history.choices())

    async def _reload(self) -> None:
        await self._guarded(lambda: self._list.reload(self._address.chosen))

    async def _catch_up(self) -> int:
        """Show what has arrived; how many rows that were."""
        return await self._guarded(self._list.catch_up)

    async def _show_older(self) -> None:
        await self._guarded(self._list.show_older)

    async def _guarded(self, look: Callable[[], Awaitable[Sequence[RequestSummary]]]) -> int:
        async with self._busy:
            try:
                found = await look()
            except StoreError as error:
                self._problem.say(str(error))
                self._head.set_visibility(True)
                return 0
            self._problem.say(self._list.missing)
            self._bar.offer_seen(found)
            nothing_yet = self._list.empty and not self._address.chosen
            self._empty.set_visibility(nothing_yet)
            for element in (self._head, self._values, self._charts, self._table):
                element.set_visibility(not nothing_yet)
            return len(found)

    async def _refresh_charts(self) -> None:
        with contextlib.suppress(StoreError):  # the list says it
            await self._overview.refresh(self._address.chosen, self._list.newest_ns)
            self._uncounted.say(self._overview.missing)
            await self._refresh_percentiles()

    async def _refresh_percentiles(self) -> None:
        with contextlib.suppress(StoreError):  # the list says it
            await self._percentiles.refresh(self._overview.window, self._address.chosen.which(time.time_ns()))

    # -- what the reader does ----------------------------------------------------------------------------------------------------
    async def _chosen(self, filters: Filters) -> None:
        """Take the filters over, also into the address, so that they can be kept and sent to others."""
        self._address.go(filters)
        await self._show_chosen()

    def _moved(self, filters: Filters) -> None:
        """The browser went back or forth."""
        self._bar.show(filters)
        self._visit.begin(self._show_chosen(), "filters of another address")

    async def _show_chosen(self) -> None:
        await self._reload()
        await self._refresh_charts()

    async def _resume(self) -> None:
        await self._catch_up()
        await self._refresh_charts()
