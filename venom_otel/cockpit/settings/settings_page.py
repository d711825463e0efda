"""The settings: every variable with its value and where that comes from. Nothing is changed here."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit import formats
from venom_otel.cockpit.home.server_views import size
from venom_otel.cockpit.texts import settings as texts
from venom_otel.cockpit.words import Words
from venom_otel.errors import StoreError
from venom_otel.services.in_force import Source
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from venom_otel.services.history import History
    from venom_otel.services.in_force import InForce, Section, Setting


class SettingsPage:
    """One browser's look at the settings, as they hold when it is opened.

    Args:
        in_force: knows them.
        history: knows what is kept.
    """

    def __init__(self, in_force: InForce, history: History) -> None:
        self._in_force = in_force
        self._history = history
        self._sections: list[tuple[ui.element, list[tuple[Setting, ui.element]]]] = []

    async def show(self) -> None:
        """Build the page."""
        with ui.element("div").classes("bar"):
            ui.label(texts.SETTINGS).props("role=heading aria-level=1").classes("title")
            ui.space()
            self._only_set = ui.switch(texts.ONLY_SET, on_change=self._filter).props("dense size=sm").classes("quiet-switch")
            self._words = (
                ui.input(placeholder=texts.FILTER, on_change=self._filter)
                .props(f'dense borderless clearable type=search aria-label="{texts.FILTER}"')
                .classes("choice search")
            )
        Words(texts.HOW).classes("settings-how muted")
        await self._build_installation()
        for section in self._in_force.now():
            self._build_section(section)
        self._nothing = ui.label(texts.NO_MATCH).classes("nothing").props("role=status")
        self._nothing.set_visibility(False)

    async def _build_installation(self) -> None:
        here = self._in_force.installation
        facts = {
            texts.VERSION: here.version,
            texts.PAGE: here.page,
            texts.OTLP: here.otlp,
            texts.OTLP_GRPC: here.otlp_grpc or texts.NOT_LISTENED,
            texts.DATA_DIR: str(here.data_dir),
            texts.ENV_FILE: str(here.env_file),
        }
        with contextlib.suppress(StoreError):  # said where requests are
            usage = await self._history.usage()
            spans = formats.count(usage.items[Signal.TRACES])
            facts[texts.KEPT] = texts.kept(formats.count(usage.requests), spans, size(usage.size_bytes))
        with ui.element("section").classes("settings").props(f'aria-label="{texts.INSTALLATION}"'):
            ui.label(texts.INSTALLATION).props("role=heading aria-level=2").classes("panel-title")
            with ui.element("dl").classes("facts"):
                for name, value in facts.items():
                    with ui.element("div").classes("fact"):
                        with ui.element("dt").classes("fact-name"):
                            ui.label(name)
                        with ui.element("dd"):
                            ui.label(value).classes("setting-value")

    def _build_section(self, section: Section) -> None:
        with ui.element("section").classes("settings").props(f'aria-label="{section.name}"') as whole:
            ui.label(section.name).props("role=heading aria-level=2").classes("panel-title")
            with ui.element("div").props("role=table").classes("setting-table"):
                with ui.element("div").props("role=row").classes("setting setting-head"):
                    for words in (texts.VARIABLE, texts.VALUE, texts.FROM):
                        ui.label(words).props("role=columnheader")
                rows = [(setting, _row(setting)) for setting in section.settings]
        self._sections.append((whole, rows))

    def _filter(self) -> None:
        wanted = (self._words.value or "").strip().lower()
        found = False
        for whole, rows in self._sections:
            shown = [_is_wanted(setting, wanted, only_set=self._only_set.value) for setting, _ in rows]
            for (_, row), visible in zip(rows, shown, strict=True):
                row.set_visibility(visible)
            whole.set_visibility(any(shown))
            found = found or any(shown)
        self._nothing.set_visibility(not found)


def _row(setting: Setting) -> ui.element:
    with ui.element("div").props("role=row").classes("setting") as row:
        with ui.element("div").props("role=cell").classes("setting-what"):
            ui.label(setting.variable).classes("setting-name")
            Words(setting.description).classes("muted setting-words")
        value = texts.HIDDEN if setting.secret else setting.value or texts.NOTHING
        words = ui.label(value).props("role=cell").classes("setting-value")
        if setting.secret or not setting.value:
            words.classes("is-words")
        ui.label(texts.SOURCES[setting.source]).props("role=cell").classes(
            "setting-source" if setting.source is not Source.DEFAULT else "setting-source muted"
        )
    return row


def _is_wanted(setting: Setting, words: str, *, only_set: bool) -> bool:
    if only_set and setting.source is Source.DEFAULT:
        return False
    return words in f"{setting.variable} {setting.description} {setting.value}".lower()
