"""Models and servers side by side over a chosen time: charts, a table, and two rows beside each other."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit.compare import views
from venom_otel.cockpit.compare.compare_bar import CompareBar
from venom_otel.cockpit.compare.pictures import Pictures
from venom_otel.cockpit.compare.side_by_side import SideBySide
from venom_otel.cockpit.compare.table import CompareTable
from venom_otel.cockpit.controls import quiet_button
from venom_otel.cockpit.history.empty import empty_state
from venom_otel.cockpit.history.filters import ranges
from venom_otel.cockpit.texts import compare as texts
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.errors import StoreError
from venom_otel.services.compare import compare
from venom_otel.services.figures import DAY
from venom_otel.store.protocol import Dimension, RequestFilter

if TYPE_CHECKING:
    from venom_otel.cockpit.compare.choice import Choice, CompareAddress
    from venom_otel.services.compared import Comparison
    from venom_otel.services.history import History
    from venom_otel.services.prices import Prices

PAUSE_S: Final = 2.0
"""Seconds between two updates: figures of many requests hardly change within less."""
IDLE_S: Final = 20.0
"""Seconds after which the time is moved on although nothing arrives."""


class ComparePage:
    """One browser's comparison."""

    def __init__(self, history: History, prices: Prices | None, otlp_address: str, address: CompareAddress) -> None:
        self._history = history
        self._prices = prices
        self._otlp_address = otlp_address
        self._address = address
        self._visit = Visit()
        self._bar = CompareBar(address.chosen, self._visit.within(self._chosen), history.past.figures_ns)
        self._longest = max((length, name) for name, length in ranges(history.past.figures_ns).items())
        self._pictures = Pictures()
        self._beside = SideBySide(self._close)
        self._comparison: Comparison | None = None
        self._shown: tuple[object, ...] = ()
        """What stands on the page: what is shown again unchanged would disturb who hears it read aloud."""

    async def show(self) -> None:
        """Build the page and keep it true until the reader goes elsewhere, which cancels this."""
        self._build()
        with self._visit, self._address.followed(self._moved), self._history.changes() as changes:
            self._visit.begin(self._offer_services(), "the applications on offer")
            while await changes.look_due(PAUSE_S, IDLE_S):
                await self._refresh()

    def _build(self) -> None:
        self._head = self._bar.build()
        self._problem = Words().classes("problem").props("role=alert")
        self._prices_problem = Words().classes("problem").props("role=status")
        self._uncounted = Words().classes("problem").props("role=status")
        with ui.element("div").classes("compare") as self._content:
            self._pictures.build()
            self._beside.build()
            with ui.element("section").classes("compare-rows").props(f'aria-label="{texts.COMPARE}"'):
                with ui.element("div").classes("compare-legend"):
                    self._count = ui.label()
                    with ui.element("span").classes("compare-marks") as self._marks:
                        for verdict, words in (("best", texts.BEST), ("worst", texts.WORST)):
                            with ui.element("span").classes(f"is-{verdict}"):
                                ui.element("span").classes("compare-verdict").props("aria-hidden=true")
                                ui.label(words)
                        ui.label(texts.MARKS)
                    self._only_one = ui.label(texts.ONLY_ONE)
                self._table = CompareTable(self._sort, self._pick)
        with ui.element("div").classes("nothing compare-nothing") as self._nothing:
            self._nothing_words = ui.label()
            self._longer = quiet_button(texts.longer(self._longest[0] // DAY), self._visit.within(self._look_longer))
        self._empty = empty_state(self._otlp_address, then=texts.THEN)
        for element in (self._problem, self._prices_problem, self._uncounted, self._content, self._nothing, self._empty):
            element.set_visibility(False)

    # -- what the store says -----------------------------------------------------------------------------------------------------
    async def _refresh(self) -> None:
        """Ask for the figures and show them."""
        choice = self._address.chosen
        try:
            window = choice.window(time.time_ns())
            found = await compare(self._history, window, choice.by, service=choice.service or None, prices=self._prices)
            nothing_here = not found.rows and not (await self._history.requests(RequestFilter(after=0), 1)).items
            empty = nothing_here and not self._history.past.figures_ns
        except StoreError as error:
            self._problem.say(str(error))
            return
        if choice != self._address.chosen:
            return  # chosen anew meanwhile
        self._problem.say(None)
        self._prices_problem.say(found.problem)
        self._uncounted.say(found.missing)
        self._comparison = found
        self._content.set_visibility(bool(found.rows))
        self._nothing.set_visibility(not found.rows and not empty)
        self._empty.set_visibility(empty)
        self._head.set_visibility(not empty)
        self._nothing_words.text = texts.NOTHING_OF if choice.service else texts.NOTHING
        self._longer.set_visibility(choice.since != self._longest[1])
        self._show_rows()

    def _show_rows(self) -> None:
        """Show what is known already, in the order and with the rows that are chosen."""
        found, choice = self._comparison, self._address.chosen
        if found is None or not found.rows or (shown := (found.rows, found.currency, choice)) == self._shown:
            return
        self._shown = shown
        rows = views.ordered(found.rows, choice.sort)
        self._pictures.show(found, rows)
        self._table.show(
            views.headings(found.grouping, choice.sort, with_cost=found.currency is not None),
            [views.table_row(found, row, choice) for row in rows],
        )
        self._count.text = texts.rows(len(rows))
        self._marks.set_visibility(bool(found.marks))
        self._only_one.set_visibility(len(rows) == 1)
        known = {row.key: row for row in rows}
        picked = [known[key] for key in choice.rows if key in known]
        self._beside.show((picked[0], picked[1]) if len(picked) > 1 else None)

    async def _offer_services(self) -> None:
        with contextlib.suppress(StoreError):  # said above the rows
            self._bar.offer((await self._history.choices())[Dimension.SERVICE])

    # -- what the reader does ----------------------------------------------------------------------------------------------------
    async def _chosen(self, choice: Choice) -> None:
        self._address.go(choice)
        await self._refresh()

    def _moved(self, choice: Choice) -> None:
        """The browser went back or forth."""
        self._bar.show(choice)
        self._visit.begin(self._refresh(), "a comparison of another address")

    async def _sort(self, column: str) -> None:
        self._rearrange(replace(self._address.chosen, sort=views.pressed(self._address.chosen.sort, column)))

    async def _pick(self, key: str) -> None:
        self._rearrange(self._address.chosen.pick(key))

    async def _close(self) -> None:
        self._rearrange(replace(self._address.chosen, rows=()))

    def _rearrange(self, choice: Choice) -> None:
        """The same figures, shown otherwise."""
        self._address.go(choice)
        self._bar.show(choice)
        self._show_rows()

    async def _look_longer(self) -> None:
        choice = replace(self._address.chosen, since=self._longest[1], until="")
        self._bar.show(choice)
        await self._chosen(choice)
