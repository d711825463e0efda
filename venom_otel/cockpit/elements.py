"""The page's own components: a Python handle on each script in `assets/`. Everything else on the page is a NiceGUI component."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import feed

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from nicegui.events import GenericEventArguments

Row = dict[str, Any]


class RequestTable(ui.element, component="assets/request_table.js", dependencies=["assets/venom_clock.js", "assets/venom_words.js"]):
    """The list of requests; rows as `views.request_row` makes them, newest first."""

    def __init__(self, rows: Sequence[Row]) -> None:
        super().__init__()
        self._props["rows"] = list(rows)
        self._props["columns"] = [
            {"name": name, "label": label, "help": texts.COLUMN_HELP.get(name)} for name, label in texts.COLUMNS.items()
        ]
        self._props["texts"] = {"title": texts.REQUESTS, "answered": texts.ANSWERED_BY, "fallback": texts.IN_ANOTHERS_PLACE}
        self._props["texts"] |= {"task": feed.TASK, "taskHelp": feed.TASK_HELP}

    def add(self, rows: Sequence[Row], limit: int) -> None:
        """Put new rows on top and keep at most `limit` in all; a row that is there already is not shown twice."""
        self.run_method("add", list(rows), limit)

    def append(self, rows: Sequence[Row]) -> None:
        """Put older rows below."""
        self.run_method("append", list(rows))

    def replace(self, rows: Sequence[Row]) -> None:
        """Show these rows and no others."""
        self.run_method("replace", list(rows))


class Waterfall(ui.element, component="assets/waterfall.js"):
    """The timeline of a trace; data as `views.timeline` makes it."""

    def __init__(self, on_select: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        self._props["texts"] = {"title": texts.WATERFALL, "span": texts.SPAN_COLUMN, "first": texts.FIRST_CHUNK}
        self._props.update(rows=[], ticks=[], selected="")

        async def selected(event: GenericEventArguments) -> None:
            await on_select(str(event.args))

        self.on("select", selected)

    def show(self, data: dict[str, Any], selected: str) -> None:
        """Show these spans, one of them selected."""
        self._props.update(data, selected=selected)

    def select(self, span_id: str) -> None:
        """Show another span as selected."""
        self._props["selected"] = span_id


class LogList(ui.element, component="assets/log_list.js"):
    """The log records of a trace; rows as `views.log_rows` makes them."""

    def __init__(self, on_select: Callable[[str], Awaitable[None]]) -> None:
        super().__init__()
        self._props.update(texts={"title": texts.LOGS}, rows=[], selected="")

        async def selected(event: GenericEventArguments) -> None:
            await on_select(str(event.args))

        self.on("select", selected)

    def show(self, rows: Sequence[Row], selected: str) -> None:
        """Show these records, those of one span marked."""
        self._props.update(rows=list(rows), selected=selected)

    def select(self, span_id: str) -> None:
        """Mark the records of another span."""
        self._props["selected"] = span_id


class LocalTime(ui.element, component="assets/local_time.js", dependencies=["assets/venom_clock.js"]):
    """A point in time, date and clock, in the reader's own time zone; a short one without today's date."""

    def __init__(self, nanoseconds: int, *, short: bool = False) -> None:
        super().__init__()
        self._props.update(ms=nanoseconds // 1_000_000, short=short)
