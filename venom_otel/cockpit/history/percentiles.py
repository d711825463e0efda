"""Percentiles by provider, model and endpoint: a table below the charts that is asked for only while it is open."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from venom_otel.cockpit import texts as common
from venom_otel.cockpit import views
from venom_otel.cockpit.plots import SECONDS
from venom_otel.cockpit.texts import history as texts
from venom_otel.services.figures import SECOND, Window
from venom_otel.store.protocol import Dimension, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from venom_otel.services.figures import Group
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestFilter

BY: Final = (Dimension.PROVIDER, Dimension.MODEL, Dimension.ENDPOINT)
MOST: Final = 50
"""Groups that are shown: those with the most requests."""
QUANTILES: Final = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_SHARE: Final = "v => v ? (v < 0.001 ? '< 0.1' : +(100 * v).toPrecision(2)) + '\u202f%' : '\u2013'"
_FIGURE: Final = "v => v == null ? '\u2013' : +v.toPrecision(3)"


class Percentiles:
    """One browser's table.

    Args:
        history: where the figures come from.
        on_open: the reader opens it; is to call `refresh`.
    """

    def __init__(self, history: History, on_open: Callable[[], Awaitable[None]]) -> None:
        self._history = history
        self._on_open = on_open
        self._asked = 0
        """How often; an answer that comes after a later question says nothing any more."""

    def build(self) -> ui.element:
        """Build it, closed."""
        with ui.expansion(texts.PERCENTILES, caption=texts.PERCENTILES_HELP).props("dense").classes("percentiles") as self._expansion:
            # What scrolls sideways in a narrow window can be reached by the keyboard, which Quasar's own does not offer.
            with ui.element("div").classes("figures-scroll").props(f'tabindex=0 role=group aria-label="{texts.PERCENTILES}"'):
                self._table = ui.table(columns=columns(), rows=[], row_key="key").classes("figures-table")
                self._table.props("flat dense wrap-cells hide-bottom")
            self._more = ui.label().classes("percentiles-more")
        self._expansion.on_value_change(self._opened)
        return self._expansion

    async def refresh(self, window: Window | None, which: RequestFilter) -> None:
        """Show the figures of a window, where the table is open.

        Raises:
            StoreError: the store cannot be read.
        """
        if not self._expansion.value or window is None:
            return
        self._asked = asked = self._asked + 1
        found = await self._history.overview(Window(window.since_ns, window.until_ns), which, BY)
        if asked != self._asked:
            return
        groups = sorted(found.groups, key=lambda group: -group.figures.requests)
        self._table.rows = rows(groups[:MOST])
        self._table.set_visibility(bool(groups))
        self._more.text = texts.more_groups(len(groups) - MOST) if len(groups) > MOST else "" if groups else texts.NO_GROUP
        self._more.set_visibility(bool(self._more.text))

    async def _opened(self) -> None:
        if self._expansion.value:
            await self._on_open()


def columns() -> list[dict[str, Any]]:
    """The table's columns, as Quasar takes them; numbers come as they are, so that they sort, and are written by the browser."""
    words = {"provider": texts.PROVIDER, "model": texts.MODEL, "endpoint": texts.ENDPOINT}
    numbers = {"requests": (texts.COUNT, "v => v.toLocaleString('en').replaceAll(',', '\u2009')"), "failed": (texts.FAILED, _SHARE)}
    for field, name in (("duration", texts.DURATION), ("first", texts.FIRST)):
        numbers |= {f"{field}_{quantile}": (f"{name} {quantile}", SECONDS) for quantile in QUANTILES}
    numbers["speed"] = (common.SPEED, _FIGURE)
    return [{"name": field, "label": label, "field": field, "align": "left", "sortable": True} for field, label in words.items()] + [
        {"name": field, "label": label, "field": field, "align": "right", "sortable": True, ":format": written}
        for field, (label, written) in numbers.items()
    ]


def rows(groups: Sequence[Group]) -> list[dict[str, Any]]:
    """A row for each group; durations are seconds, None where there is no value."""
    return [_row(group) for group in groups]


def _row(group: Group) -> dict[str, Any]:
    figures = group.figures
    provider, model, endpoint = (group.group[dimension] or "" for dimension in BY)
    row: dict[str, Any] = {
        "key": f"{provider}\n{model}\n{endpoint}",
        "provider": provider,
        "model": model or common.UNKNOWN_MODEL,
        "endpoint": views.short_endpoint(endpoint),
        "requests": figures.requests,
        "failed": figures.counts[RequestStatus.FAILED] / figures.requests,
        "speed": figures.speed,
    }
    for name, of in (("duration", figures.duration), ("first", figures.first_chunk)):
        row |= {f"{name}_{quantile}": None if (ns := of.quantile(q)) is None else ns / SECOND for quantile, q in QUANTILES.items()}
    return row
