"""Buttons that copy: the browser does it at once, in the click itself, without which it would not be allowed to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from venom_otel.cockpit import texts

if TYPE_CHECKING:
    from nicegui import ui

_DONE: Final = f"Quasar.Notify.create({{ message: {json.dumps(texts.COPIED)}, timeout: 1200 }})"

# A relative time is one from now on; without an end the end is now. Units as `services.moments` has them.
_FIXED: Final = """() => {
    const url = new URL(window.location.href);
    const now = Date.now();
    const units = { s: 1e3, m: 6e4, h: 36e5, d: 864e5, w: 6048e5 };
    const fixed = (words) => {
        const ago = /^([0-9]+)([smhdw])$/.exec(words);
        return ago ? new Date(now - ago[1] * units[ago[2]]).toISOString() : words;
    };
    const query = url.searchParams;
    if (query.has("since") && !query.has("until")) query.set("until", "0s");
    for (const name of ["since", "until"]) if (query.has(name)) query.set(name, fixed(query.get(name)));
    return url.href.replaceAll("%3A", ":").replaceAll("%2F", "/");
}"""


def copies(button: ui.button, text: str) -> None:
    """Let a button copy `text` and say so."""
    _copies(button, json.dumps(text))


def copies_link(button: ui.button, path: str) -> None:
    """Let a button copy the whole address of a path of the page."""
    _copies(button, f"window.location.origin + {json.dumps(path)}")


def copies_address(button: ui.button) -> None:
    """Let a button copy where the browser is, with times that stay what they are now."""
    _copies(button, f"({_FIXED})()")


def _copies(button: ui.button, expression: str) -> None:
    button.on("click", js_handler=f"() => Quasar.copyToClipboard({expression}).then(() => {_DONE})")
