"""Debian's Chromium, and a page in it that remembers all that a person would not see."""

from __future__ import annotations

import contextlib
import re
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from playwright.sync_api import expect
from support.patience import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

WAIT_MS = WAIT_S * 1000
expect.set_options(timeout=WAIT_MS)  # for every test that has a browser; five seconds otherwise

SWITCHES = [
    # Chromium's own sandbox cannot be set up by root, as which containers and CI run; every page here is ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    # It would ask hosts of its maker.
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Tab:
    """A page in the browser and all it did that a person would not see: messages, errors, requests."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []
        self.urls: list[str] = []
        page.on("console", lambda message: self.problems.append(message.text) if message.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.urls.append(request.url))
        page.on("websocket", lambda socket: self.urls.append(socket.url))
        page.on("dialog", lambda dialog: (self.problems.append(dialog.message), dialog.dismiss()))

    def elsewhere(self, origin: str) -> list[str]:
        """What was asked of any other server than `origin`."""
        place = urlsplit(origin).netloc
        return [url for url in self.urls if not url.startswith(("data:", "blob:")) and urlsplit(url).netloc != place]


_LOOK_OUT = """pattern => {
    window.venomPassed = false;
    const look = () => { window.venomPassed ||= new RegExp(pattern).test(document.body.innerText); };
    new MutationObserver(look).observe(document.body, { subtree: true, childList: true, characterData: true });
}"""


@contextlib.contextmanager
def passing(page: Page, words: str | re.Pattern[str]) -> Iterator[None]:
    """For what is shown for a moment only: at the end of the context, wait until `words` have stood on the page since its beginning."""
    page.evaluate(_LOOK_OUT, re.escape(words) if isinstance(words, str) else words.pattern)
    yield
    page.wait_for_function("() => window.venomPassed", timeout=WAIT_MS)


def says_under_the_pointer(place: Locator, over: Locator, words: re.Pattern[str]) -> None:
    """Move the pointer over a part of a picture until `place` says so; a picture that is drawn anew just then forgets the pointer."""
    deadline = time.monotonic() + WAIT_S
    while True:
        over.page.mouse.move(0, 0)
        over.hover(force=True)
        try:
            expect(place).to_contain_text(words, timeout=2000)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return
