"""A real cockpit and a real browser that looks at it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from support.browser import SWITCHES, WAIT_MS, Tab
from support.cockpit import Application, Cockpit

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
        context.set_default_timeout(WAIT_MS)
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
