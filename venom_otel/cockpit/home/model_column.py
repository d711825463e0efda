"""The models of one kind of server: on which servers, which they are, and how another one gets there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import theme
from venom_otel.cockpit.controls import quiet_button
from venom_otel.cockpit.home import model_views, server_views
from venom_otel.cockpit.home.fetch_form import FetchForm
from venom_otel.cockpit.home.model_row import ModelRow
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.cockpit.words import Words
from venom_otel.runtimes.friendly import server_label
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.names import label as provider_label
from venom_otel.runtimes.protocol import Ability
from venom_otel.services.model_actions import keeper
from venom_otel.services.model_list import SERVES_FOLDERS
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Sequence

    from venom_otel.cockpit.home.model_row import Actions
    from venom_otel.services.model_list import Model, Provider

MOST_WITHOUT_FILTER: Final = 8
"""Models that are found at a glance."""

_Key = tuple[str, str | None]


class ModelColumn:
    """One provider's models.

    Args:
        provider: whose.
        actions: does what is asked for.
        fetch: begins to fetch a model, given the provider, the model's name and the server's.
    """

    def __init__(self, provider: str, actions: Actions, fetch: Callable[[str, str, str | None], Awaitable[bool]]) -> None:
        self._provider = provider
        self._actions = actions
        self._rows: dict[_Key, ModelRow] = {}
        self._places: list[tuple[ui.label, ui.label]] = []
        label = provider_label(provider)
        with ui.element("section").classes("model-column") as self.element:
            self.element.props["aria-label"] = texts.of_provider(label)
            with ui.element("div").classes("model-head"):
                ui.label(label).classes("provider model-provider").style(theme.provider_mark(provider))
                self._servers = ui.element("div").classes("model-servers")
                self._count = ui.label().classes("muted model-count").props("role=status")
            self._filter = ui.input(placeholder=texts.FILTER, on_change=self._filtered).classes("choice model-field model-filter")
            self._filter.props("dense borderless clearable hide-bottom-space type=search").props["aria-label"] = texts.filter_of(label)
            self._list = ui.element("div").classes("model-list").props("role=list")
            self._no_match = ui.label(texts.NO_MATCH).classes("muted model-nothing")
            self._nothing = Words().classes("muted model-nothing")
            self._form: FetchForm | None = None
            if keeper(provider, Ability.INSTALL) is not None:
                self._form = FetchForm(label, lambda model, server: fetch(provider, model, server))
            self._how = quiet_button(texts.HOW_TO_GET).classes("model-how")
            with self._how, ui.menu().props("role=note").classes("model-words"):
                self._steps = Words()

    def show(self, group: Provider, no_folders: str | None) -> None:
        """Show what is there now.

        Args:
            group: the provider.
            no_folders: why no folders of models are known, in words.
        """
        self._show_servers(group)
        self._show_models(group.models, group)
        offline = bool(group.servers) and all(one.condition.status is not Status.ONLINE for one in group.servers)
        why = group.unsupported.get(Kind.INSTALL)
        words = []
        if not group.models:
            words.append(texts.UNKNOWN_NOW if offline else texts.NO_MODELS_YET if why is None else texts.NO_MODELS)
        if self._provider == SERVES_FOLDERS and no_folders is not None:
            words.append(f"{no_folders[0].upper()}{no_folders[1:]}.")
        self._nothing.text = "\n".join(words)
        self._nothing.set_visibility(bool(words))
        if self._form is not None:
            self._form.element.set_visibility(why is None)
            self._form.show(group.servers)
        self._how.set_visibility(why is not None and (self._form is None or not offline))
        self._steps.text = why or ""

    def enable(self, busy: Collection[str], *, activating: bool) -> None:
        """Let buttons be pressed but for servers with which something is being done, of which only one can be activated at a time."""
        for (_, server), row in self._rows.items():
            row.enable(enabled=not activating and (server not in busy if server is not None else not busy))
        if self._form is not None:
            self._form.enable(enabled=not busy)

    def _show_servers(self, group: Provider) -> None:
        several = len(group.servers) > 1
        if len(self._places) != len(group.servers):
            self._servers.clear()
            self._servers.classes(**{"add" if several else "remove": "is-several"})
            with self._servers:
                self._places = [_server_line() for _ in group.servers]
        for (where, since), server in zip(self._places, group.servers, strict=True):
            runtime, condition = server.runtime, server.condition
            place = server_label(runtime.provider, runtime.endpoint).removeprefix(provider_label(runtime.provider)).strip()
            where.text = f"{runtime.label} {place}" if several else place
            where.props["title"] = runtime.endpoint.url
            down = condition.status is not Status.ONLINE
            since.text = texts.offline(server_views.for_how_long(condition.since_ns)) if down else ""

    def _show_models(self, models: Sequence[Model], group: Provider) -> None:
        known = {(model.name, model.server): model for model in model_views.ordered(models)}
        for key in self._rows.keys() - known.keys():
            self._rows.pop(key).element.delete()
        with self._list:
            rows = {key: self._rows.get(key) or ModelRow(model, group.servers, self._actions) for key, model in known.items()}
        for position, (key, row) in enumerate(rows.items()):
            row.show(known[key], group.servers)
            if self._list.default_slot.children[position] is not row.element:
                row.element.move(target_index=position)
        self._rows = rows
        self._filter.set_visibility(len(rows) > MOST_WITHOUT_FILTER)
        self._filtered()

    def _filtered(self) -> None:
        words = (self._filter.value or "") if self._filter.visible else ""
        shown = 0
        for row in self._rows.values():
            matches = row.matches(words)
            row.element.set_visibility(matches)
            shown += matches
        self._count.text = texts.count(shown, len(self._rows)) if self._rows else ""
        self._list.set_visibility(shown > 0)
        self._no_match.set_visibility(bool(self._rows) and shown == 0)


def _server_line() -> tuple[ui.label, ui.label]:
    """Where a server is, and since when it cannot be asked."""
    with ui.element("div").classes("model-server"):
        return ui.label().classes("model-where"), ui.label().classes("model-offline")
