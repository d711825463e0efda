"""A field for the name of a model to fetch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit.controls import quiet_button, select_of
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.runtimes.model import Status
from venom_otel.services.model_actions import fetchable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from venom_otel.health import Server


class FetchForm:
    """Asks which model, and of several servers which one fetches it.

    Args:
        label: the provider's, for people.
        fetch: begins it, given the model's name and the server's; whether it was begun.
    """

    def __init__(self, label: str, fetch: Callable[[str, str | None], Awaitable[bool]]) -> None:
        self._fetch = fetch
        with ui.element("form").classes("model-fetch").on("submit.prevent", self._asked) as self.element:
            self._server = select_of(texts.FETCH_FROM, {})
            self._name = ui.input(placeholder=texts.FETCH_EXAMPLE).classes("choice model-field")
            self._name.props("dense borderless hide-bottom-space autocomplete=off spellcheck=false")
            self._name.props["aria-label"] = texts.fetch_with(label)
            self._button = quiet_button(texts.FETCH).props("type=submit")

    def show(self, servers: Sequence[Server]) -> None:
        """Offer these servers, as far as they answer."""
        online = {one.runtime.name: one.runtime.label for one in servers if one.condition.status is Status.ONLINE}
        if online != self._server.options:
            self._server.set_options(online, value=self._server.value if self._server.value in online else next(iter(online), None))
        self._server.set_visibility(len(online) > 1)

    def enable(self, *, enabled: bool) -> None:
        """Let it be pressed, or not while something else is being done."""
        if enabled != self._button.enabled:
            self._button.set_enabled(enabled)

    async def _asked(self) -> None:
        name = (self._name.value or "").strip()
        if not name:
            self._name.error = texts.FETCH_NOTHING
        elif not fetchable(name):
            self._name.error = texts.no_name(name)
        elif self._button.enabled and await self._fetch(name, self._server.value):
            self._name.value = ""
