"""Every alert that is kept, those that last first, and below them what model servers were told."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, urlsplit

from nicegui import ui

from venom_otel.cockpit.alerts.alert_row import AlertRow
from venom_otel.cockpit.elements import LocalTime
from venom_otel.cockpit.mending import mended_by, row_key
from venom_otel.cockpit.texts import alerts as texts
from venom_otel.cockpit.words import Words
from venom_otel.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.offered import Services
    from venom_otel.state.model import AuditEntry

PATH: Final = "/alerts"
SHOWN: Final = 100
"""Alerts at a time; the others are counted."""
ACTIVITY: Final = 30
"""Lines of the audit."""
PAUSE_S: Final = 0.5
IDLE_S: Final = 5.0
"""Seconds between two looks while nothing changes: time passes, and so does what can be done."""


class AlertsPage:
    """One browser's look at the alerts; which of them is part of the address.

    Args:
        services: of which `alerts` is there.
    """

    def __init__(self, services: Services) -> None:
        assert services.alerts is not None
        self._alerts = services.alerts
        self._servers = services.servers
        self._operations = services.operations
        self._has_webhook = services.webhook is not None
        self._rows: list[AlertRow] = []
        self._done: Sequence[AuditEntry] = ()
        given = dict(parse_qsl(urlsplit(ui.context.client.sub_pages_router.current_path).query)).get("state", "")
        self._state = given if given in texts.STATES else ""

    async def show(self) -> None:
        """Build the page and keep it true until the reader goes elsewhere, which cancels this."""
        self._build()
        with self._alerts.changes() as changes:
            while await changes.look_due(PAUSE_S, IDLE_S):
                self._look()

    def _build(self) -> None:
        with ui.element("div").classes("bar"):
            ui.label(texts.ALERTS).props("role=heading aria-level=1").classes("title")
            ui.space()
            ui.toggle(texts.STATES, value=self._state, on_change=lambda event: self._choose(event.value)).props(
                f'unelevated no-caps dense toggle-color=chosen toggle-text-color=chosen aria-label="{texts.STATE_FILTER}"'
            ).classes("segments")
        self._list = ui.element("div").classes("alert-list").props(f'role=list aria-label="{texts.ALERTS}"')
        self._more = ui.label().classes("muted alert-more")
        self._nothing = ui.label().classes("nothing").props("role=status")
        Words(texts.WEBHOOK if self._has_webhook else texts.NO_WEBHOOK).classes("muted alert-webhook")
        if self._operations is not None:
            with ui.element("section").classes("activity").props(f'aria-label="{texts.ACTIVITY}"'):
                ui.label(texts.ACTIVITY).props("role=heading aria-level=2").classes("panel-title")
                self._activity = ui.element("div")
                self._idle = ui.label(texts.NOTHING_DONE).classes("muted")

    def _choose(self, state: str) -> None:
        self._state = state
        ui.navigate.history.replace(f"{PATH}?state={state}" if state else PATH)
        self._look()

    def _look(self) -> None:
        wanted = [alert for alert in self._alerts.all() if not self._state or alert.active == (self._state == "active")]
        self._show(wanted)
        if self._operations is not None:
            with contextlib.suppress(StateError):  # the lines stay as they are
                self._show_done(self._operations.audit(None, ACTIVITY).items)

    def _show(self, alerts: Sequence[Alert]) -> None:
        shown = [(alert, mended_by(alert, self._servers) if alert.active else None) for alert in alerts[:SHOWN]]
        if [row.key for row in self._rows] != [row_key(alert, mended) for alert, mended in shown]:
            self._list.clear()
            with self._list:
                self._rows = [AlertRow(alert, mended, self._alerts, self._servers) for alert, mended in shown]
        for row, (alert, _) in zip(self._rows, shown, strict=True):
            row.show(alert)
        self._list.set_visibility(bool(shown))
        self._more.text = texts.more(len(alerts) - SHOWN)
        self._more.set_visibility(len(alerts) > SHOWN)
        self._nothing.text = {"active": texts.ALL_WELL, "resolved": texts.NOTHING_RESOLVED}.get(self._state, texts.NOTHING_YET)
        self._nothing.set_visibility(not shown)

    def _show_done(self, lines: Sequence[AuditEntry]) -> None:
        self._idle.set_visibility(not lines)
        if lines == self._done:
            return
        self._done = lines
        self._activity.clear()
        with self._activity:
            for line in lines:
                with ui.element("div").classes("done"):
                    LocalTime(line.at_ns)
                    ui.label(texts.done(line.wanted.kind, line.wanted.model, line.wanted.server)).classes("done-what")
                    ui.label(texts.OUTCOMES[line.outcome]).classes(f"done-outcome is-{line.outcome}")
                    ui.label(texts.BY.get(line.wanted.by, line.wanted.by)).classes("muted")
                    Words(in_one_line(line.detail or "")).classes("muted done-why")


def in_one_line(detail: str) -> str:
    """Why something failed: its words, and of the log that may follow them the last line."""
    words, _, log = detail.partition("\n")
    lines = log.strip().splitlines()
    return f"{words} {lines[-1].strip()}" if lines else words
