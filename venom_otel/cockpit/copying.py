"""Copying: the browser does it in the reader's click itself, or so soon after it that it is still allowed to."""

from __future__ import annotations

import json
from typing import Final

from nicegui import ui

from venom_otel.cockpit import texts
from venom_otel.cockpit.controls import icon_button

_NOTICE_MS: Final = 1400

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


def copy_button(text: str, label: str) -> None:
    """A button that copies `text` and says so."""
    _copies(icon_button("content_copy", label), json.dumps(text))


def copies_link(button: ui.button, path: str) -> None:
    """Let a button copy the whole address of a path of the page."""
    _copies(button, f"window.location.origin + {json.dumps(path)}")


def copies_address(button: ui.button) -> None:
    """Let a button copy where the browser is, with times that stay what they are now."""
    _copies(button, f"({_FIXED})()")


def _copies(button: ui.button, expression: str) -> None:
    button.on("click", js_handler=f"() => {_copying(expression, texts.COPIED)}")


def copy(text: str) -> None:
    """Copy `text`, soon after the reader pressed something, and say so."""
    ui.run_javascript(_copying(json.dumps(text), texts.COPIED))


def copy_link(path: str, said: str) -> None:
    """Copy the whole address of a path of the page, soon after the reader pressed something, and say this."""
    ui.run_javascript(_copying(f"window.location.origin + {json.dumps(path)}", said))


def _copying(expression: str, said: str) -> str:
    notice = f"Quasar.Notify.create({{ message: {json.dumps(said)}, timeout: {_NOTICE_MS} }})"
    return f"Quasar.copyToClipboard({expression}).then(() => {notice})"
