"""The newest requests as they end, below everything else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.history.empty import empty_state
from venom_otel.cockpit.history.filters import PATH, Filters
from venom_otel.cockpit.history.request_list import RequestList
from venom_otel.errors import StoreError

if TYPE_CHECKING:
    from venom_otel.services.history import History

PAUSE_S: Final = 0.25
"""Seconds between two updates: what arrives within comes as one, however much it is."""
RETRY_S: Final = 3.0
"""Seconds after which a store that could not be read is asked again, although nothing arrives."""


class LiveFeed:
    """One browser's look at what arrives."""

    def __init__(self, history: History, otlp_address: str) -> None:
        self._history = history
        self._otlp_address = otlp_address
        self._list = RequestList(history, Filters(), self._show_older)

    def build(self) -> None:
        """Build it, still empty."""
        with ui.element("div").classes("bar") as self._head:
            ui.label(texts.REQUESTS).props("role=heading aria-level=1").classes("title")
            ui.space()
            ui.link(texts.HISTORY, PATH).classes("quiet-link")
        self._problem = ui.label().classes("problem").props("role=alert")
        self._list.build()
        self._empty = empty_state(self._otlp_address)
        for element in (self._head, self._problem, self._empty):
            element.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        with self._history.changes() as changes:
            await self._look(again=True)
            while True:
                await asyncio.sleep(PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(RETRY_S if self._problem.visible else None):
                        if await anext(changes, None) is None:
                            return
                await self._look()

    async def _show_older(self) -> None:
        with contextlib.suppress(StoreError):  # said above the list
            await self._list.show_older()

    async def _look(self, *, again: bool = False) -> None:
        try:
            await (self._list.reload(Filters()) if again else self._list.catch_up())
        except StoreError as error:
            self._problem.text = str(error)
            self._problem.set_visibility(True)
            return
        self._problem.set_visibility(False)
        self._head.set_visibility(not self._list.empty)
        self._empty.set_visibility(self._list.empty)
