"""The charts above the list, in a real browser."""

import re

import pytest
from playwright.sync_api import expect
from support.browser import says_under_the_pointer

from venom_otel.cockpit import texts, theme
from venom_otel.cockpit.texts import feed

pytestmark = pytest.mark.browser

FAILURE = ("404", "model_not_found", "model 'x' not found")


def chart(page, number):
    return page.locator(".chart-plot").nth(number)


def figure(page, name):
    return page.locator(".figure", has_text=name).locator(".figure-value")


def bars(page, colour):
    return page.locator(f'.chart-plot path[fill="var(--{colour})"]')


def rgb(colour):
    return f"rgb({', '.join(str(int(colour[i : i + 2], 16)) for i in (1, 3, 5))})"


@pytest.fixture
def filled(application):
    for _ in range(3):
        application.request("a", seconds=2, attributes={"gen_ai.response.time_to_first_chunk": 0.5})
    application.request("x", seconds=0.1, failure=FAILURE)
    return application


def test_what_the_requests_come_to(open_tab, filled):
    page = open_tab("/history")
    expect(figure(page, texts.REQUESTS)).to_have_text("4")
    expect(figure(page, "Completed")).to_have_text("3")
    expect(figure(page, "Failed")).to_have_text("1")
    expect(figure(page, texts.ERROR_RATE)).to_have_text("25\u202f%")
    expect(chart(page, 0)).to_have_attribute("aria-label", "Requests over time by how they ended: 3 completed, 1 failed, 0 cancelled")
    expect(chart(page, 1)).to_have_attribute("aria-label", re.compile(r"Duration p50 (1.9|2.0)\d s, .*First token p50 (49|50)\d ms"))
    expect(page.locator(".chart-range").last).to_have_text("78.0 tokens/s")
    expect(bars(page, "bad")).to_have_count(1)
    filled.request("b")
    expect(figure(page, texts.REQUESTS)).to_have_text("5")


def test_they_follow_the_filters(open_tab, filled):
    page = open_tab("/history?model=x&since=6h")
    expect(figure(page, texts.REQUESTS)).to_have_text("1")
    expect(page.locator(".chart-range").first).to_have_text("6 h")
    page.get_by_role("button", name=texts.CLEAR_FILTERS).click()
    expect(figure(page, texts.REQUESTS)).to_have_text("4")
    expect(page.locator(".chart-range").first).to_have_text("15 min")


def test_a_bar_leads_to_its_requests(open_tab, filled):
    page = open_tab("/history")
    expect(bars(page, "bad")).to_have_count(1)
    bars(page, "bad").click(force=True)
    expect(page.locator(".request .model")).to_have_text(["x"])
    expect(page).to_have_url(re.compile(r"/history\?status=failed&since=2[^&]*:00Z&until=2[^&]*:59\.999999Z$"))
    expect(page.locator(".range time")).to_have_count(2)
    expect(page.locator(".chart-range").first).to_have_text("1 min")
    page.go_back()
    expect(page.locator(".request")).to_have_count(4)


def test_they_wait_while_the_list_does(open_tab, filled):
    page = open_tab("/history")
    expect(figure(page, texts.REQUESTS)).to_have_text("4")
    page.get_by_role("button", name=feed.LIVE).click()
    expect(page.get_by_role("button", name=feed.PAUSED)).to_be_visible()
    filled.request("later")
    expect(page.locator(".active-model")).to_contain_text("Later")
    expect(figure(page, texts.REQUESTS)).to_have_text("4")
    page.get_by_role("button", name=feed.PAUSED).click()
    expect(figure(page, texts.REQUESTS)).to_have_text("5")


def test_they_take_the_themes_colours(open_tab, filled):
    page = open_tab("/history", color_scheme="light")
    expect(bars(page, "bad")).to_have_count(1)
    expect(bars(page, "bad")).to_have_css("fill", rgb(theme.LIGHT.bad))
    page.emulate_media(color_scheme="dark")
    expect(bars(page, "bad")).to_have_css("fill", rgb(theme.DARK.bad))


def test_after_a_trace_was_opened_first(open_tab, filled):
    """What draws the charts is loaded when the list is first shown, also later than the page itself."""
    page = open_tab("/trace/" + "0" * 32)
    page.locator(".back").click()
    expect(bars(page, "bad")).to_have_count(1)


def test_a_pointer_over_a_bar_says_its_numbers(open_tab, filled):
    page = open_tab("/history")
    expect(bars(page, "bad")).to_have_count(1)
    words = re.compile(r"\d\d:\d\d\s*Failed\s*1\s*Cancelled\s*0\s*Completed\s*[0-3]$")
    says_under_the_pointer(chart(page, 0), bars(page, "bad"), words)
