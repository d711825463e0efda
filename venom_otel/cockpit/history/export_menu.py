"""What the reader takes away from the list: all that matches as a file, or a link to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit.copying import copies_address
from venom_otel.cockpit.texts import history as texts

if TYPE_CHECKING:
    from venom_otel.cockpit.history.address import ListAddress
    from venom_otel.services.tables import Format


def export_menu(address: ListAddress) -> None:
    """Build both buttons into the current element."""
    with ui.button(texts.COPY_LINK, icon="link", color=None).props("flat dense no-caps").classes("take-away") as link:
        ui.tooltip(texts.COPY_LINK_HELP)
    copies_address(link)

    def download(form: Format) -> None:
        # From the API: however much it is, it goes into the file as it comes, and neither process holds it.
        ui.download.from_url(address.chosen.export_address(form))

    button = ui.button(texts.EXPORT, icon="download", color=None).props("flat dense no-caps").classes("take-away")
    with button, ui.menu().props(f'aria-label="{texts.EXPORT_HELP}"'):
        for form, words in texts.FORMATS.items():
            ui.menu_item(words, lambda form=form: download(form)).props("role=menuitem")
