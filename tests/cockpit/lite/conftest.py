"""The plain page in a real browser, over the real `up`: its places, its tabs, and what a reader sees and does there."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect
from support import behaviours, personas
from support.between import Between
from support.browser import WAIT_MS
from support.chat_server import ChatServer
from support.cockpit import Application, Cockpit, wait_for

from venom_otel.cli.client import server_sent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from venom_otel.cli.client import ServerSent


STREAM = "/stream"
EVENTS = "/api/v1/events"


class Places:
    """A cockpit, the two model servers that it knows, and a proxy before it."""

    def __init__(self, cockpit: Cockpit, first: ChatServer, second: ChatServer, between: Between) -> None:
        self.cockpit = cockpit
        self.first = first
        self.second = second
        self.between = between

    def play(self, first, second=None) -> None:
        self.first.play(first)
        self.second.play(second or behaviours.answers())

    def forgive(self) -> None:
        """Let both answer once, so that what failed in a test before is held against neither."""
        self.play(behaviours.answers())
        token = {"Authorization": f"Bearer {(self.cockpit.folder / 'data' / 'token').read_text(encoding='utf-8').strip()}"}
        with httpx.Client(base_url=f"{self.cockpit.page}/api/v1", headers=token) as client:
            for server in ("vllm", "big"):
                task = client.post("/tasks", json={"prompt": "Awake?", "provider": server}).raise_for_status().json()["task_id"]
                wait_for(lambda task=task: client.get(f"/tasks/{task}").json()["status"] == "COMPLETED", f"an answer of {server}")
        self.play(behaviours.answers())

    def task(self, page: Page, turn: int = -1) -> dict:
        """What the API says of a turn's task."""
        return httpx.get(self._address(page, turn)).json()

    def told(self, page: Page, turn: int = -1) -> list[ServerSent]:
        """What its stream says."""
        with httpx.stream("GET", f"{self._address(page, turn)}/stream") as answer:
            return list(server_sent(answer.iter_lines()))

    def _address(self, page: Page, turn: int) -> str:
        return f"{self.cockpit.page}/api/v1/tasks/{page.locator('.turn').nth(turn).get_attribute('data-task')}"


@pytest.fixture(scope="module")
def module_places(tmp_path_factory) -> Iterator[Places]:
    folder = tmp_path_factory.mktemp("lite")
    with (
        ChatServer(personas.vllm, {"server": "uvicorn"}) as first,
        ChatServer(personas.vllm, {"server": "uvicorn"}) as second,
        Cockpit(
            folder, VENOM_OTEL_PROBE_INTERVAL_S="1", VLLM_ENDPOINT=f"{first.url}/v1,big={second.url}/v1", LLM_MODEL_NAME="gemma-3"
        ) as cockpit,
        Between(cockpit.port) as between,
    ):
        yield Places(cockpit, first, second, between)


@pytest.fixture
def places(module_places) -> Places:
    module_places.between.limits = {}
    module_places.between.silent = False
    module_places.forgive()
    module_places.between.asked.clear()
    return module_places


class Tabs:
    """Pages of one browser profile. `problems` are what no page may have."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.problems: list[str] = []
        self.urls: list[str] = []
        self.meant: str | None = None
        context.set_default_timeout(WAIT_MS)

    def open(self, url: str, *, live: bool = True, clock: bool = False) -> Page:
        """`live`: wait for events; `clock`: the page's clock can be moved."""
        page = self.context.new_page()
        if clock:
            page.clock.install()
        page.on("console", self._heard)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        page.on("request", lambda request: self.urls.append(request.url))
        page.goto(f"{url}/lite")
        if live:
            expect(page.locator("#live")).to_have_attribute("data-live", "live")
        return page

    def _heard(self, message) -> None:
        if message.type in ("error", "warning") and not (self.meant is not None and self.meant in message.text):
            self.problems.append(message.text)

    def expect(self, words: str) -> None:
        """What the browser may say of what a test does to it, besides."""
        self.meant = words


@pytest.fixture
def tabs(browser: Browser) -> Iterator:
    """Opens a browser profile; at the end no page of it may have had an error or asked anybody else."""
    made: list[Tabs] = []

    def profile(**options) -> Tabs:
        options = {"viewport": {"width": 1280, "height": 800}, "locale": "en-GB", "timezone_id": "Europe/Berlin"} | options
        made.append(Tabs(browser.new_context(**options)))
        return made[-1]

    yield profile
    for each in made:
        each.context.close()
    assert [each.problems for each in made] == [[] for _ in made]
    assert all({urlsplit(url).hostname for url in each.urls} == {"127.0.0.1"} for each in made)


@pytest.fixture
def profile(tabs) -> Tabs:
    return tabs()


@pytest.fixture
def page(profile, places) -> Page:
    return profile.open(places.between.url)


def ask(page, words="Why is the sky blue?"):
    page.locator("#prompt").fill(words)
    page.locator("#prompt").press("Enter")
    return page.locator(".turn").last


def ended(turn, status="COMPLETED"):
    expect(turn).to_have_attribute("data-status", status)


def answer(turn):
    """Its text as the document has it, not as it is laid out."""
    return turn.locator(".answer-text").evaluate("each => each.textContent")


def stamp(turn):
    return dict(
        turn.locator(".stamp > div:not([hidden])").evaluate_all("all => all.map(each => [...each.children].map(part => part.textContent))")
    )


def notes(turn):
    return turn.locator(".events > li").all_text_contents()


def trouble(places, model):
    """An application's request that fails, of which every tab must hear."""
    with Application(places.cockpit.otlp) as application:
        application.request(model, provider="ollama", failure=("500", "server_error", "it burns"))


def all_hear_of(pages, model):
    for page in pages:
        expect(page.locator(".alert", has_text=model)).to_be_visible()
