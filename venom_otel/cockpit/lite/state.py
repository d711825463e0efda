"""What the plain page shows as it is loaded, for browsers without a script; those with one go on from the API."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import lite
from venom_otel.services.alerts.model import summary

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.health import Server
    from venom_otel.services.active import Active
    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.offered import Services

_SECOND_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ActiveShown:
    """The active model."""

    label: str
    source: str = ""
    state: str = ""
    """As the API says it; empty where it is not known."""
    state_words: str = ""
    instead: str = ""
    """Who answers in its place and why, in one line."""
    request_id: str = ""
    """That shows it."""


@dataclass(frozen=True, slots=True)
class AlertShown:
    """An alert that is active."""

    id: str
    summary: str
    words: str
    since: str
    """ISO 8601, UTC."""
    since_words: str
    request_id: str
    acknowledged: bool


@dataclass(frozen=True, slots=True)
class ServerShown:
    """A model server."""

    name: str
    label: str
    endpoint: str
    state: str
    state_words: str
    words: str
    """Why it is not ready."""


@dataclass(frozen=True, slots=True)
class State:
    """All of it."""

    active: ActiveShown
    alerts: Sequence[AlertShown]
    servers: Sequence[ServerShown]


async def state(services: Services) -> State:
    """How things are now, by what is known: nobody is asked."""
    active = await services.active_model.now() if services.active_model is not None else None
    alerts = services.alerts.all() if services.alerts is not None else []
    servers = services.servers.known() if services.servers is not None else []
    return State(
        active=_active(active) if active is not None else ActiveShown(lite.NO_MODEL),
        alerts=[_alert(each) for each in alerts if each.active],
        servers=[_server(each) for each in servers],
    )


def _active(active: Active) -> ActiveShown:
    model, instead = active.model, active.instead
    if model is None:
        return ActiveShown(lite.NO_MODEL)
    condition = active.server.condition if active.server is not None else None
    words, request_id = "", ""
    if instead is not None:
        text = lite.SCRIPT["instead" if instead.words else "insteadUnknown"]
        words, request_id = str(text).format(label=instead.model.label, words=instead.words), instead.request.request_id
    return ActiveShown(
        label=model.label,
        source=lite.CONFIGURED if active.configured else lite.NOT_CONFIGURED,
        state=condition.state if condition is not None else "",
        state_words=texts.STATES[condition.state] if condition is not None else lite.NOT_WATCHED,
        instead=words,
        request_id=request_id,
    )


def _alert(alert: Alert) -> AlertShown:
    since = datetime.fromtimestamp(alert.first_ns // _SECOND_NS, UTC)
    return AlertShown(
        id=alert.id,
        summary=summary(alert),
        words=alert.newest.words,
        since=since.isoformat(),
        since_words=since.strftime("%Y-%m-%d %H:%M UTC"),
        request_id=alert.newest.request_id,
        acknowledged=alert.acknowledged_ns is not None,
    )


def _server(server: Server) -> ServerShown:
    condition = server.condition
    return ServerShown(
        name=server.runtime.name,
        label=server.runtime.label,
        endpoint=server.runtime.endpoint.url,
        state=condition.state,
        state_words=texts.STATES[condition.state],
        words=condition.cause or "",
    )
