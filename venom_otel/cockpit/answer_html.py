"""An answer's Markdown as HTML that can do nothing: no markup of its own, no image, no link but to the web.

markdown-it-py (CommonMark) and not NiceGUI's `ui.markdown`: that one's markdown2 takes more than 15 s, in which nothing else happens, for
200,000 characters of code blocks and for 40,000 of unclosed links, and it keeps the last thousand texts for as long as the program runs.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from markdown_it import MarkdownIt
from markdown_it.common.utils import escapeHtml
from markdown_it.renderer import RendererHTML

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markdown_it.token import Token
    from markdown_it.utils import OptionsDict

LONGEST: Final = 300_000
"""Characters that are made into HTML, a second of work; a longer answer is shown as it came."""

_WEB: Final = re.compile(r"https?://|mailto:", re.IGNORECASE)


def html(text: str) -> str | None:
    """The HTML of an answer, None where it is too long for that. Takes up to a second: nothing for an event loop."""
    return None if len(text) > LONGEST else str(_MARKDOWN.render(text))


def displayable(text: str) -> str:
    """A text without halves of surrogate pairs, which a server may send by mistake and which no message to a browser can hold."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


class _Renderer(RendererHTML):
    """What would be loaded is a link instead, and headings stand below the page's own."""

    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ARG002
        """A link to an image."""
        token = tokens[idx]
        address = str(token.attrGet("src") or "")
        return f'<a href="{escapeHtml(address)}">{escapeHtml(token.content or address)}</a>'

    def heading_open(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ARG002
        """The begin of a heading."""
        return f"<h{_below(tokens[idx])}>"

    def heading_close(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: Any) -> str:  # noqa: ARG002
        """The end of a heading."""
        return f"</h{_below(tokens[idx])}>\n"


class _Markdown(MarkdownIt):
    """Markdown of which only addresses of the web become links; whatever else looks like one stays text."""

    def validateLink(self, url: str) -> bool:  # noqa: N802 - its name there
        """Whether an address may be a link."""
        return _WEB.match(url.strip()) is not None


def _below(heading: Token) -> int:
    return min(int(heading.tag[1:]) + 2, 6)


_MARKDOWN: Final = _Markdown("commonmark", {"html": False, "breaks": True}, renderer_cls=_Renderer).enable(["table", "strikethrough"])
