"""The plain page in a real browser, over the real `up`: all that the streams tell is shown, whatever becomes of connections and tabs."""

from __future__ import annotations

import contextlib
import json
import re
import signal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.sync_api import expect
from support import behaviours, personas
from support.between import Between
from support.chat_server import ChatServer
from support.cockpit import Application, Cockpit, wait_for
from support.dialects import TEXT, WORDS, Answer, Error
from support.ollama_server import OllamaServer

from venom_otel.cli.client import server_sent
from venom_otel.cockpit import theme
from venom_otel.cockpit.texts import lite

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, BrowserContext, Page

    from venom_otel.cli.client import ServerSent

pytestmark = pytest.mark.browser

BUSY = Error(503, {"error": {"message": "overloaded, try again", "type": "E", "param": None, "code": 503}}, None)
NASTY = (
    "<img src=x onerror='document.title=1'>",
    "</p><script>document.title = 2</script>",
    " \U0001f469\u200d\U0001f4bb zażółć gęślą jaźń",
    " \u202e\u05e9\u05dc\u05d5\u05dd",
    " e\u0301",
    "\r\n\r\n",
    "data: {}\n\nevent: finished\n\n",
    "\u2028\u2029\x00\ufeff",
    "\\u0041 {label} %s ",
    "   three spaces\t\ttabs",
)
STREAM = "/stream"
EVENTS = "/api/v1/events"
SOON = 60_000


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

    def task(self, page: Page, turn: int = -1) -> dict:
        """What the API says of a turn's task."""
        return httpx.get(self._address(page, turn), timeout=30).json()

    def told(self, page: Page, turn: int = -1) -> list[ServerSent]:
        """What its stream says."""
        with httpx.stream("GET", f"{self._address(page, turn)}/stream", timeout=30) as answer:
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
        first.play(behaviours.answers())
        token = {"Authorization": f"Bearer {(folder / 'data' / 'token').read_text(encoding='utf-8').strip()}"}
        with httpx.Client(base_url=f"{cockpit.page}/api/v1", headers=token, timeout=SOON / 1000) as client:  # imports Semantic Kernel
            begun = client.post("/tasks", json={"prompt": "Awake?"}).raise_for_status().json()
            wait_for(lambda: client.get(f"/tasks/{begun['task_id']}").json()["status"] == "COMPLETED", "the first answer", SOON / 1000)
        yield Places(cockpit, first, second, between)


@pytest.fixture
def places(module_places) -> Places:
    module_places.between.limits = {}
    module_places.between.asked.clear()
    module_places.play(behaviours.answers())
    return module_places


class Tabs:
    """Pages of one browser profile. `problems` are what no page may have."""

    def __init__(self, context: BrowserContext) -> None:
        self.context = context
        self.problems: list[str] = []
        self.urls: list[str] = []
        self.meant: str | None = None
        context.set_default_timeout(SOON)

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
            expect(page.locator("#live")).to_have_attribute("data-live", "live", timeout=SOON)
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
    expect(turn).to_have_attribute("data-status", status, timeout=SOON)


def answer(turn):
    """Its text as the document has it, not as it is laid out."""
    return turn.locator(".answer-text").evaluate("each => each.textContent")


def stamp(turn):
    return dict(
        turn.locator(".stamp > div:not([hidden])").evaluate_all("all => all.map(each => [...each.children].map(part => part.textContent))")
    )


def notes(turn):
    return turn.locator(".events > li").all_text_contents()


# -- the chat ----------------------------------------------------------------------------------------------------------------------------


@pytest.mark.ollama
def test_a_real_model_answers_and_is_named(tabs, tmp_path):
    variables = {"VENOM_OTEL_PROBE_INTERVAL_S": "1"}
    with (
        OllamaServer(tmp_path / "ollama") as server,
        Cockpit(tmp_path, OLLAMA_ENDPOINT=server.url, LLM_MODEL_NAME=server.model, **variables) as cockpit,
    ):
        page = tabs().open(cockpit.page)
        expect(page.locator("#active")).to_contain_text(f"Gemma3 Tiny (Ollama @ {server.port})")
        expect(page.locator("#active")).to_have_attribute("data-state", "ready")
        turn = ask(page)
        ended(turn)
        task = httpx.get(f"{cockpit.page}/api/v1/tasks/{turn.get_attribute('data-task')}").json()
        assert answer(turn) == task["answer"] != ""
        told = stamp(turn)
        assert told[lite.SERVER] == f"Gemma3 Tiny (Ollama @ {server.port})"
        assert told[lite.MODEL] == "gemma3:tiny → gemma3:tiny"
        assert told[lite.ENDPOINT] == f"{server.url}/v1"
        assert float(told[lite.FIRST_TOKEN].removesuffix(" s")) == pytest.approx(task["first_token"], abs=0.06)
        assert re.fullmatch(r"[\d.]+ tokens/s", told[lite.SPEED])
        for mark in ("asked-at", "first-at", "done-at"):
            assert float(turn.get_attribute(f"data-{mark}")) > 0
        page.close()


def test_every_token_of_five_thousand_is_shown_as_it_was_said(page, places):
    words = tuple(f" {number}{NASTY[number % len(NASTY)]}" for number in range(5000))
    places.play(behaviours.answers(Answer(words=words, finish="stop")))
    turn = ask(page, NASTY[0])
    ended(turn)
    assert answer(turn) == places.task(page)["answer"] == "".join(words)
    assert turn.locator(".answer-text").evaluate("each => each.childNodes.length") == 1
    assert turn.locator("[data-slot=asked]").text_content() == NASTY[0]
    assert page.locator("#talk :is(img, script)").count() == 0
    assert page.title() == lite.TITLE


def test_a_proxy_that_cuts_the_stream_again_and_again(page, profile, places):
    profile.expect("net::ERR_")
    words = tuple(f" {number}{NASTY[number % len(NASTY)]}" for number in range(3000))
    places.play(behaviours.answers(Answer(words=words, finish="stop")))
    places.between.limits = {STREAM: 40_000}
    turn = ask(page)
    ended(turn)
    assert answer(turn) == "".join(words)
    after = [last for path, last in places.between.asked if path.endswith(STREAM)]
    assert len(after) >= 3
    assert after[0] == ""
    positions = [tuple(int(part) for part in last.split("-")) for last in after[1:]]
    assert positions == sorted(positions)
    assert positions[-1][1] > 0


def test_a_line_that_breaks_while_nothing_comes(page, profile, places):
    profile.expect("net::ERR_")
    places.play(behaviours.hangs(after=4))
    turn = ask(page)
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    places.between.cut(STREAM)
    wait_for(lambda: places.between.times(STREAM) >= 2 and places.between.open_for(STREAM) == 1, "the next connection")
    turn.get_by_role("button", name=lite.STOP).click()
    ended(turn, "CANCELLED")
    assert answer(turn) == places.task(page)["answer"]
    assert places.first.requests[0].closed_early.wait(10)
    expect(page.locator("#prompt")).to_be_focused()


def test_a_server_that_fails_and_the_one_that_answers_instead(page, places):
    places.play(behaviours.refuses(BUSY))
    turn = ask(page)
    ended(turn)
    assert answer(turn) == TEXT
    error, fallback = notes(turn)
    assert error.startswith(f"vllm did not answer for gemma-3 at {places.first.url}/v1: ")
    assert "overloaded, try again" in error
    assert fallback == "big is asked instead of vllm: the server is up but too busy to take the request"
    assert stamp(turn)[lite.ENDPOINT] == f"{places.second.url}/v1"
    expect(page.locator("#active .instead")).to_contain_text(f"Gemma 3 (vLLM @ {places.second.port}) answers instead: ")
    alert = page.locator(".alert", has_text="overloaded, try again")
    expect(alert).to_be_visible()
    alert.get_by_role("button", name=lite.ACKNOWLEDGE).click()
    expect(alert.locator("[data-slot=seen]")).to_be_visible()
    known = httpx.get(f"{places.cockpit.page}/api/v1/alerts?state=active").json()["items"]
    assert {each["acknowledged_by"] for each in known if each["acknowledged_at"]} == {"page"}


def test_nobody_answers(page, places):
    places.play(behaviours.refuses(BUSY), behaviours.refuses(BUSY))
    turn = ask(page)
    ended(turn, "FAILED")
    expect(turn.locator("[data-slot=failure]")).to_contain_text("overloaded, try again")
    # One that has just failed may be passed over: what is told is shown, each once.
    told = [event.data for event in places.told(page) if event.name == "llm_provider_error"]
    assert told
    shown = [each for each in notes(turn) if "did not answer" in each]
    assert len(shown) == len(told)
    assert all(data["llm_endpoint"] in each for each, data in zip(shown, told, strict=True))


def test_a_question_that_is_refused_is_not_lost(page, profile):
    profile.expect("429")
    page.route("**/api/v1/tasks", lambda route: route.fulfill(status=429, json={"detail": "200 tasks are waiting, and no more may."}))
    turn = ask(page, "Hear me?")
    ended(turn, "REFUSED")
    expect(turn.locator("[data-slot=failure]")).to_have_text("Not sent: 200 tasks are waiting, and no more may.")
    expect(page.locator("#prompt")).to_have_value("Hear me?")


def test_another_conversation_and_a_reload_in_the_middle_of_an_answer(page, places):
    ended(ask(page, "First?"))
    places.play(behaviours.hangs(after=4))
    turn = ask(page, "Second?")
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    page.reload()
    first, second = page.locator(".turn").first, page.locator(".turn").last
    ended(first)
    assert answer(first) == TEXT
    assert page.locator("[data-slot=asked]").all_text_contents() == ["First?", "Second?"]
    expect(second).to_have_attribute("data-status", "PROCESSING")
    wait_for(lambda: answer(second) == "".join(WORDS[:3]), "the same tokens")
    said = places.first.requests[0].body["messages"]
    assert [each["content"] for each in said] == ["First?", TEXT, "Second?"]
    second.get_by_role("button", name=lite.STOP).click()
    ended(second, "CANCELLED")
    kept = page.evaluate("JSON.stringify([sessionStorage, localStorage])")
    assert "Second?" not in kept
    page.get_by_role("button", name=lite.ANEW).click()
    expect(page.locator(".turn")).to_have_count(0)
    places.play(behaviours.answers())
    ended(ask(page, "Third?"))
    assert [each["content"] for each in places.first.requests[0].body["messages"]] == ["Third?"]


def test_another_conversation_ends_what_is_under_way(page, places):
    places.play(behaviours.hangs(after=4))
    turn = ask(page, "Never mind?")
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    address = f"{places.cockpit.page}/api/v1/tasks/{turn.get_attribute('data-task')}"
    page.get_by_role("button", name=lite.ANEW).click()
    expect(page.locator(".turn")).to_have_count(0)
    wait_for(lambda: httpx.get(address, timeout=30).json()["status"] == "CANCELLED", "the end of the task")


def test_the_server_is_killed_and_started_anew(profile, places):
    """The task is lost, and the page says so; then it goes on, with a session of the new process."""
    profile.expect("")
    places.play(behaviours.hangs(after=4))
    page = profile.open(places.between.url)
    turn = ask(page)
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    places.cockpit.stop(signal.SIGKILL)
    expect(turn.locator("[data-slot=failure]")).to_have_text(lite.SCRIPT["again"])
    expect(page.locator("#live")).to_have_text(lite.SCRIPT["lost"])
    places.cockpit.start()
    ended(turn, "LOST")
    expect(turn.locator("[data-slot=failure]")).to_contain_text("venom-otel ended while it ran.")
    assert answer(turn) == "".join(WORDS[:3])
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    places.play(behaviours.answers())
    again = ask(page)
    ended(again)
    assert answer(again) == TEXT


# -- tabs --------------------------------------------------------------------------------------------------------------------------------


def one_stream(places):
    wait_for(lambda: places.between.open_for(EVENTS) == 1, "one stream of events", 30)


def leader(pages):
    """The tab that has the stream of events."""
    held = """async () => (await navigator.locks.query()).held.filter(lock => lock.name.endsWith("events")).map(lock => lock.clientId)"""
    (client,) = pages[0].evaluate(held)
    own = """async () => {
        const found = navigator.locks.request("who-" + Math.random(), async lock =>
            (await navigator.locks.query()).held.find(each => each.name === lock.name).clientId);
        return await found;
    }"""
    return next(page for page in pages if page.evaluate(own) == client)


def trouble(places, model):
    """An application's request that fails, of which every tab must hear."""
    with Application(places.cockpit.otlp) as application:
        application.request(model, provider="ollama", failure=("500", "server_error", "it burns"))


def all_hear_of(pages, model):
    for page in pages:
        expect(page.locator(".alert", has_text=model)).to_be_visible(timeout=SOON)


def test_ten_tabs_share_one_stream_and_all_of_them_chat(profile, places):
    pages = [profile.open(places.between.url) for _ in range(10)]
    one_stream(places)
    trouble(places, "burning:1b")
    all_hear_of(pages, "burning:1b")
    assert places.between.times(EVENTS) == 1

    # Ten answers at once, each so long that none is over before all have begun; and one tab that only asks how things are.
    words = tuple(f" {number:06d}" for number in range(3000))
    places.play(behaviours.answers(Answer(words=words, finish="stop")))
    turns = [ask(page, f"Question {number}") for number, page in enumerate(pages)]
    for page, turn in zip(pages, turns, strict=True):
        ended(turn)
        assert answer(turn) == "".join(words), page
    assert places.between.open_for(EVENTS) == 1
    assert places.between.times(EVENTS) == 1


def test_answers_take_turns_when_many_hang(profile, places):
    """Ten answers of which none ends: the streams leave two connections for everything else, and every tab comes to its turn."""
    places.play(behaviours.hangs(after=4))
    pages = [profile.open(places.between.url) for _ in range(10)]
    turns = [ask(page) for page in pages]
    for turn in turns:
        wait_for(lambda turn=turn: answer(turn) == "".join(WORDS[:3]) or turn.get_attribute("data-status") == "PENDING", "its turn", 60)
    assert places.between.open_for(STREAM) <= 3
    assert places.between.open_for(EVENTS) == 1
    for turn in turns:
        turn.get_by_role("button", name=lite.STOP).click()
    for turn in turns:
        ended(turn, "CANCELLED")


def test_a_tab_that_leaves_hands_the_stream_on(profile, places):
    pages = [profile.open(places.between.url) for _ in range(3)]
    one_stream(places)
    trouble(places, "before:1b")
    all_hear_of(pages, "before:1b")
    gone = leader(pages)
    pages.remove(gone)
    gone.close()
    wait_for(lambda: places.between.times(EVENTS) == 2, "another tab's stream")
    one_stream(places)
    assert re.fullmatch(r"[0-9a-f]+-\d+", [last for path, last in places.between.asked if path == EVENTS][-1])
    trouble(places, "after:1b")
    all_hear_of(pages, "after:1b")


def test_a_tab_that_is_put_to_sleep_holds_nothing(profile, places):
    """As the browser tells it: Chromium itself freezes no tab that it takes for visible, as it does all of a test's."""
    pages = [profile.open(places.between.url) for _ in range(2)]
    one_stream(places)
    asleep = leader(pages)
    other = next(page for page in pages if page is not asleep)
    asleep.evaluate("document.dispatchEvent(new Event('freeze'))")
    wait_for(lambda: places.between.times(EVENTS) == 2, "another tab's stream")
    one_stream(places)
    assert leader(pages) is other
    trouble(places, "meanwhile:1b")
    all_hear_of([other], "meanwhile:1b")
    asleep.evaluate("document.dispatchEvent(new Event('resume'))")
    all_hear_of([asleep], "meanwhile:1b")
    one_stream(places)


def test_a_tab_that_no_longer_answers_is_robbed(profile, places):
    """One that has the lock, and of which nothing is heard for too long by another's clock."""
    stuck = profile.context.new_page()
    stuck.goto(f"{places.between.url}/api/v1/health")
    stuck.evaluate("void navigator.locks.request('venom-otel-lite-events', () => new Promise(() => {})).catch(() => {})")
    page = profile.open(places.between.url, live=False, clock=True)
    turn = ask(page)  # what else it does needs no events
    ended(turn)
    expect(page.locator("#live")).to_have_text(lite.SCRIPT["connecting"])
    assert places.between.times(EVENTS) == 0
    page.clock.fast_forward(60_000)
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    one_stream(places)


def test_a_cut_stream_of_events_is_taken_up_without_a_gap(profile, places):
    profile.expect("net::ERR_")
    page = profile.open(places.between.url)
    trouble(places, "one:1b")
    all_hear_of([page], "one:1b")
    places.between.cut(EVENTS)
    trouble(places, "two:1b")  # while nobody hears
    all_hear_of([page], "two:1b")
    assert [bool(last) for path, last in places.between.asked if path == EVENTS] == [False, True]


def test_without_locks(tabs, places):
    """As over http from another machine: a tab that is looked at has its own stream."""
    profile = tabs()
    profile.context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', {get: () => undefined})")
    page = profile.open(places.between.url)
    trouble(places, "lockless:1b")
    all_hear_of([page], "lockless:1b")
    turn = ask(page)
    ended(turn)
    assert answer(turn) == TEXT


def test_a_leader_is_live_at_once_however_young_its_page_is(profile, places):
    """Not only at the server's next sign of life, which may be 15 s away."""
    profile.context.add_init_script("performance.now = (real => () => real() / 1000)(performance.now.bind(performance))")
    page = profile.open(places.between.url, live=False)
    expect(page.locator("#live")).to_have_attribute("data-live", "live", timeout=12_000)


# -- the page itself ---------------------------------------------------------------------------------------------------------------------


def test_without_a_script_it_says_how_things_are(tabs, places):
    trouble(places, "unscripted:1b")
    wait_for(lambda: "unscripted:1b" in httpx.get(f"{places.cockpit.page}/lite").text, "the alert")
    # A Chromium that is merely told to run no script does not show this.
    assert lite.NO_SCRIPT in httpx.get(f"{places.cockpit.page}/lite").text.partition("<noscript>")[2]
    page = tabs(java_script_enabled=False).open(places.between.url, live=False)
    expect(page.locator("#active")).to_contain_text(f"Gemma 3 (vLLM @ {places.first.port})")
    expect(page.locator(".server")).to_have_count(2)
    expect(page.locator(".alert", has_text="unscripted:1b")).to_contain_text("it burns")
    for control in ("#ask", "#theme", ".alert button"):
        expect(page.locator(control).first).to_be_hidden()


def test_by_keyboard_alone(page):
    page.keyboard.press("Tab")
    expect(page.get_by_text(lite.SKIP)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#prompt")).to_be_focused()
    page.keyboard.type("One")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    turn = page.locator(".turn").last
    ended(turn)
    assert turn.locator("[data-slot=asked]").text_content() == "One\ntwo"
    expect(page.locator("#prompt")).to_be_focused()


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_nothing_is_wider_than_the_screen(tabs, places, width):
    places.play(behaviours.answers(Answer(words=("wide" * 200,))))
    page = tabs(viewport={"width": width, "height": 800}).open(places.between.url)
    ended(ask(page, "w" * 300))
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_theme_is_the_cockpits(profile, places):
    page = profile.open(places.between.url)
    for choice in ("light", "dark"):
        page.locator("#theme").click()
        expect(page.locator("html")).to_have_attribute("data-theme", choice)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb({}, {}, {})".format(*(int(theme.DARK.canvas[i : i + 2], 16) for i in (1, 3, 5)))


def test_every_control_has_a_name_and_every_live_region_a_role(page, places):
    ended(ask(page))
    trouble(places, "named:1b")
    all_hear_of([page], "named:1b")
    nameless = """() => [...document.querySelectorAll("button, a, textarea")].filter(each =>
        !(each.ariaLabel || each.textContent.trim() || each.labels?.length)).map(each => each.outerHTML)"""
    assert page.evaluate(nameless) == []
    expect(page.get_by_role("log", name=lite.CHAT)).to_be_visible()
    expect(page.get_by_role("textbox", name=lite.MESSAGE)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("live")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))


def test_the_policy_allows_nothing_but_own_files(places):
    answer = httpx.get(f"{places.cockpit.page}/lite")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["cache-control"] == "no-store"
    assert re.findall(r"<style|style=|\son\w+=", answer.text) == []
    scripts = re.findall(r"<script ([^>]*)>([^<]*)</script>", answer.text)
    assert [json.loads(body)["live"] for kind, body in scripts if "application/json" in kind] == ["live"]
    assert [body for kind, body in scripts if "application/json" not in kind] == [""]
    for name in set(re.findall(r'"(/lite/[^"]+)"', answer.text)):
        file = httpx.get(f"{places.cockpit.page}{name}")
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
    with contextlib.suppress(StopIteration):
        assert httpx.get(f"{places.cockpit.page}/lite/../page.py").status_code == 404
    assert httpx.get(f"{places.cockpit.page}/lite/theme.py").status_code == 404
