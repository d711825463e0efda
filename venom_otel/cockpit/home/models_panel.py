"""All models: a column for each kind of server, what is being done with them, and what can be."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import texts as common
from venom_otel.cockpit.asking import done, sure
from venom_otel.cockpit.controls import quiet_button
from venom_otel.cockpit.home import model_views
from venom_otel.cockpit.home.model_column import ModelColumn
from venom_otel.cockpit.home.model_operation import ModelOperation
from venom_otel.cockpit.home.server_views import size
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.names import address_variable
from venom_otel.runtimes.names import label as provider_label
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Sequence

    from venom_otel.health import Server
    from venom_otel.services.catalogue import Catalogue, Listing
    from venom_otel.services.model_list import Model, Provider
    from venom_otel.services.operations import Operations
    from venom_otel.services.servers import LlmServers
    from venom_otel.state.model import Operation

IDLE_S: Final = 5.0
"""Seconds between two looks at what the monitor knows while no state changes: models come into memory, and time passes."""
PAUSE_S: Final = 0.25
"""Seconds between two looks at what is being done, which is in memory."""


class ModelsPanel:
    """One browser's look at the models. What servers are asked is the monitor's business: nothing here makes it ask more often."""

    def __init__(self, servers: LlmServers, operations: Operations, catalogue: Catalogue) -> None:
        self._servers = servers
        self._operations = operations
        self._catalogue = catalogue
        self._columns: dict[str, ModelColumn] = {}
        self._listing: Listing | None = None
        self._doing: dict[str, ModelOperation] = {}
        """By server."""
        self._followed: set[str] = set()
        """Operations that are shown, and those that were over before."""
        self._visit = Visit()
        self._looking = asyncio.Lock()

    def build(self) -> None:
        """Build it, still empty."""
        with ui.element("section").classes("models-panel").props(f'aria-label="{texts.MODELS}"') as self._panel:
            with ui.element("div").classes("models-bar"):
                ui.label(texts.MODELS).props("role=heading aria-level=2").classes("models-title")
                ui.space()
                self._absent = quiet_button().classes("models-absent")
                with self._absent, ui.menu().props("role=note").classes("model-words"):
                    self._absent_words = Words()
            self._nothing = ui.label(texts.NO_SERVERS).classes("muted models-nothing")
            self._under_way = ui.element("div").classes("models-operations")
            self._places = ui.element("div").classes("models-columns")
        self._panel.set_visibility(False)

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
        self._followed = {each.id for each in self._operations.of_this_process() if each.finished_ns is not None}
        with self._visit, self._servers.changes() as changes:
            self._visit.begin(self._watch(), "what is being done with models")
            while await changes.look_due(PAUSE_S, IDLE_S):
                await self._look()

    async def activate(self, model: Model, server: str | None) -> None:
        """Use it from now on; asks first where a server that works is started anew for it."""
        if (stopped := self._started_anew(model, server)) is not None:
            title = f"{model_views.activates(model)}?"
            words = texts.restarts(stopped.runtime.label, common.breaks_off(stopped.reading.requests_running))
            if not await sure(title, words, model_views.activate(model)):
                return
        await self._begin(self._catalogue.activate(model.provider, model.name, "page", server))

    async def remove(self, model: Model) -> None:
        """Delete it, once whoever wants it means it."""
        server = next((one.runtime.label for one in self._servers.known() if one.runtime.name == model.server), model.provider)
        words = texts.removes(model.name, server, size(model.size_bytes))
        if await sure(f"{texts.remove(model.friendly_name)}?", words, texts.REMOVE):
            await self._begin(self._catalogue.remove(model.provider, model.name, "page", model.server))

    async def _fetch(self, provider: str, model: str, server: str | None) -> bool:
        return await self._begin(self._catalogue.install(provider, model, "page", server)) and not self._visit.over

    async def _begin(self, beginning: Awaitable[Operation]) -> bool:
        async def begin() -> None:
            self._follow(await beginning)

        return await done(begin())

    def _started_anew(self, model: Model, server: str | None) -> Server | None:
        """The server that answers now, and that is started anew to serve a model."""
        if model.server is not None or self._listing is None:
            return None
        own = [one for group in self._listing.providers if group.provider == model.provider for one in group.servers]
        meant = [one for one in own if server in {None, one.runtime.name} and one.condition.status is Status.ONLINE]
        return meant[0] if meant else None

    async def _look(self) -> None:
        """Show what is known now; one look after another, so that an older one never comes last."""
        async with self._looking:
            self._show(await self._catalogue.now())

    def _show(self, listing: Listing) -> None:
        self._listing = listing
        there = [group for group in listing.providers if group.servers or group.models]
        for provider in self._columns.keys() - {group.provider for group in there}:
            self._columns.pop(provider).element.delete()
        for group in there:
            if group.provider not in self._columns:
                with self._places:
                    self._columns[group.provider] = ModelColumn(group.provider, self, self._fetch)
            self._columns[group.provider].show(group, listing.no_folders)
        self._nothing.set_visibility(not there)
        self._show_absent([group for group in listing.providers if not group.servers] if there else [])
        self._enable()
        self._panel.set_visibility(True)

    def _show_absent(self, groups: Sequence[Provider]) -> None:
        """Say which kinds of servers there could be, too."""
        labels = {group.provider: provider_label(group.provider) for group in groups}
        self._absent.set_text(texts.no_server(list(labels.values())))
        self._absent_words.text = "\n".join(texts.set_address(label, address_variable(name)) for name, label in labels.items())
        self._absent.set_visibility(bool(labels))

    async def _watch(self) -> None:
        """Show what is being done, whoever began it."""
        while True:
            known = self._operations.of_this_process()
            self._followed &= {operation.id for operation in known}
            for operation in known:
                self._follow(operation)
            self._enable()
            for doing in self._doing.values():
                doing.tick()
            await asyncio.sleep(PAUSE_S)

    def _follow(self, operation: Operation) -> None:
        wanted = operation.wanted
        if wanted.model is None or operation.id in self._followed or self._visit.over:
            return
        self._followed.add(operation.id)
        self._enable()
        if wanted.server not in self._doing:
            with self._under_way:
                self._doing[wanted.server] = ModelOperation(self._operations, wanted)
        self._visit.begin(self._shown(self._doing[wanted.server].follow(operation)), f"following {operation.id}")

    async def _shown(self, following: Awaitable[None]) -> None:
        await following
        await self._look()

    def _enable(self) -> None:
        running = [self._operations.running(server.runtime.name) for server in self._servers.known()]
        now = [operation.wanted for operation in running if operation is not None]
        activating = any(wanted.kind is Kind.ACTIVATE for wanted in now)
        for provider, column in self._columns.items():
            column.enable({wanted.server for wanted in now if wanted.provider == provider}, activating=activating)
