"""The rows as a table: a handle on `assets/compare_table.js`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from venom_otel.cockpit import theme
from venom_otel.cockpit.texts import compare as texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nicegui.events import GenericEventArguments


class CompareTable(ui.element, component=theme.ASSETS / "compare_table.js"):
    """Rows and headings as `views.table_row` and `views.headings` make them; says which column and which row was pressed."""

    def __init__(self, on_sort: Callable[[str], Awaitable[None]], on_pick: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        words = {"sort": texts.SORT, "title": texts.COMPARE, "pick": texts.PICK, "pickHelp": texts.PICK_HELP}
        self._props.update(rows=[], headings=[], texts=words | {"best": texts.BEST, "worst": texts.WORST})

        async def sort(event: GenericEventArguments) -> None:
            await on_sort(str(event.args))

        async def pick(event: GenericEventArguments) -> None:
            await on_pick(str(event.args))

        self.on("sort", sort)
        self.on("pick", pick)

    def show(self, headings: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]]) -> None:
        """Show these rows."""
        self._props.update(headings=list(headings), rows=list(rows))
