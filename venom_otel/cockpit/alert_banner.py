"""What is wrong now, above everything else: who, what, in whose words, and what can be done about it at once."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import server_views, texts
from venom_otel.control.model import Action
from venom_otel.errors import SettingsError, VenomError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Status
from venom_otel.services.alerts.model import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

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
        self._shown: list[tuple[object, ...]] = []

    def build(self) -> None:
        """Build it, still empty."""
        self._banner = ui.element("section").classes("alerts").props(f'aria-label="{texts.ALERTS}"')
        self._banner.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        with self._alerts.changes() as changes:
            while True:
                self._show([alert for alert in self._alerts.all() if alert.active and alert.acknowledged_ns is None])
                await asyncio.sleep(PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        if await anext(changes, None) is None:
                            return

    def _show(self, alerts: Sequence[Alert]) -> None:
        rows = [(alert.id, alert.count, alert.newest.words, _of(self._mended_by(alert))) for alert in alerts[:SHOWN]]
        shown: list[tuple[object, ...]] = [*rows, (len(alerts),)]
        if shown == self._shown:
            return
        self._shown = shown
        self._banner.clear()
        self._banner.set_visibility(bool(alerts))
        with self._banner:
            for alert in alerts[:SHOWN]:
                self._row(alert)
            if len(alerts) > SHOWN:
                ui.label(texts.more_alerts(len(alerts) - SHOWN)).classes("muted alert-more")

    def _row(self, alert: Alert) -> None:
        with ui.element("div").classes("alert").props("role=alert"):
            ui.element("span").classes("state-mark")
            with ui.element("div").classes("alert-words"):
                ui.label(summary(alert)).classes("alert-summary")
                ui.label(alert.newest.words).classes("alert-cause")
            ui.label(server_views.for_how_long(alert.first_ns)).classes("muted alert-since").tooltip(texts.SINCE_FIRST)
            if alert.newest.request_id:
                ui.link(texts.OPEN_TRACE, f"/requests/{alert.newest.request_id}").classes("quiet-link")
            if (mended := self._mended_by(alert)) is not None:
                server, action = mended
                self._button(texts.act_on(action, server.runtime.label), lambda: self._act(server, action))
            self._button(texts.ACKNOWLEDGE, lambda: self._alerts.acknowledge(alert.id, "page"))

    def _button(self, words: str, press: object) -> None:
        ui.button(words, on_click=press, color=None).props("flat dense no-caps").classes("quiet-button")  # type: ignore[arg-type]

    def _mended_by(self, alert: Alert) -> tuple[Server, Action] | None:
        """What the server that an alert is about can be told, so that things may be right again."""
        if self._servers is None:
            return None
        try:
            place = parse(alert.subject.endpoint).server
        except SettingsError:
            return None
        found = next((server for server in self._servers.known() if server.runtime.endpoint.server == place), None)
        if found is None:
            return None
        action = Action.RESTART if found.condition.status is Status.ONLINE else Action.START
        return (found, action) if action not in self._servers.unsupported(found.runtime) else None

    async def _act(self, server: Server, action: Action) -> None:
        assert self._servers is not None
        try:
            await self._servers.act(server.runtime.name, action, "page")
        except VenomError as error:
            ui.notify(str(error), type="negative", multi_line=True, close_button=texts.DISMISS, timeout=0)


def _of(mended: tuple[Server, Action] | None) -> tuple[str, Action] | None:
    return None if mended is None else (mended[0].runtime.name, mended[1])
