"""The list of requests: newest first, as far back as the reader asks, and what arrives on top."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts, views
from venom_otel.cockpit.elements import RequestTable
from venom_otel.services.history import RequestPage

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from venom_otel.cockpit.history.filters import Filters
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary

PAGE: Final = 100
"""Rows that one look fetches."""

KEPT: Final = 500
"""Rows of a list that stay in the browser, where nothing else is said."""

PAUSE_S: Final = 0.25
"""Seconds between two updates: what arrives within comes as one, however much it is."""

BUSY_PAUSE_S: Final = 1.0
"""The same where a whole page arrived at once: nobody reads a hundred rows four times a second, and every browser would have to draw
them."""

PATIENCE_S: Final = 1.0
"""Seconds that a search may look back before it shows what it has and offers to go on."""


def pause(arrived: int) -> float:
    """Seconds until the next update, after one that brought so many rows."""
    return BUSY_PAUSE_S if arrived >= PAGE else PAUSE_S


class RequestList:
    """One browser's list. Its methods raise StoreError where the store cannot be read, and then change nothing.

    Args:
        history: where the requests are.
        filters: which of them.
        on_older: the reader asks for older ones; None where they are not on offer.
        kept: rows that stay in the browser while new ones come; older ones that were asked for stay too.
    """

    def __init__(
        self, history: History, filters: Filters, on_older: Callable[[], Awaitable[None]] | None = None, *, kept: int = KEPT
    ) -> None:
        self._history = history
        self._filters = filters
        self._on_older = on_older
        self._shown: deque[int] = deque()
        """Sequence numbers of the rows in the browser, newest first."""
        self._least = self._kept = kept
        self._newer = 0
        self.newest_ns: int | None = None
        """When the newest row began; None where there is no row."""
        self._before: int | None = None
        """Where to go on looking back; None where nothing is left."""
        self.missing: str | None = None
        """What the rows leave out, and why, in words."""

    def build(self) -> None:
        """Build it, still empty."""
        self._table = RequestTable([])
        self._nothing = ui.label().classes("nothing").props("role=status")
        self._older = ui.button(on_click=self._on_older, color=None).props("flat no-caps").classes("quiet-button older")
        for element in (self._table, self._nothing, self._older):
            element.set_visibility(False)

    @property
    def empty(self) -> bool:
        """Whether there is no row."""
        return not self._shown

    @property
    def newer(self) -> int:
        """The newest sequence number that was looked at."""
        return self._newer

    async def reload(self, filters: Filters) -> Sequence[RequestSummary]:
        """Show the newest rows that match; gives them."""
        page = await self._look_back(filters, None)
        self._filters = filters
        self._kept = self._least
        self._shown = deque(item.sequence for item in page.items)
        self._newer, self._before = page.newer, page.older
        self.missing = page.missing
        self.newest_ns = page.items[0].start_ns if page.items else None
        self._table.replace([views.request_row(item) for item in page.items])
        self._settle()
        return page.items

    async def catch_up(self) -> Sequence[RequestSummary]:
        """Show what has arrived since; gives it."""
        which = self._filters.which(time.time_ns(), after=self._newer)
        page = await self._history.requests(which, PAGE, search=self._filters.search())
        if len(page.items) == PAGE:
            return await self.reload(self._filters)  # more than a screenful at once: the newest are what counts
        self._newer = page.newer
        news = list(reversed(page.items))
        if news:
            self._add(news)
        return news

    async def show_older(self) -> Sequence[RequestSummary]:
        """Look further back; gives what was found."""
        if self._before is None:
            return ()
        page = await self._look_back(self._filters, self._before)
        self._before, self.missing = page.older, page.missing
        self._shown.extend(item.sequence for item in page.items)
        self._kept = max(self._kept, len(self._shown))
        self._table.append([views.request_row(item) for item in page.items])
        self._settle()
        return page.items

    async def _look_back(self, filters: Filters, before: int | None) -> RequestPage:
        """A page of the newest matches; a search goes on until it has one, or its time is over."""
        end = time.monotonic() + PATIENCE_S
        items: list[RequestSummary] = []
        newer: int | None = None
        while True:
            which = filters.which(time.time_ns(), before=before)
            page = await self._history.requests(which, PAGE - len(items), search=filters.search())
            items += page.items
            newer = page.newer if newer is None else newer
            before = page.older
            if before is None or len(items) >= PAGE or page.missing or time.monotonic() > end:
                return RequestPage(items, older=before, newer=newer, missing=page.missing)

    def _add(self, news: list[RequestSummary]) -> None:
        self.newest_ns = news[0].start_ns
        self._shown.extendleft(item.sequence for item in reversed(news))
        if len(self._shown) > self._kept:
            while len(self._shown) > self._kept:
                self._shown.pop()
            self._before = self._shown[-1]
        self._table.add([views.request_row(item) for item in news], self._kept)
        self._settle()

    def _settle(self) -> None:
        searching = self._filters.search() is not None
        self._table.set_visibility(bool(self._shown))
        self._nothing.set_visibility(not self._shown and bool(self._filters))
        self._nothing.text = texts.NO_MATCH_YET if self._before is not None else texts.NO_MATCH
        self._older.text = texts.SEARCH_FURTHER if searching else texts.OLDER
        self._older.set_visibility(self._before is not None and self._on_older is not None)
