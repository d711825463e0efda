"""What is wrong now, above everything else: who, what, in whose words, and what can be done about it at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.home import server_views
from venom_otel.cockpit.mending import Means, mended_by, row_key
from venom_otel.cockpit.words import Words
from venom_otel.services.alerts.model import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.control.model import Action
    from venom_otel.health import Server
    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.services.servers import LlmServers

SHOWN: Final = 3
"""Alerts at a time; the others are counted."""
PAUSE_S: Final = 0.5
IDLE_S: Final = 5.0


class AlertBanner:
    """One browser's look at the alerts that are active and that nobody has acknowledged."""

    def __init__(self, alerts: Alerts, servers: LlmServers | None) -> None:
        self._alerts = alerts
        self._servers = servers
        self._rows: list[_Row] = []

    def build(self) -> None:
        """Build it, still empty."""
        with ui.element("section").classes("alerts").props(f'aria-label="{texts.ALERTS}"') as self._banner:
            self._list = ui.element("div")
            self._more = ui.link(target="/alerts?state=active").classes("quiet-link alert-more")
        self._banner.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        with self._alerts.changes() as changes:
            while await changes.look_due(PAUSE_S, IDLE_S):
                self._show([alert for alert in self._alerts.all() if alert.active and alert.acknowledged_ns is None])

    def _show(self, alerts: Sequence[Alert]) -> None:
        shown = [(alert, mended_by(alert, self._servers)) for alert in alerts[:SHOWN]]
        if [row.key for row in self._rows] != [row_key(alert, mended) for alert, mended in shown]:
            self._list.clear()
            with self._list:
                self._rows = [_Row(alert, mended, self._alerts, self._servers) for alert, mended in shown]
        for row, (alert, _) in zip(self._rows, shown, strict=True):
            row.show(alert)
        self._more.text = texts.more_alerts(len(alerts) - SHOWN)
        self._more.set_visibility(len(alerts) > SHOWN)
        self._banner.set_visibility(bool(alerts))


class _Row:
    """One alert; its words change in their place, so that a button stays under the hand that presses it."""

    def __init__(self, alert: Alert, mended: tuple[Server, Action] | None, alerts: Alerts, servers: LlmServers | None) -> None:
        self.key = row_key(alert, mended)
        with ui.element("div").classes("alert").props("role=alert"):
            ui.element("span").classes("state-mark")
            with ui.element("div").classes("alert-words"):
                self._summary = ui.label().classes("alert-summary")
                self._cause = Words().classes("alert-cause")
            self._since = ui.label().classes("muted alert-since").tooltip(texts.SINCE_FIRST)
            self._means = Means(alert, mended, alerts, servers)
        self.show(alert)

    def show(self, alert: Alert) -> None:
        """Show it as it is now."""
        self._summary.text = summary(alert)
        self._cause.text = alert.newest.words
        self._since.text = server_views.for_how_long(alert.first_ns)
        self._means.show(alert)
