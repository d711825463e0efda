"""The live list in a real browser, fed by the OpenTelemetry SDK's own exporter through the real cockpit."""

import re
import signal

import pytest
from playwright.sync_api import expect
from support.cockpit import Application

from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import feed, header
from venom_otel.store.protocol import Dimension

pytestmark = pytest.mark.browser

FAILURE = ("404", "model_not_found", "model 'x' not found")
FAILURE_WORDS = "404 · model_not_found: model 'x' not found — ollama at http://localhost:11434/v1"


def rows(page):
    return page.locator(".request")


def test_empty_page_says_what_to_add(open_tab, cockpit):
    page = open_tab("/history")
    expect(page.get_by_role("heading", name=texts.EMPTY_TITLE)).to_be_visible()
    expect(page.locator(".code").first).to_contain_text("import venom_otel\nvenom_otel.instrument(kernel)")
    expect(page.locator(".code").nth(1)).to_contain_text(f"OTEL_EXPORTER_OTLP_ENDPOINT={cockpit.otlp}")
    expect(page.locator(".code").last).to_contain_text("venom-otel demo")
    expect(page.locator(".overview, .bar, .filters").filter(visible=True)).to_have_count(0)
    expect(page.locator(".active-model")).to_contain_text(header.NO_MODEL)
    expect(rows(page)).to_have_count(0)


def test_requests_appear_as_they_end(open_tab, application):
    page = open_tab("/history")
    expect(page.get_by_role("heading", name=texts.EMPTY_TITLE)).to_be_visible()
    application.request("llama3.2:1b", seconds=1.24, attributes={"gen_ai.response.time_to_first_chunk": 0.18})
    expect(rows(page)).to_have_count(1)
    expect(page.get_by_role("heading", name=texts.EMPTY_TITLE)).to_be_hidden()
    application.request("gpt-4o-mini", provider="openai", endpoint="https://api.openai.com/v1", answered="gpt-4o-mini-2024-07-18")
    application.request("x", failure=FAILURE)
    expect(rows(page)).to_have_count(3)
    cells = rows(page).nth(2).get_by_role("cell").all_inner_texts()
    assert re.fullmatch(r"\d\d:\d\d:\d\d", cells[0])
    assert cells[1:] == ["Completed", "ollama", "llama3.2:1b", "localhost:11434/v1", "support-bot", "1.24 s", "180 ms", "31 → 118"]
    expect(rows(page).nth(1).locator(".cell-model")).to_have_text("gpt-4o-mini→gpt-4o-mini-2024-07-18")
    expect(rows(page).nth(0).locator(".cell-status")).to_have_text("Failed")
    expect(rows(page).nth(0).locator(".cell-error")).to_have_text(FAILURE_WORDS)
    # A failure does not count as an answer.
    expect(page.locator(".active-model")).to_have_text(f"{header.ANSWERED_LAST}GPT 4o Mini 2024 07 18 (OpenAI @ api.openai.com)")


def test_an_answer_in_another_servers_place_is_marked(open_tab, application):
    page = open_tab("/history")
    application.request("llama3.2:1b", attributes={"llm.route.fallback": False})
    application.request("gpt-4o-mini", provider="openai", attributes={"llm.route.fallback": True})
    expect(rows(page)).to_have_count(2)
    expect(page.get_by_role("img", name=texts.IN_ANOTHERS_PLACE)).to_have_count(1)
    expect(rows(page).first.locator(".cell-provider")).to_have_text("openai↷")


def test_a_list_that_was_there_before(open_tab, application):
    for number in range(3):
        application.request(f"model-{number}")
    page = open_tab("/history")
    expect(rows(page)).to_have_count(3)
    expect(page.locator(".request .model")).to_have_text(["model-2", "model-1", "model-0"])
    expect(page.locator(".active-model")).to_contain_text("Model 2")


def test_more_at_once_than_a_page_holds(open_tab, application):
    application.request("first")
    page = open_tab("/history")
    expect(rows(page)).to_have_count(1)
    application.requests(240)
    expect(rows(page)).to_have_count(100)
    expect(page.locator(".request .model").first).to_have_text("model-239")
    page.get_by_role("button", name=texts.OLDER).click()
    expect(rows(page)).to_have_count(200)
    page.get_by_role("button", name=texts.OLDER).click()
    expect(rows(page)).to_have_count(241)
    expect(page.get_by_role("button", name=texts.OLDER)).to_be_hidden()
    expect(page.locator(".request .model").last).to_have_text("first")
    shown = page.locator(".request .model").all_inner_texts()
    assert len(set(shown)) == 241


def test_by_keyboard_alone(open_tab, application):
    for number in range(4):
        application.request(f"model-{number}")
    page = open_tab("/history")
    expect(rows(page)).to_have_count(4)
    page.keyboard.press("Tab")
    expect(page.get_by_text(texts.SKIP)).to_be_focused()
    links = page.locator(".request-link")
    for _ in range(40):
        if links.first.evaluate("element => element === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(links.first).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    focused = page.evaluate("document.activeElement.dataset.id")
    application.request("newer")
    expect(rows(page)).to_have_count(5)
    expect(page.locator(f'[data-id="{focused}"]')).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("model-2")
    page.get_by_role("treeitem", selected=True).focus()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("treeitem", selected=True)).to_be_focused()
    expect(page.locator(".details").get_by_role("heading", level=2)).to_have_text("POST")
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/history$"))
    expect(page.locator(f'[data-id="{focused}"]')).to_be_focused()


def test_filters_are_in_the_address(open_tab, application):
    application.request("llama3.2:1b")
    application.request("gpt-4o-mini", provider="openai", endpoint="https://api.openai.com/v1")
    application.request("x", failure=FAILURE)
    page = open_tab("/history")
    expect(rows(page)).to_have_count(3)
    page.get_by_role("button", name="Failed").click()
    expect(page).to_have_url(re.compile(r"/history\?status=failed$"))
    expect(page.locator(".request .model")).to_have_text(["x"])
    application.request("llama3.2:1b")
    application.request("y", failure=FAILURE)
    expect(page.locator(".request .model")).to_have_text(["y", "x"])
    page.reload()
    expect(page.locator(".request .model")).to_have_text(["y", "x"])
    page.get_by_role("button", name="Completed").click()
    page.get_by_label(texts.FILTERS[Dimension.PROVIDER]).click()
    page.get_by_role("option", name="openai").click()
    expect(page).to_have_url(re.compile(r"/history\?status=completed&provider=openai$"))
    expect(page.locator(".request .model")).to_have_text(["gpt-4o-mini"])
    page.get_by_role("button", name="Cancelled").click()
    expect(page.get_by_text(texts.NO_MATCH)).to_be_visible()
    page.get_by_role("button", name=texts.CLEAR_FILTERS).click()
    expect(rows(page)).to_have_count(5)
    expect(page).to_have_url(re.compile(r"/history$"))


def test_pause(open_tab, application):
    application.request("first")
    page = open_tab("/history")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name=feed.LIVE).click()
    expect(page.get_by_role("button", name=feed.PAUSED)).to_be_visible()
    application.request("second")
    expect(page.locator(".active-model")).to_contain_text("Second")  # it has arrived, and the list still waits
    expect(rows(page)).to_have_count(1)
    page.get_by_role("button", name=feed.PAUSED).click()
    expect(page.locator(".request .model")).to_have_text(["second", "first"])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_comes_back_after_a_restart(browser, cockpit, number):
    """Without a word from the reader; the messages about the lost connection are the browser's own and expected."""
    with Application(cockpit.otlp) as application:
        application.request("before")
    page = browser.new_page(base_url=cockpit.page)
    page.goto("/history")
    expect(rows(page)).to_have_count(1)
    status, _, words = cockpit.stop(number)
    if number == signal.SIGTERM:
        assert (status, words) == (0, "")  # and it does not wait for the reader to leave, which would be for ever
    expect(page.locator("#popup")).to_be_visible()
    cockpit.start()
    with Application(cockpit.otlp) as application:
        application.request("after")
        expect(page.locator(".request .model")).to_have_text(["after", "before"])
        expect(page.locator("#popup")).to_be_hidden()
        application.request("live again")
        expect(rows(page)).to_have_count(3)
    page.close()
