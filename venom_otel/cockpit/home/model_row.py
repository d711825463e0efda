"""One model in its column: what it is, where, and what can be done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from nicegui import ui

from venom_otel.cockpit.controls import icon_button, quiet_button
from venom_otel.cockpit.home import model_views
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.cockpit.words import Words
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.health import Server
    from venom_otel.services.model_list import Model


class Actions(Protocol):
    """What is done with models where somebody presses a button."""

    async def activate(self, model: Model, server: str | None) -> None:
        """Use it from now on, on the server of that name."""

    async def remove(self, model: Model) -> None:
        """Delete it, once whoever wants it means it."""


class ModelRow:
    """Shows one model.

    Args:
        model: which.
        servers: those of its provider; where there are several, each row says whose it is.
        actions: does what is asked for.
    """

    def __init__(self, model: Model, servers: Sequence[Server], actions: Actions) -> None:
        self._actions = actions
        self._buttons: list[ui.button] = []
        self._enabled = True
        self._model = model
        self._servers: Sequence[Server] = servers
        self._names = ""
        with ui.element("div").props("role=listitem") as self.element:
            pass
        self._build()

    def show(self, model: Model, servers: Sequence[Server]) -> None:
        """Show how it is now."""
        names = [server.runtime.name for server in servers]
        if model != self._model or names != [server.runtime.name for server in self._servers]:
            self._model, self._servers = model, servers
            self._build()

    def matches(self, words: str) -> bool:
        """Whether somebody looks for it."""
        return model_views.matches(self._model, words)

    def enable(self, *, enabled: bool) -> None:
        """Let its buttons be pressed, or not while something else is being done."""
        if enabled != self._enabled:
            self._enabled = enabled
            for button in self._buttons:
                button.set_enabled(enabled)

    def _build(self) -> None:
        model = self._model
        self._buttons.clear()
        self.element.clear()
        self.element.classes(replace="model" + (" is-configured" if model.configured else ""))
        with self.element:
            with ui.element("div").classes("model-title"):
                ui.label(model.friendly_name).classes("model-friendly")
                for words in model_views.marks(model):
                    ui.label(words).classes("model-mark" + ("" if words == texts.ACTIVE else " is-loaded"))
            with ui.element("div").classes("model-acts"):
                self._acts(model)
            with ui.element("div").classes("model-about"):
                ui.label(model.name).classes("model-name")
                facts = [part.replace(" ", "\u00a0") for part in (self._whose(), *model_views.facts(model)) if part]
                ui.label(" · ".join(facts)).classes("model-facts")
            if model.folder is not None and model.folder.problem is not None:
                Words(model.folder.problem).classes("model-problem")
        for button in self._buttons:
            button.set_enabled(self._enabled)

    def _whose(self) -> str:
        """Which server has it, where that is not plain."""
        if self._model.server is None:
            return texts.NOT_SERVED
        several = len(self._servers) > 1
        return next((one.runtime.label for one in self._servers if several and one.runtime.name == self._model.server), "")

    def _acts(self, model: Model) -> None:
        if model_views.can_be_activated(model):
            self._activate(model)
        if why := model_views.reasons(model):
            with icon_button("info_outline", texts.why_not(model.friendly_name)), ui.menu().props("role=note").classes("model-words"):
                for one in why:
                    Words(one)
        if Kind.REMOVE not in model.unsupported:
            remove = icon_button("delete_outline", texts.remove(model.friendly_name))
            remove.tooltip(texts.remove(model.friendly_name))
            self._buttons.append(remove.on_click(lambda: self._actions.remove(model)))

    def _activate(self, model: Model) -> None:
        button = quiet_button(model_views.activate(model))
        button.props["aria-label"] = model_views.activates(model)
        self._buttons.append(button)
        if model.server is not None or len(self._servers) < 2:  # noqa: PLR2004 - with several, somebody must choose
            button.on_click(lambda: self._actions.activate(model, model.server))
            return
        with button, ui.menu():
            for server in self._servers:
                name = server.runtime.name
                ui.menu_item(server.runtime.label, lambda name=name: self._actions.activate(model, name))
