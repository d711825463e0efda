"""The model servers, side by side above everything else."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.home.server_card import ServerCard

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
        self._cards: dict[str, ServerCard] = {}

    def build(self) -> None:
        """Build it, still empty."""
        self._panel = ui.element("section").classes("servers").props(f'aria-label="{texts.SERVERS}"')
        self._panel.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        with self._servers.changes() as changes:
            self._show(await self._servers.all())
            while True:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(IDLE_S):
                        if await anext(changes, None) is None:
                            return
                self._show(self._servers.known())
                await asyncio.sleep(PAUSE_S)

    def _show(self, servers: Sequence[Server]) -> None:
        names = {server.runtime.name for server in servers}
        for name in self._cards.keys() - names:
            self._cards.pop(name).remove()
        for server in servers:
            card = self._cards.get(server.runtime.name)
            if card is not None:
                card.show(server)
                continue
            with self._panel:
                self._cards[server.runtime.name] = ServerCard(server, self._servers, self._operations)
        self._panel.set_visibility(bool(servers))
