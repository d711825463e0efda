"""The start page: what is wrong, the model servers and their models, the chat, and what happens now; to see and act without leaving it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.home.alert_banner import AlertBanner
from venom_otel.cockpit.home.chat import ChatPanel
from venom_otel.cockpit.home.live_feed import LiveFeed
from venom_otel.cockpit.home.models_panel import ModelsPanel
from venom_otel.cockpit.home.servers_panel import ServersPanel

if TYPE_CHECKING:
    from venom_otel.cockpit.history.address import ListAddress
    from venom_otel.cockpit.home.part import Part
    from venom_otel.services.offered import Services


class HomePage:
    """One browser's start page; what is not offered is left out."""

    def __init__(self, services: Services, otlp_address: str, address: ListAddress) -> None:
        self._above: list[Part] = []
        self._left: list[Part] = []
        self._right: list[Part] = []
        if services.alerts is not None:
            self._above.append(AlertBanner(services.alerts, services.servers))
        if services.servers is not None and services.operations is not None:
            self._left.append(ServersPanel(services.servers, services.operations))
            if services.catalogue is not None:
                self._left.append(ModelsPanel(services.servers, services.operations, services.catalogue))
        if services.servers is not None:
            self._right.append(ChatPanel(services.tasks, services.servers))
        self._feed: list[Part] = [LiveFeed(services.history, otlp_address, address)]

    async def show(self) -> None:
        """Build the page and keep it true until the reader goes elsewhere, which cancels this."""
        with ui.element("div").classes("home"):
            ui.label(texts.HOME).props("role=heading aria-level=1").classes("hidden-words")
            for part in self._above:
                part.build()
            for place, parts in (("home-left", self._left), ("home-right", self._right), ("home-feed", self._feed)):
                with ui.element("div").classes(place):
                    for part in parts:
                        part.build()
        async with asyncio.TaskGroup() as group:
            for part in (*self._above, *self._left, *self._right, *self._feed):
                group.create_task(part.keep())
