"""How many alerts nobody has acknowledged, beside the way to them: one look for the process, the same in every open page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit.texts import header as words

if TYPE_CHECKING:
    from venom_otel.services.alerts.watch import Alerts

PAUSE_S: Final = 0.5
IDLE_S: Final = 5.0
MOST: Final = 99
"""More are shown as so many and a plus."""


class AlertCount:
    """Follows the alerts and shows their number."""

    def __init__(self, alerts: Alerts) -> None:
        self._alerts = alerts
        self._number = 0

    async def follow(self) -> None:
        """Keep every open page's number true; runs until it is cancelled, or until waiting was ended."""
        with self._alerts.changes() as changes:
            while await changes.look_due(PAUSE_S, IDLE_S):
                before, self._number = self._number, sum(alert.active and alert.acknowledged_ns is None for alert in self._alerts.all())
                if self._number != before:
                    self.show.refresh()

    @ui.refreshable_method
    def show(self) -> None:
        """Put the number where the page is at this moment; nothing for none."""
        if self._number:
            number = str(self._number) if self._number <= MOST else f"{MOST}+"
            ui.label(number).classes("nav-count").props(f'role=img aria-label="{words.unacknowledged(self._number)}"')
