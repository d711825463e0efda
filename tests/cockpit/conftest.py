"""A real cockpit and a real browser that looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from support.cockpit import Application, Cockpit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

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


# Not for the session: Playwright's event loop counts as running until it is stopped, and no asynchronous test could run beside it.
@pytest.fixture(scope="module")
def browser(chromium_program: Path) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        launched = playwright.chromium.launch(executable_path=chromium_program, args=SWITCHES)
        yield launched
        launched.close()


@pytest.fixture
def cockpit(tmp_path: Path) -> Iterator[Cockpit]:
    with Cockpit(tmp_path) as running:
        yield running


@pytest.fixture
def application(cockpit: Cockpit) -> Iterator[Application]:
    with Application(cockpit.otlp) as sending:
        yield sending


@pytest.fixture
def open_tab(browser: Browser, cockpit: Cockpit) -> Iterator:
    """Opens a path of the cockpit in a fresh browser profile; at the end no tab may have had an error or asked anyone else."""
    contexts: list[BrowserContext] = []
    tabs: list[Tab] = []

    def open_path(path: str = "/", **options) -> Page:
        options = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB", "timezone_id": "Europe/Berlin"} | options
        context = browser.new_context(base_url=cockpit.page, **options)
        contexts.append(context)
        context.set_default_timeout(15_000)
        tab = Tab(context.new_page())
        tabs.append(tab)
        tab.page.goto(path)
        return tab.page

    yield open_path
    for context in contexts:
        context.close()
    assert [tab.problems for tab in tabs] == [[] for _ in tabs]
    assert [tab.elsewhere(cockpit.page) for tab in tabs] == [[] for _ in tabs]
    assert all(len(tab.urls) > 1 for tab in tabs)
