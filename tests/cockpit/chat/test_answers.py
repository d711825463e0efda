"""An answer comes as it is made, whole, as text and never as markup, with who gave it and why nobody else."""

from __future__ import annotations

import re
from statistics import median

import pytest
from cockpit.chat.conftest import ASKED, MISSING, Chat, Gated, newest
from playwright.sync_api import expect
from support import behaviours
from support.dialects import Answer

from venom_otel.cockpit import formats
from venom_otel.cockpit.texts import chat as texts

pytestmark = [pytest.mark.browser, pytest.mark.ollama]
KEYS = 9
WORDS = "grüße 你好 🦊👩‍👩‍👧 e\u0301 \u202eabc\u202c <b>& "


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


ECHOES = """field => {
    window.venomEchoes = [];
    const echo = event => requestAnimationFrame(() => setTimeout(() => window.venomEchoes.push(performance.now() - event.timeStamp)));
    field.addEventListener("keydown", echo);
}"""


def until_a_key_shows(chat):
    """The milliseconds from a key until it is drawn: the median of some."""
    chat.field.evaluate(ECHOES)
    for number in range(KEYS):
        chat.field.press("a")
        chat.page.wait_for_function("number => window.venomEchoes.length > number", arg=number)
    expect(chat.field).to_have_value("a" * KEYS)
    chat.field.fill("")
    return median(chat.page.evaluate("window.venomEchoes"))


def test_what_travels_grows_with_the_answer_and_not_with_its_square(open_tab, big, cockpit):
    length = 200_000
    behaviour = Gated(*(["0123456789abcde\n" * 10] * (length // 160)))
    big.play(behaviour)
    page = open_tab("/history")
    sent = []
    page.on("websocket", lambda socket: socket.on("framereceived", lambda frame: sent.append(len(frame))))
    page.goto("/")
    chat = Chat(page).choose("big")
    usual = until_a_key_shows(chat)
    chat.ask()
    chat.shows(behaviour.text)
    assert sum(sent) < 2 * length
    # And the page is not held up: a key that is pressed shows as soon as before.
    assert until_a_key_shows(chat) < 10 * usual
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
    expect(note.locator(".turn-fallback")).to_have_text(f"vLLM @ {recorded.port} failed: 404 model_not_found → Ollama @ {ollama.port}")
    expect(note.locator(".turn-why")).to_contain_text(f"The model {MISSING} does not exist.")
    expect(chat.last.locator(".provider")).to_have_text("ollama")
    expect(chat.last.locator(".turn-model")).to_have_text(ollama.model)


def test_no_fallback_where_the_reader_wants_none(chat, recorded):
    chat.panel.get_by_role("button", name=texts.OPTIONS).click()
    chat.panel.get_by_role("switch", name=texts.FALLBACK).click()
    chat.ask().whole()
    expect(chat.last.locator(".turn-note")).to_have_count(0)
    expect(chat.last.get_by_role("alert")).to_contain_text(f"404 · model_not_found: The model {MISSING} does not exist.")


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
