"""The live feed on the start page, in a real browser."""

import re
import threading
import time

import httpx
import psutil
import pytest
from playwright.sync_api import expect
from support.cockpit import Application, wait_for
from support.otlp import SECOND, chat, new_trace_id, traces

from venom_otel.cockpit import texts
from venom_otel.cockpit.texts import feed, timing

pytestmark = pytest.mark.browser

TOLD = {"llm.timing.load": 0.3, "llm.timing.prompt": 0.1, "llm.timing.generation": 0.4}


def rows(page):
    return page.locator(".home-feed .request")


def models(page):
    return page.locator(".home-feed .request .model")


def switch(page):
    return page.locator(".home-feed").get_by_role("button", name=re.compile(f"{feed.LIVE}|{feed.PAUSED}"))


def send(cockpit, *spans, service="support-bot"):
    httpx.post(
        f"{cockpit.otlp}/v1/traces", content=traces(*spans, service=service), headers={"Content-Type": "application/x-protobuf"}
    ).raise_for_status()


def test_before_the_first_request_it_says_what_to_add(open_tab, cockpit, application):
    page = open_tab(viewport={"width": 1280, "height": 800})
    empty = page.locator(".home-feed .empty")
    expect(empty.get_by_role("heading", name=texts.EMPTY_TITLE)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_count(1)
    expect(empty.locator(".code").first).to_contain_text("venom_otel.instrument(kernel)")
    expect(empty.get_by_text(cockpit.otlp).first).to_be_visible()
    wait_for(lambda: (box := empty.bounding_box()) and box["y"] + box["height"] <= 800, "all of it on the screen")
    application.request("first")
    expect(models(page)).to_have_text(["first"])
    expect(empty).to_be_hidden()


def test_rows_say_how_it_went_in_words(open_tab, cockpit, application):
    page = open_tab()
    application.request("x", failure=("404", "model_not_found", "model 'x' not found"))
    application.request("gemma3:4b", attributes=TOLD, seconds=0.8)
    send(cockpit, chat("ollama", "asked-here"), service="venom-otel")
    expect(models(page)).to_have_text(["asked-here", "gemma3:4b", "x"])
    expect(rows(page).nth(2).locator(".cell-error")).to_contain_text("model_not_found: model 'x' not found")
    expect(page.locator(".task-mark")).to_have_text([feed.TASK])
    bar = rows(page).nth(1).get_by_role("img", name=re.compile(timing.PARTS["load"]))
    expect(bar).to_have_accessible_name("Load 300 ms, Prompt 100 ms, Generation 400 ms")
    assert "linear-gradient" in bar.evaluate("element => getComputedStyle(element).backgroundImage")
    expect(page.locator(".home-feed .time-bar")).to_have_count(1)


def test_it_scrolls_inside_itself_with_its_head_in_place(open_tab, application):
    application.requests(120)
    page = open_tab(viewport={"width": 1280, "height": 800})
    expect(rows(page)).to_have_count(100)
    area = page.locator(".feed-rows")
    head = "area => area.querySelector('.requests-head').getBoundingClientRect().y - area.getBoundingClientRect().y"
    before = area.evaluate(head)
    area.evaluate("area => area.scrollTo(0, 1000)")
    wait_for(lambda: area.evaluate("area => area.scrollTop") == 1000, "the scrolled area")
    assert area.evaluate(head) == before
    wait_for(lambda: page.evaluate("document.documentElement.scrollHeight <= innerHeight"), "a page that does not scroll itself")


def test_the_newest_hundred_stay(open_tab, application):
    application.requests(90)
    page = open_tab()
    expect(rows(page)).to_have_count(90)
    application.requests(30)
    expect(rows(page)).to_have_count(100)
    expect(models(page).first).to_have_text("model-29")
    expect(models(page).last).to_have_text("model-20")
    expect(page.get_by_role("button", name=texts.OLDER)).to_be_hidden()


def test_the_pointer_holds_it_and_lets_it_go(open_tab, application):
    application.request("first")
    page = open_tab()
    expect(models(page)).to_have_text(["first"])
    rows(page).first.hover()
    expect(switch(page)).to_have_text(feed.PAUSED)
    for model in ("second", "third"):
        application.request(model)
    expect(switch(page)).to_have_text(feed.waiting(2))
    expect(models(page)).to_have_text(["first"])
    page.mouse.move(1, 1)
    expect(models(page)).to_have_text(["third", "second", "first"])
    expect(switch(page)).to_have_text(feed.LIVE)


def test_so_does_the_keyboard(open_tab, application):
    application.request("first")
    page = open_tab()
    page.locator(".home-feed .request-link").first.focus()
    expect(switch(page)).to_have_text(feed.PAUSED)
    application.request("second")
    expect(switch(page)).to_have_text(feed.waiting(1))
    page.locator(".home-feed .request-link").first.blur()
    expect(models(page)).to_have_text(["second", "first"])


def test_the_switch_pauses_until_it_is_pressed_again(open_tab, application):
    application.request("first")
    page = open_tab()
    expect(models(page)).to_have_text(["first"])
    switch(page).click()
    expect(switch(page)).to_have_attribute("aria-pressed", "true")
    application.request("second")
    expect(switch(page)).to_have_text(feed.waiting(1))
    rows(page).first.hover()
    page.mouse.move(1, 1)
    expect(switch(page)).to_have_attribute("aria-pressed", "true")
    expect(models(page)).to_have_text(["first"])
    switch(page).click()
    expect(models(page)).to_have_text(["second", "first"])


def test_the_way_back_from_a_trace_leads_to_where_the_reader_was(open_tab, application):
    application.request("first")
    page = open_tab("/history?status=completed")
    page.get_by_role("link", name=texts.NOW, exact=True).click()
    rows(page).first.locator(".request-link").click()
    expect(page).to_have_url(re.compile("/trace/"))
    page.get_by_role("link", name=texts.BACK).click()
    expect(page).to_have_url(re.compile(r"//[^/]+/$"))
    expect(switch(page)).to_have_text(feed.LIVE)
    page.locator(".home-feed").get_by_role("link", name=feed.ALL_OF_IT).click()
    expect(page).to_have_url(re.compile(r"/history\?status=completed$"))
    page.locator(".request-link").first.click()
    expect(page).to_have_url(re.compile("/trace/"))
    page.keyboard.press("Escape")
    expect(page).to_have_url(re.compile(r"/history\?status=completed$"))


def test_a_click_on_a_duration_opens_the_request(open_tab, application):
    application.request("gemma3:4b", attributes=TOLD)
    page = open_tab()
    rows(page).first.locator(".cell-duration").click()
    expect(page).to_have_url(re.compile("/trace/"))
    legend = page.get_by_role("region", name=timing.TITLE).get_by_role("listitem")
    expect(legend).to_have_text([re.compile(words) for words in ("Load300 ms", "Prompt100 ms", "Generation400 ms")])


def test_it_comes_back_after_a_restart(browser, cockpit):
    """The browser's own messages about the lost connection are expected."""
    with Application(cockpit.otlp) as application:
        application.request("before")
    page = browser.new_page(base_url=cockpit.page)
    page.goto("/")
    expect(models(page)).to_have_text(["before"])
    cockpit.stop()
    cockpit.start()
    with Application(cockpit.otlp) as application:
        application.request("after")
    expect(models(page)).to_have_text(["after", "before"])
    page.close()


RATE = 500
SECONDS = 10
MOST = 15
"""Times the processor time that it takes to make and send them, at most; measured: 3 for the page, 4 for the cockpit, which stores them."""

COUNT_UPDATES = """() => {
    window.updates = 0;
    new MutationObserver(() => { window.updates += 1; }).observe(document.querySelector(".feed-rows"), { childList: true, subtree: true });
}"""


def test_it_stays_smooth_while_hundreds_of_requests_come_each_second(open_tab, cockpit, record_property):
    """By processor time, as a ratio in one run; the page draws no more than about once a second."""
    page = open_tab(viewport={"width": 1280, "height": 800})
    expect(page.locator(".home-feed .empty")).to_be_visible()
    page.evaluate(COUNT_UPDATES)
    process = psutil.Process(cockpit.process.pid)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})

    def spent():
        metrics = {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}
        return metrics["TaskDuration"], sum(process.cpu_times()[:2])

    sending = []
    before, begin = spent(), time.monotonic()
    thread = threading.Thread(target=lambda: sending.append(stream(cockpit)))
    thread.start()
    expect(rows(page)).to_have_count(100)
    thread.join()
    expect(models(page)).to_have_text([f"model-{number}" for number in reversed(range(RATE * SECONDS - 100, RATE * SECONDS))])
    took = time.monotonic() - begin
    of_page, of_cockpit = ((after - then) / sending[0] for after, then in zip(spent(), before, strict=True))
    record_property("processor time of the page, of the cockpit, as ratios", [round(of_page, 2), round(of_cockpit, 2)])
    assert of_page < MOST
    assert of_cockpit < MOST
    assert page.evaluate("window.updates") <= took + 5


def stream(cockpit):
    """Requests as an application's exporter sends them, a batch five times a second; the processor time that it took."""
    spent = time.thread_time()
    begin, batch = time.monotonic(), RATE // 5
    now = time.time_ns()
    with httpx.Client() as client:
        for first in range(0, RATE * SECONDS, batch):
            spans = [
                chat("ollama", f"model-{number}", more=TOLD, start_ns=now + number, duration_ns=SECOND, trace_id=new_trace_id())
                for number in range(first, first + batch)
            ]
            client.post(
                f"{cockpit.otlp}/v1/traces", content=traces(*spans), headers={"Content-Type": "application/x-protobuf"}
            ).raise_for_status()
            time.sleep(max(begin + (first + batch) / RATE - time.monotonic(), 0))
    return time.thread_time() - spent
