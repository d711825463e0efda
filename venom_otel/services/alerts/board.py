"""What is wrong now: troubles become alerts, and alerts end. No time is read and nothing is asked here.

Equal troubles are one alert with a count. It ends when things are seen to be right after its newest trouble, or when a day has passed
without another. An alert that ended and whose trouble comes back within `RELAPSE_NS` goes on, with its count; from then on requests must
have gone well for `STEADY_NS` before it ends again, so that a server that fails every other one is one alert and no flicker. (Whether a
server is online does not flicker: `health.condition` sees to that.)
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

from venom_otel.services.alerts.model import Alert, AlertKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from venom_otel.services.alerts.model import Subject, Trouble

SECOND: Final = 1_000_000_000
RELAPSE_NS: Final = 300 * SECOND
STEADY_NS: Final = 15 * SECOND
QUIET_NS: Final = 24 * 3600 * SECOND
MAX_ALERTS: Final = 1000
"""Alerts on the board; beyond, those that changed longest ago leave it, ended ones first."""


class Board:
    """The alerts that are active, and those that ended lately.

    Args:
        alerts: what was known when the program ended.
    """

    def __init__(self, alerts: Iterable[Alert] = ()) -> None:
        self._alerts: dict[Subject, Alert] = {}
        for alert in sorted(alerts, key=lambda alert: alert.first_ns):
            self._alerts[alert.subject] = alert
        self._changed: dict[str, Alert] = {}

    @property
    def alerts(self) -> Sequence[Alert]:
        """Of each subject the newest alert: active ones first, then the newest first."""
        return sorted(self._alerts.values(), key=lambda alert: (not alert.active, -alert.changed_ns))

    @property
    def active(self) -> Sequence[Alert]:
        """Those that are."""
        return [alert for alert in self.alerts if alert.active]

    def about(self, subject: Subject) -> Alert | None:
        """The active alert about something."""
        alert = self._alerts.get(subject)
        return alert if alert is not None and alert.active else None

    def take_changed(self) -> Sequence[Alert]:
        """The alerts that have changed since this was last asked, as they are now."""
        changed = list(self._changed.values())
        self._changed.clear()
        return changed

    def trouble(self, trouble: Trouble) -> None:
        """Count something that went wrong."""
        known = self._alerts.get(trouble.subject)
        if known is None or (known.resolved_ns is not None and trouble.at_ns - known.resolved_ns > RELAPSE_NS):
            alert = Alert(_id(trouble), trouble, 1, trouble.at_ns)
        else:
            newest = trouble if trouble.at_ns >= known.last_ns else known.newest
            alert = replace(known, newest=newest, count=known.count + 1, first_ns=min(known.first_ns, trouble.at_ns))
            if alert.resolved_ns is not None and trouble.at_ns > alert.resolved_ns:
                alert = replace(
                    alert, resolved_ns=None, resolution=None, relapses=alert.relapses + 1, acknowledged_ns=None, acknowledged_by=None
                )
        self._set(alert)
        self._make_room()

    def right(self, alert: Alert, at_ns: int, now_ns: int, resolution: str) -> None:
        """Things were seen to be right.

        Args:
            alert: which alert this is about.
            at_ns: when they were.
            now_ns: the time.
            resolution: how this was seen, in words.
        """
        steady = alert.relapses == 0 or alert.subject.kind is AlertKind.SERVER_OFFLINE or now_ns - alert.last_ns >= STEADY_NS
        if alert.active and at_ns > alert.last_ns and steady:
            self._set(replace(alert, resolved_ns=now_ns, resolution=resolution))

    def let_rest(self, now_ns: int) -> None:
        """End the alerts of requests that nobody has sent again for a day; a server's offline alert lasts as long as that."""
        for alert in self.active:
            if alert.subject.kind is not AlertKind.SERVER_OFFLINE and now_ns - alert.last_ns > QUIET_NS:
                self._set(replace(alert, resolved_ns=now_ns, resolution="nothing of the kind for a day"))

    def acknowledge(self, alert_id: str, by: str, now_ns: int) -> Alert | None:
        """Note that a person knows; None where there is no such alert. One that was acknowledged before stays as it was."""
        found = next((alert for alert in self._alerts.values() if alert.id == alert_id), None)
        if found is not None and found.acknowledged_ns is None:
            found = replace(found, acknowledged_ns=now_ns, acknowledged_by=by)
            self._set(found)
        return found

    def _set(self, alert: Alert) -> None:
        self._alerts[alert.subject] = alert
        self._changed[alert.id] = alert

    def _make_room(self) -> None:
        if len(self._alerts) > MAX_ALERTS:
            oldest = min(self._alerts.values(), key=lambda alert: (alert.active, alert.changed_ns))
            del self._alerts[oldest.subject]


def _id(first: Trouble) -> str:
    """Subject and beginning, so that the same telemetry makes the same alert."""
    return f"{first.subject.fingerprint}-{first.at_ns:x}"
