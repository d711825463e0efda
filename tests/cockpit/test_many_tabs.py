"""Whoever opens pages and leaves them leaves nothing behind: no task, no subscription, no object of the page."""

from __future__ import annotations

import json
import re
import signal
import socket
import sys
import time
from collections import deque
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect
from support import seen_inside
from support.acting import Place
from support.cockpit import Application, Cockpit, wait_for
from support.patience import WAIT_S

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PATHS = ("/", "/history", "/compare", "/alerts", "/settings")
TABS = 10
ROUNDS = 4
LOOKS = 5
"""That must all see the same, so that it is how things are at rest, and not what happens to be under way."""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path) as one:
        yield one


class Seen:
    """A cockpit that one can look into."""

    def __init__(self, place: Place) -> None:
        self._file = place.folder / "seen.json"
        self.cockpit = Cockpit(
            place.folder,
            within=[sys.executable, Path(seen_inside.__file__), self._file],
            VENOM_OTEL_PROBE_INTERVAL_S="1",
            OLLAMA_ENDPOINT=place.url,
            OLLAMA_START_COMMAND=place.command("--gate", place.folder / "gate"),
        )

    def look(self) -> dict:
        self._file.unlink(missing_ok=True)
        assert self.cockpit.process is not None
        self.cockpit.process.send_signal(signal.SIGUSR2)
        wait_for(self._file.exists, "a look inside")
        return json.loads(self._file.read_text(encoding="utf-8"))

    def at_rest(self) -> dict:
        """What is there again and again."""
        looks: deque[dict] = deque(maxlen=LOOKS)

        def steady() -> bool:
            looks.append(self.look())
            return len(looks) == LOOKS and all(each == looks[0] for each in looks)

        wait_for(steady, "rest")
        return looks[0]

    def comes_back_to(self, before: dict) -> None:
        """A tab that was closed counts as such 10 s after its connection was lost."""
        deadline = time.monotonic() + WAIT_S
        while (now := self.look()) != before and time.monotonic() < deadline:
            time.sleep(0.2)
        assert now == before


@pytest.fixture
def seen(place: Place) -> Iterator[Seen]:
    inside = Seen(place)
    with inside.cockpit:
        yield inside
        assert inside.cockpit.stop()[2] == ""  # nor did anything go wrong


@pytest.fixture
def cockpit(seen: Seen) -> Cockpit:
    return seen.cockpit


@pytest.fixture
def page(browser: Browser, cockpit: Cockpit, application: Application) -> Iterator[Page]:
    """The start page, where an operation goes on as long as the test does, and two alerts stand: an application's and the server's."""
    application.request("broken", failure=("500", "server_error", "EngineCore encountered an issue."))
    with browser.new_context(base_url=cockpit.page, viewport={"width": 1280, "height": 800}) as context:
        page = context.new_page()
        page.goto("/")
        page.locator(".server").get_by_role("button", name="Start Ollama").click()
        expect(page.locator(".server-doing")).to_be_visible()
        expect(page.locator(".alert")).to_have_count(2)
        yield page


def arrived(page: Page) -> None:
    """Wait for what is below every page's head."""
    expect(page.get_by_role("heading", level=1)).to_have_count(1)


def test_tabs_that_are_closed(page: Page, seen: Seen) -> None:
    context = page.context
    page.close()
    wait_for(lambda: not seen.look()["clients"], "the end of the first tab")
    wait_for(lambda: not seen.look()["tasks"].get("Outbox.loop"), "the end of what was sent to it")
    before = seen.at_rest()
    tabs = []
    for number in range(TABS):
        tabs.append(context.new_page())
        tabs[-1].goto(PATHS[number % len(PATHS)])
        arrived(tabs[-1])
    wait_for(lambda: seen.look()["clients"] == TABS, "all of them and no other")
    for tab in tabs:
        tab.close()
    seen.comes_back_to(before)


def test_pages_that_are_left_in_a_tab(page: Page, seen: Seen) -> None:
    def go_round() -> None:
        for path in (*PATHS[1:], PATHS[0]):
            page.locator(f"nav a[href='{path}']").click()
            page.wait_for_url(path)
            arrived(page)
        expect(page.locator(".server-doing")).to_be_visible()

    go_round()
    before = seen.at_rest()
    for _ in range(ROUNDS):
        go_round()
    seen.comes_back_to(before)


def test_files_that_nobody_waits_for(cockpit: Cockpit) -> None:
    """A tab that is closed while it loads is no mistake of the program's, which used to say so in 60 lines for each file."""
    files = sorted(set(re.findall(r'/_nicegui/[^"\s)]+\.js', httpx.get(cockpit.page).text)))[:20]
    assert files
    for path in files * 4:
        with socket.create_connection(("127.0.0.1", cockpit.port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{cockpit.port}\r\n\r\n".encode())
    assert httpx.get(cockpit.page).status_code == HTTPStatus.OK
