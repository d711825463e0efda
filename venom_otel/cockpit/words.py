"""Words that have commands, variables and values in them, shown as code; nothing else in them is ever markup.

What stands between backticks is code, and so is the name of a variable of the environment wherever it stands. `assets/venom_words.js` does
the same for what a script shows.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

from nicegui import ui

_CODE: Final = re.compile(r"`([^`\s](?:[^`\n]*[^`\s])?)`|(?<!\w)([A-Z]{3,}(?:_[A-Z0-9]+)+)(?!\w)", re.ASCII)


def html(text: str) -> str:
    """The words as HTML."""
    parts, end = [], 0
    for found in _CODE.finditer(text):
        parts += [escape(text[end : found.start()]), "<code>", escape(found[1] or found[2]), "</code>"]
        end = found.end()
    return "".join([*parts, escape(text[end:])])


def plain(text: str) -> str:
    """The words for where no markup can be: a name that is read aloud, a tooltip of the browser's own."""
    return _CODE.sub(lambda found: found[1] or found[2], text)


class Words(ui.html):
    """Shows words as a `ui.label` does, and code in them as code."""

    def __init__(self, text: str = "") -> None:
        super().__init__(html(text), sanitize=False)
        self._said = text

    @property
    def text(self) -> str:
        """What is shown."""
        return self._said

    @text.setter
    def text(self, text: str) -> None:
        self._said = text
        self.content = html(text)

    def say(self, text: str | None) -> None:
        """Show this, and where there is nothing to say, nothing at all."""
        self.text = text or ""
        self.set_visibility(bool(text))
