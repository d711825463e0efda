"""What can be done about an alert at once: its trace, the button that may mend it, and taking note."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel import semconv
from venom_otel.cockpit import texts
from venom_otel.cockpit.controls import quiet_button
from venom_otel.cockpit.home.server_card import act
from venom_otel.control.model import Action
from venom_otel.errors import SettingsError
from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.model import Status
from venom_otel.services.alerts.model import AlertKind

if TYPE_CHECKING:
    from venom_otel.health import Server
    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.services.servers import LlmServers


_SAME_AFTER_A_RESTART: Final = frozenset(
    {
        semconv.KIND_AUTH,
        semconv.KIND_BAD_REQUEST,
        semconv.KIND_MODEL_NOT_FOUND,
        semconv.KIND_RATE_LIMITED,
        semconv.KIND_WRONG_PATH,
    }
)
"""Kinds of error that a server that is up would answer with again."""


def mended_by(alert: Alert, servers: LlmServers | None) -> tuple[Server, Action] | None:
    """What the server that an alert is about can be told, so that things may be right again.

    Nothing where it answers in another's place: it is the other one that is not well.
    """
    if servers is None or alert.subject.kind is AlertKind.FALLBACK:
        return None
    try:
        place = parse(alert.subject.endpoint).server
    except SettingsError:
        return None
    found = next((server for server in servers.known() if server.runtime.endpoint.server == place), None)
    if found is None:
        return None
    action = Action.RESTART if found.condition.status is Status.ONLINE else Action.START
    if action is Action.RESTART and alert.subject.error_kind in _SAME_AFTER_A_RESTART:
        return None
    return (found, action) if action not in servers.unsupported(found.runtime) else None


def row_key(alert: Alert, mended: tuple[Server, Action] | None) -> tuple[object, ...]:
    """What makes another row of an alert: the words of one that stays the same change in their place."""
    return (alert.id, alert.active, *((mended[0].runtime.name, mended[1]) if mended is not None else ()))


class Means:
    """The links and buttons of one alert."""

    def __init__(self, alert: Alert, mended: tuple[Server, Action] | None, alerts: Alerts, servers: LlmServers | None) -> None:
        self._trace = ui.link(texts.OPEN_TRACE).classes("quiet-link")
        if mended is not None and servers is not None:
            server, action = mended
            quiet_button(texts.act_on(action, server.runtime.label), lambda: act(servers, server, action))
        self._seen = quiet_button(texts.ACKNOWLEDGE, lambda: alerts.acknowledge(alert.id, "page"))
        self.show(alert)

    def show(self, alert: Alert) -> None:
        """Offer what makes sense now."""
        self._trace.props(f"href=/requests/{alert.newest.request_id}")
        self._trace.set_visibility(bool(alert.newest.request_id))
        self._seen.set_visibility(alert.active and alert.acknowledged_ns is None)
