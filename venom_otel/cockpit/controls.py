"""Controls that stand in many places of the page and look alike in all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Callable


def quiet_button(words: str = "", press: Callable[[], object] | None = None) -> ui.button:
    """A button for what is not the page's first business."""
    return ui.button(words, on_click=press, color=None).props("flat dense no-caps").classes("quiet-button")


def icon_button(icon: str, words: str, press: Callable[[], object] | None = None) -> ui.button:
    """A button without text; the words say what it does to whoever cannot see the icon, and may be anything, such as a model's name."""
    button = ui.button(icon=icon, on_click=press, color=None).props("flat round dense").classes("icon-button small")
    button.props["aria-label"] = words
    return button


def select_of(label: str, options: dict[str, str]) -> ui.select:
    """A choice of one, by value with what is shown for it; the first is chosen, if there is one yet."""
    select = ui.select(options, value=next(iter(options), None)).classes("choice")
    return select.props(f'dense borderless options-dense aria-label="{label}"')
