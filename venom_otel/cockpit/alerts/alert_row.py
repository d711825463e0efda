"""One alert, with all that is known of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit.elements import LocalTime
from venom_otel.cockpit.mending import Means, row_key
from venom_otel.cockpit.texts import alerts as texts
from venom_otel.cockpit.words import Words
from venom_otel.services.alerts.model import summary

if TYPE_CHECKING:
    from venom_otel.control.model import Action
    from venom_otel.health import Server
    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.services.servers import LlmServers


class AlertRow:
    """Shows one; its words change in their place, so that a button stays under the hand that presses it."""

    def __init__(self, alert: Alert, mended: tuple[Server, Action] | None, alerts: Alerts, servers: LlmServers | None) -> None:
        self.key = row_key(alert, mended)
        self._times: tuple[int, ...] = ()
        look = "is-active" if alert.active else "is-over"
        with ui.element("article").classes(f"alert-row {look}").props("role=listitem"):
            with ui.element("div").classes("alert-row-head"):
                ui.element("span").classes("state-mark")
                ui.label(texts.ACTIVE if alert.active else texts.RESOLVED).classes("alert-row-state")
                ui.label(texts.KINDS[alert.subject.kind]).classes("alert-row-kind")
                ui.space()
                self._means = Means(alert, mended, alerts, servers)
            self._summary = ui.label().classes("alert-row-summary")
            self._cause = Words().classes("alert-row-cause")
            self._facts = ui.element("div").classes("alert-row-facts muted")
        self.show(alert)

    def show(self, alert: Alert) -> None:
        """Show it as it is now."""
        self._summary.text = summary(alert)
        self._cause.say(alert.newest.words)
        self._means.show(alert)
        times = (alert.first_ns, alert.last_ns, alert.resolved_ns or 0, alert.acknowledged_ns or 0, alert.count, alert.relapses)
        if times == self._times:
            return
        self._times = times
        self._facts.clear()
        with self._facts:
            _at(texts.FIRST, alert.first_ns)
            if alert.last_ns != alert.first_ns:
                _at(texts.LAST, alert.last_ns)
            ui.label(texts.times(alert.count))
            if alert.relapses:
                ui.label(texts.relapses(alert.relapses))
            if alert.newest.service:
                ui.label(alert.newest.service)
            if alert.acknowledged_ns is not None:
                _at(texts.SEEN, alert.acknowledged_ns)
            if alert.resolved_ns is not None:
                _at(texts.ENDED, alert.resolved_ns, f": {alert.resolution}" if alert.resolution else "")


def _at(words: str, at_ns: int, more: str = "") -> None:
    with ui.element("span").classes("alert-row-fact"):
        ui.label(words)
        LocalTime(at_ns, short=True)
        if more:
            Words(more)
