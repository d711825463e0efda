"""Pages show the truth again by themselves: after `up` was restarted, after the network was away, after the server's machine slept."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import psutil
import pytest
from playwright.sync_api import expect
from support.acting import Place
from support.browser import WAIT_MS
from support.cockpit import Application, Cockpit

from venom_otel.cockpit.page import RECONNECT_S

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.browser

TRIES = 5
"""Of a short while: one on a machine that stands still meanwhile is none."""
NOTICED_S = 1.2 * RECONNECT_S
"""Until a connection that only looks alive is found dead (NiceGUI, `nicegui.py`: ping interval and timeout)."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path) as one:
        yield one


@pytest.fixture
def cockpit(place: Place) -> Iterator[Cockpit]:
    with Cockpit(place.folder, VENOM_OTEL_PROBE_INTERVAL_S="1", OLLAMA_ENDPOINT=place.url, OLLAMA_START_COMMAND=place.command()) as one:
        yield one


@pytest.fixture
def page(browser: Browser, cockpit: Cockpit) -> Iterator[Page]:
    """The start page. That a connection is lost is an error to the browser, so nobody counts them here."""
    context = browser.new_context(base_url=cockpit.page, viewport={"width": 1280, "height": 800})
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def models(page):
    return page.locator(".request .model")


def marked(page):
    """Mark this document, to know it from the one after a load."""
    page.evaluate("window.sameDocument = true")


def is_marked(page):
    return page.evaluate("window.sameDocument === true")


def loaded_anew(page):
    """Wait until another document has taken the marked one's place; what was on its way to the old one may be seen in that before."""
    page.wait_for_function("window.sameDocument !== true")


def connected(page, *, wanted):
    page.wait_for_function(f"(window.socket?.connected ?? false) === {str(wanted).lower()}")


def test_after_a_restart(page, cockpit, application: Application):
    application.request("before")
    expect(models(page)).to_have_text(["before"])
    page.locator(".server").get_by_role("button", name="Start Ollama").click()
    expect(page.locator(".server-state")).to_have_text("Ready")
    application.request("broken", endpoint="http://gpu:8000/v1", failure=("500", "server_error", "EngineCore encountered an issue."))
    expect(page.locator(".alert")).to_have_count(1)
    cockpit.stop()
    connected(page, wanted=False)
    expect(page.get_by_text("Connection lost")).to_be_visible()
    cockpit.start()
    expect(page.get_by_text("Connection lost")).to_be_hidden()
    # What was there before is there again, and what happens now is shown.
    expect(page.locator(".server-state")).to_have_text("Ready")
    expect(page.locator(".alert")).to_have_count(1)
    application.request("after")
    expect(models(page)).to_have_text(["after", "broken", "before"])
    expect(page.locator(".active-model")).to_contain_text("After")
    page.locator(".alert").get_by_role("button", name="Acknowledge").click()
    expect(page.locator(".alert")).to_have_count(0)


def test_after_a_restart_each_page_is_where_it_was(page, cockpit, application: Application):
    application.request("kept")
    application.request("other", provider="vllm")
    page.goto("/history?provider=ollama")
    expect(models(page)).to_have_text(["kept"])
    cockpit.stop()
    connected(page, wanted=False)
    cockpit.start()
    application.request("kept, too")
    expect(models(page)).to_have_text(["kept, too", "kept"])
    assert page.url == f"{cockpit.page}/history?provider=ollama"


def test_after_a_short_while_without_a_network_it_goes_on(page, application: Application):
    application.request("before")
    expect(models(page)).to_have_text(["before"])
    for number in range(TRIES):
        marked(page)
        begin = time.monotonic()
        page.context.set_offline(True)
        connected(page, wanted=False)
        application.request(f"meanwhile {number}")
        page.context.set_offline(False)
        connected(page, wanted=True)
        short = time.monotonic() - begin < RECONNECT_S
        expect(models(page)).to_have_text([*(f"meanwhile {before}" for before in range(number, -1, -1)), "before"])
        if short:
            break
    assert short
    assert is_marked(page)


def test_after_a_long_while_without_a_network_it_loads_anew(page, place, application: Application):
    application.request("before")
    expect(models(page)).to_have_text(["before"])
    expect(page.locator(".server-state")).to_have_text("Stopped")
    marked(page)
    page.context.set_offline(True)
    connected(page, wanted=False)
    page.evaluate("window.away = performance.now()")
    page.wait_for_function("limit => performance.now() - window.away > limit", arg=(RECONNECT_S + 2) * 1000)
    application.request("meanwhile")
    page.context.set_offline(False)
    loaded_anew(page)
    expect(models(page)).to_have_text(["meanwhile", "before"])
    page.locator(".server").get_by_role("button", name="Start Ollama").click()
    expect(page.locator(".server-state")).to_have_text("Ready")


def test_a_browser_that_slept(page, application: Application):
    """As a laptop does, and a browser with a tab that nobody looks at: its scripts stand still, its connections look alive."""
    application.request("before")
    expect(models(page)).to_have_text(["before"])
    marked(page)
    asleep = [each for each in psutil.Process().children(recursive=True) if "--type=renderer" in each.cmdline()]
    assert asleep
    for each in asleep:
        each.suspend()
    try:
        application.request("meanwhile")
        time.sleep(NOTICED_S + RECONNECT_S + 2)  # nothing can be seen of a page that stands still: time itself is what is waited for
    finally:
        for each in asleep:
            each.resume()
    loaded_anew(page)
    expect(models(page)).to_have_text(["meanwhile", "before"])


def test_a_server_that_slept(page, cockpit, application: Application):
    application.request("before")
    expect(models(page)).to_have_text(["before"])
    os.kill(cockpit.process.pid, signal.SIGSTOP)
    try:
        connected(page, wanted=False)  # it is found out, although the connection looks alive
    finally:
        os.kill(cockpit.process.pid, signal.SIGCONT)
    application.request("after")
    expect(models(page)).to_have_text(["after", "before"])
