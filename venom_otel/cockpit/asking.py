"""Questions before what cannot be undone, and refusals in words."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.words import Words, html
from venom_otel.errors import VenomError

if TYPE_CHECKING:
    from collections.abc import Awaitable


async def sure(title: str, words: str, yes: str) -> bool:
    """Whether whoever pressed a button means it; who leaves without an answer does not.

    Args:
        title: what is to be done, as a question.
        words: what it costs.
        yes: the button that does it.
    """
    with ui.dialog() as dialog, ui.card().classes("ask"):
        dialog.props(f"aria-label={json.dumps(title)}")
        ui.label(title).props("role=heading aria-level=2").classes("panel-title")
        Words(words)
        with ui.element("div").classes("ask-buttons"):
            ui.button(texts.CANCEL, on_click=lambda: dialog.submit(False), color=None).props("flat no-caps")
            ui.button(yes, on_click=lambda: dialog.submit(True), color=None).props("flat no-caps autofocus").classes("danger")
    try:
        return bool(await dialog)
    finally:
        if not dialog.is_deleted:  # as it is with the page that was left, or the tab that was closed
            dialog.delete()


async def done(beginning: Awaitable[object]) -> bool:
    """Whether something was begun; a refusal is shown until the reader has taken note of it, on whichever page they are then."""
    client = ui.context.client
    try:
        await beginning
    except VenomError as error:
        if client.is_deleted:
            return False
        with client:
            ui.notify(html(str(error)), html=True, type="negative", multi_line=True, close_button=texts.DISMISS, timeout=0)
        return False
    return True
