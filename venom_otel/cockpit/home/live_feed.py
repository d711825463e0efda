"""The newest requests as they end, below everything else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit.history.empty import empty_state
from venom_otel.cockpit.history.filters import Filters
from venom_otel.cockpit.history.live_switch import LiveSwitch
from venom_otel.cockpit.history.request_list import PAGE, RequestList, pause
from venom_otel.cockpit.texts import feed as texts
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from venom_otel.cockpit.history.address import ListAddress
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary

RETRY_S: Final = 3.0
"""Seconds after which a store that could not be read is asked again, although nothing arrives."""


class LiveFeed:
    """One browser's look at what arrives: the newest `PAGE` requests.

    Args:
        history: where they are.
        otlp_address: said where nothing has arrived yet.
        address: where the reader's list of the history stands.
    """

    def __init__(self, history: History, otlp_address: str, address: ListAddress) -> None:
        self._history = history
        self._otlp_address = otlp_address
        self._address = address
        self._list = RequestList(history, Filters(), kept=PAGE)
        self._visit = Visit()
        self._switch = LiveSwitch(self._visit.within(self._catch_up))
        self._busy = asyncio.Lock()

    def build(self) -> None:
        """Build it, still empty."""
        with ui.element("div").classes("feed-head") as self._head:
            ui.label(texts.TITLE).props("role=heading aria-level=2").classes("feed-title")
            self._switch.build()
            ui.space()
            ui.link(texts.ALL_OF_IT, self._address.href).classes("quiet-link")
        self._problem = Words().classes("problem").props("role=alert")
        with ui.element("div").classes("feed-rows") as rows:
            self._list.build()
        self._switch.holds_within(rows)
        self._empty = empty_state(self._otlp_address, rank=3)
        for element in (self._problem, self._empty):
            element.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        with self._visit, self._history.changes() as changes:
            arrived = await self._look(lambda: self._list.reload(Filters()))
            while await changes.look_due(pause(arrived), RETRY_S if self._problem.visible else None):
                self._switch.tell(changes.newest - self._list.newer)
                arrived = await self._catch_up() if self._switch.running.is_set() else 0

    async def _catch_up(self) -> int:
        """Show what has arrived; how many rows that were."""
        return await self._look(self._list.catch_up)

    async def _look(self, look: Callable[[], Awaitable[Sequence[RequestSummary]]]) -> int:
        async with self._busy:
            try:
                found = await look()
            except StoreError as error:
                self._problem.say(str(error))
                return 0
            self._problem.say(None)
            self._empty.set_visibility(self._list.empty)
            return len(found)
