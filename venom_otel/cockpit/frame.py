"""What every page has around its content: style, header, theme switch, a way to skip to the content."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from nicegui import ui

from venom_otel.cockpit import texts, theme
from venom_otel.cockpit.texts import alerts, compare, settings

if TYPE_CHECKING:
    from venom_otel.cockpit.active_model import ActiveModelBox
    from venom_otel.cockpit.alert_count import AlertCount

NAVIGATION: Final = {
    "/": texts.NOW,
    "/history": texts.HISTORY,
    "/compare": compare.COMPARE,
    "/alerts": alerts.ALERTS,
    "/settings": settings.SETTINGS,
}
"""The pages that one goes to by name; a trace is reached from a request."""

ALERTS: Final = "/alerts"
"""The page beside whose name the number of alerts stands."""

_DARK: Final = {"auto": None, "light": False, "dark": True}
_YEAR: Final = 365 * 24 * 3600


class Header(NamedTuple):
    """What of the header changes; None where that is not offered."""

    active_model: ActiveModelBox | None
    alerts: AlertCount | None


def frame(header: Header) -> ui.element:
    """Build the header and return the element that takes the content."""
    chosen = ui.context.client.request.cookies.get(theme.COOKIE, "auto")
    chosen = chosen if chosen in theme.CHOICES else "auto"
    # The choice is on the page before the first pixel: no flash of the other theme.
    ui.add_head_html(f"<style>{theme.stylesheet()}</style><script>document.documentElement.dataset.theme = {json.dumps(chosen)};</script>")
    dark = ui.dark_mode(_DARK[chosen])
    with ui.header(wrap=False).classes("top"):
        with ui.link(target="/").classes("brand").props(f'aria-label="{texts.PRODUCT}: {texts.HOME}"'):
            ui.element("span").classes("mark")
            ui.label(texts.PRODUCT)
        _navigation(header.alerts)
        if header.active_model is not None:
            header.active_model.show()
        _theme_switch(dark, chosen)
    content = ui.element("div").classes("content")  # Quasar's page around it is the `main` landmark
    ui.skip_link(texts.SKIP, target=content)
    return content


def _navigation(alerts: AlertCount | None) -> None:
    """The pages; the one that is shown is marked as such, also when it changes without a load."""
    router = ui.context.client.sub_pages_router
    links: dict[str, ui.link] = {}

    def show(path: str) -> None:
        here = urlsplit(path).path or "/"
        for place, link in links.items():
            link.props(**{"add": "aria-current=page"} if place == here else {"remove": "aria-current"})

    with ui.element("nav").classes("nav").props(f'aria-label="{texts.NAVIGATION}"'):
        for place, words in NAVIGATION.items():
            with ui.link(words, place) as links[place]:
                if place == ALERTS and alerts is not None:
                    alerts.show()
    show(router.current_path)
    router.on_path_changed(show)


def _theme_switch(dark: ui.dark_mode, chosen: str) -> None:
    """A button that goes round: the system's theme, light, dark. The browser keeps the choice in a cookie."""

    def show(choice: str) -> None:
        button.props(f'icon={theme.ICONS[choice]} aria-label="{texts.THEME[choice]}"')
        tip.text = texts.THEME[choice]

    def press() -> None:
        nonlocal chosen
        chosen = theme.CHOICES[(theme.CHOICES.index(chosen) + 1) % len(theme.CHOICES)]
        dark.value = _DARK[chosen]
        show(chosen)
        ui.run_javascript(
            f"document.documentElement.dataset.theme = {json.dumps(chosen)};"
            f"document.cookie = '{theme.COOKIE}={chosen}; path=/; max-age={_YEAR}; samesite=strict'"
        )

    with ui.button(on_click=press, color=None).props("flat round dense").classes("icon-button") as button:
        tip = ui.tooltip()
    show(chosen)
