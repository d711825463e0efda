"""A conversation as its reader has it: its tab, its keys, its end, its room, and what is asked for."""

from __future__ import annotations

import re

import pytest
from axe_playwright_python.sync_playwright import Axe
from cockpit.chat.conftest import BUSY, Chat, Gated
from playwright.sync_api import expect
from support import behaviours, dialects
from support.dialects import Answer

from venom_otel.cockpit.texts import chat as texts

pytestmark = [pytest.mark.browser, pytest.mark.ollama]

LATE = """() => {
    const tell = BroadcastChannel.prototype.postMessage;
    BroadcastChannel.prototype.postMessage = function (words) { setTimeout(() => tell.call(this, words), 2000); };
}"""


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
    new = Chat(duplicated(one.page)).choose("big").ask("five").whole()
    assert [message["content"] for message in big.wait_for(5)[4].body["messages"]] == ["five"]
    expect(new.turns).to_have_count(1)
    expect(one.turns).to_have_count(1)


def duplicated(page):
    """A second tab of the same browser, with what a browser copies when a tab is duplicated."""
    twin = page.context.new_page()
    kept = page.evaluate("sessionStorage.getItem('venom-chat')")
    twin.add_init_script(f"if (!window.sessionStorage.getItem('venom-chat')) sessionStorage.setItem('venom-chat', {kept!r})")
    twin.goto(page.url)
    return twin


def test_a_duplicate_of_a_tab_that_is_busy_has_a_conversation_of_its_own(open_tab, big):
    """So that its word comes late."""
    big.play(behaviours.echoes())
    chat = Chat(open_tab()).choose("big").ask("one").whole()
    chat.page.evaluate(LATE)
    twin = Chat(duplicated(chat.page)).choose("big").ask("two").whole()
    assert [message["content"] for message in big.wait_for(2)[1].body["messages"]] == ["two"]
    expect(twin.turns).to_have_count(1)
    chat.page.reload()
    expect(chat.turns).to_have_count(1)  # it has its own again


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
    expect(chat.panel.get_by_role("alert").filter(visible=True)).to_have_text(texts.too_long(len(long)).replace("`", ""))
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
