"""The model servers: how each is, and what it can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit.home.server_card import ServerCard
from venom_otel.cockpit.texts import servers as texts
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.runtimes.model import Status

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.health import Server
    from venom_otel.services.operations import Operations
    from venom_otel.services.servers import LlmServers

IDLE_S: Final = 5.0
"""Seconds between two looks at what is known while no state changes: latencies do, and time passes."""
PAUSE_S: Final = 0.2


class ServersPanel:
    """One browser's look at the model servers."""

    def __init__(self, servers: LlmServers, operations: Operations) -> None:
        self._servers = servers
        self._operations = operations
        self._visit = Visit()
        self._cards: dict[str, ServerCard] = {}

    def build(self) -> None:
        """Build it, still empty."""
        with ui.element("section").classes("servers-panel").props(f'aria-label="{texts.TITLE}" tabindex=0') as self._panel:
            with ui.element("div").classes("servers-head"):
                ui.label(texts.TITLE).props("role=heading aria-level=2").classes("servers-title")
                self._offline = ui.label().classes("servers-offline")
            self._list = ui.element("div").classes("servers")
            self._none = _none()
        self._panel.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        with self._visit, self._servers.changes() as changes:
            await self._servers.all()  # so that the first that is shown is all of them
            while await changes.look_due(PAUSE_S, IDLE_S):
                self._show(self._servers.known())

    def _show(self, servers: Sequence[Server]) -> None:
        names = {server.runtime.name for server in servers}
        for name in self._cards.keys() - names:
            self._cards.pop(name).remove()
        for server in servers:
            card = self._cards.get(server.runtime.name)
            if card is not None:
                card.show(server)
                continue
            with self._list:
                self._cards[server.runtime.name] = ServerCard(server, self._servers, self._operations, self._visit)
        offline = sum(server.condition.status is Status.OFFLINE for server in servers)
        self._offline.text = texts.offline(offline, len(servers)) if offline else ""
        self._none.set_visibility(not servers)
        self._panel.set_visibility(True)


def _none() -> ui.element:
    """What to do where no server is known."""
    with ui.element("div").classes("servers-none") as none:
        ui.label(texts.NONE_TITLE).classes("servers-none-title")
        Words(texts.NONE).classes("muted")
        with ui.element("ul").classes("servers-variables"):
            for variable in texts.VARIABLES:
                with ui.element("li"):
                    ui.label(variable)
        ui.link(texts.SETTINGS_LINK, "/settings").classes("quiet-link")
    return none
