"""Whatever comes between a question and its answer is seen, in words, and nothing that was said is lost without a word."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support import behaviours, dialects
from support.cockpit import Cockpit
from support.dialects import Answer
from support.patience import WAIT_S

from venom_otel.cockpit.texts import chat as texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

from cockpit.chat.conftest import ASKED, BUSY, Chat, Gated, newest

pytestmark = [pytest.mark.browser, pytest.mark.ollama]


@pytest.mark.parametrize("way", ["button", "escape"])
def test_cancelling_ends_the_servers_work(chat, big, cockpit, way):
    big.play(behaviours.hangs(after=3))
    chat.choose("big").ask()
    chat.shows("".join(dialects.WORDS[:2]))
    (request,) = big.wait_for(1)
    assert request.paused.wait(WAIT_S)
    expect(chat.last.locator(".turn-doing")).to_contain_text(texts.ANSWERING)
    if way == "button":
        chat.last.get_by_role("button", name=texts.STOP_THIS).click()
    else:
        chat.field.press("Escape")
    chat.whole()
    expect(chat.foot).to_contain_text(texts.CANCELLED)
    assert request.closed_early.wait(WAIT_S)
    assert newest(cockpit, status="CANCELLED")["answer"] == "".join(dialects.WORDS[:2])
    expect(chat.page.get_by_role("button", name=texts.STOP)).to_have_count(0)


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
            expect(page.locator(".chat-forgotten")).to_be_visible()
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
            expect(panel).to_contain_text(texts.INSTALL.replace("`", ""))
            expect(panel).to_contain_text(texts.INSTALL_COMMAND)
            expect(panel.get_by_role("textbox")).to_have_count(0)
