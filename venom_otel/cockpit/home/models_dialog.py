"""The models of one server, in a dialog: use one, delete one, fetch another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import background_tasks, ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.asking import done, sure
from venom_otel.cockpit.home import server_views
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from venom_otel.health import Server
    from venom_otel.services.catalogue import Catalogue, Listing
    from venom_otel.services.model_list import Model, Provider
    from venom_otel.state.model import Operation


class ModelsDialog:
    """Shows the models of a server, and those in folders that it could serve.

    Args:
        server: whose models.
        catalogue: knows them, and does something with them.
        began: told of an operation that begins, whose steps are then shown elsewhere.
    """

    def __init__(self, server: Server, catalogue: Catalogue, began: Callable[[], None]) -> None:
        self._runtime = server.runtime
        self._catalogue = catalogue
        self._began = began
        self._shown: object = None

    async def open(self) -> None:
        """Show it until the reader closes it."""
        with ui.dialog() as dialog, ui.card().classes("ask models-dialog"):
            with ui.element("div").classes("models-head"):
                ui.label(texts.models_of(self._runtime.label)).props("role=heading aria-level=2").classes("panel-title")
                ui.space()
                close = ui.button(icon="close", on_click=dialog.close, color=None).props(f'flat round dense aria-label="{texts.CLOSE}"')
                close.classes("icon-button small")
            self._body = ui.element("div").classes("models")
            self._dialog = dialog
        self._show(await self._catalogue.now())
        anew = background_tasks.create(self._look_anew(), name="models of a server")
        try:
            await dialog
        finally:
            anew.cancel()
            dialog.delete()

    async def _look_anew(self) -> None:
        """Show what is there now, once the server has said so."""
        self._show(await self._catalogue.now(0))

    def _show(self, listing: Listing) -> None:
        group = next((each for each in listing.providers if each.provider == self._runtime.provider), None)
        known = (group.models, group.unsupported) if group is not None else None
        if known == self._shown and known is not None:
            return  # what the reader is typing stays
        self._shown = known
        self._body.clear()
        with self._body:
            own = [model for model in group.models if model.server in {self._runtime.name, None}] if group is not None else []
            if not own:
                ui.label(texts.NO_MODELS).classes("muted")
            for model in own:
                self._row(model)
            if group is not None:
                self._fetching(group)

    def _row(self, model: Model) -> None:
        with ui.element("div").classes("model-row" + (" is-configured" if model.configured else "")):
            with ui.element("div").classes("model-who"):
                with ui.element("div").classes("model-title"):
                    ui.label(model.friendly_name).classes("model-friendly")
                    for words in server_views.marks(model):
                        ui.label(words).classes("model-mark")
                ui.label(model.name).classes("server-where")
                ui.label(server_views.model_facts(model)).classes("muted")
                if model.folder is not None and model.folder.problem is not None:
                    ui.label(model.folder.problem).classes("model-problem")
                elif (why := model.unsupported.get(Kind.ACTIVATE)) is not None:
                    ui.label(why).classes("muted model-why")
            if Kind.ACTIVATE not in model.unsupported and not (model.configured and model.loaded):
                self._button(
                    texts.ACTIVATE, texts.ACTIVATE_HELP, lambda: self._catalogue.activate(model.provider, model.name, "page", model.server)
                )
            if Kind.REMOVE not in model.unsupported:
                ui.button(icon="delete_outline", on_click=lambda: self._remove(model), color=None).props(
                    f'flat round dense aria-label="{texts.remove(model.friendly_name)}"'
                ).classes("icon-button small").tooltip(texts.remove(model.friendly_name))

    def _fetching(self, group: Provider) -> None:
        """A field for the name of a model to fetch; or the words that say how else one gets there."""
        if (why := group.unsupported.get(Kind.INSTALL)) is not None:
            ui.label(why).classes("muted models-how")
            return
        with ui.element("form").classes("models-fetch") as form:
            name = (
                ui.input(placeholder=texts.FETCH_EXAMPLE)
                .props(f'dense borderless aria-label="{texts.FETCH_NAME}"')
                .classes("choice search")
            )
            ui.button(texts.FETCH, color=None).props("flat dense no-caps type=submit").classes("quiet-button")

        async def fetch() -> None:
            if wanted := (name.value or "").strip():
                await self._begin(self._catalogue.install(group.provider, wanted, "page", self._runtime.name))

        form.on("submit.prevent", fetch)

    def _button(self, words: str, help_words: str, begin: Callable[[], Awaitable[Operation]]) -> None:
        async def press() -> None:
            await self._begin(begin())

        ui.button(words, on_click=press, color=None).props("flat dense no-caps").classes("quiet-button").tooltip(help_words)

    async def _remove(self, model: Model) -> None:
        words = texts.removes(model.name, server_views.size(model.size_bytes))
        if await sure(f"{texts.remove(model.friendly_name)}?", words, texts.REMOVE):
            await self._begin(self._catalogue.remove(model.provider, model.name, "page", model.server))

    async def _begin(self, beginning: Awaitable[Operation]) -> None:
        if await done(beginning):
            self._began()
            self._dialog.close()
