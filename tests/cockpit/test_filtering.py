"""The filters above the list, in a real browser: each narrows the list, all are in the address, and the browser's back undoes them."""

import re

import pytest
from playwright.sync_api import expect
from support.cockpit import Application, Cockpit

from venom_otel.cockpit import texts
from venom_otel.store.protocol import Dimension

pytestmark = pytest.mark.browser

AUTH = ("401", "auth", "the key is wrong")
MISSING = ("404", "model_not_found", "model 'x' not found")


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """One for the module, with some requests in it; nobody here sends more."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        with Application(running.otlp) as application:
            application.request("a", attributes={"gen_ai.request.seed": 7})
            application.request("b", provider="vllm", endpoint="http://gpu:8000/v1")
            application.request("c", provider="vllm", endpoint="http://gpu:8000/v1", failure=AUTH)
            application.request("d", failure=MISSING)
        with Application(running.otlp, name="batch") as application:
            application.request("e", attributes={"gen_ai.request.seed": 8})
        yield running


@pytest.fixture
def shows(open_tab):
    """Opens a path; what comes back checks which requests a page shows, the newest first."""

    def open_path(path="/history"):
        page = open_tab(path)

        def check(models, query=None):
            expect(page.locator(".request .model")).to_have_text(list(models))
            if query is not None:
                expect(page).to_have_url(re.compile(f"/history{re.escape(query)}$"))

        return page, check

    return open_path


def choose(page, dimension, value):
    page.get_by_label(texts.FILTERS[dimension]).click()
    page.get_by_role("option", name=value, exact=True).click()


@pytest.mark.parametrize(
    ("dimension", "value", "models", "query"),
    [
        (Dimension.PROVIDER, "vllm", "cb", "?provider=vllm"),
        (Dimension.MODEL, "d", "d", "?model=d"),
        (Dimension.ENDPOINT, "gpu:8000/v1", "cb", "?endpoint=http://gpu:8000/v1"),
        (Dimension.SERVICE, "batch", "e", "?service=batch"),
        (Dimension.ERROR_KIND, "auth", "c", "?error_kind=auth"),
    ],
)
def test_each_list_of_values(shows, dimension, value, models, query):
    page, check = shows()
    check("edcba")
    choose(page, dimension, value)
    check(models, query)
    expect(page.get_by_label(texts.FILTERS[dimension])).to_have_value(value)
    page.get_by_role("button", name=texts.CLEAR_FILTERS).click()
    check("edcba", "")
    expect(page.get_by_role("button", name=texts.CLEAR_FILTERS)).to_be_hidden()


def test_words_and_attributes_are_searched_for(shows):
    page, check = shows()
    check("edcba")
    page.locator("body").press("/")
    search = page.get_by_label(texts.SEARCH_FILTER)
    expect(search).to_be_focused()
    page.keyboard.type("KEY IS WRONG")
    check("c", "?text=KEY+IS+WRONG")
    search.fill("gen_ai.request.seed=8")
    check("e", "?text=gen_ai.request.seed%3D8")
    search.fill("gen_ai.request.seed=8 nowhere")
    expect(page.get_by_text(texts.NO_MATCH)).to_be_visible()
    expect(page.locator(".chart-range").first).to_have_text(texts.without_search("15 min"))
    search.fill("")
    check("edcba", "")


def test_time(shows):
    page, check = shows()
    check("edcba")
    page.get_by_label(texts.RANGE_FILTER).click()
    page.get_by_role("option", name=texts.RANGES["15m"]).click()
    check("edcba", "?since=15m")
    expect(page.locator(".chart-range").first).to_have_text("15 min")
    page, check = shows("/history?since=2026-01-01T00:00:00Z&until=2026-01-01T00:01:00Z")
    expect(page.get_by_text(texts.NO_MATCH)).to_be_visible()
    expect(page.locator(".range time")).to_have_text(["1 Jan, 01:00:00", "1 Jan, 01:01:00"])  # in the reader's own time
    expect(page.get_by_label(texts.RANGE_FILTER)).to_have_value(texts.CHOSEN_RANGE)
    page.get_by_label(texts.RANGE_FILTER).click()
    page.get_by_role("option", name=texts.ANY_TIME).click()
    check("edcba", "")
    expect(page.locator(".range")).to_be_hidden()


def test_the_browsers_back_and_forth(shows):
    page, check = shows()
    check("edcba")
    page.get_by_role("button", name="Failed").click()
    check("dc", "?status=failed")
    choose(page, Dimension.PROVIDER, "vllm")
    check("c", "?status=failed&provider=vllm")
    page.go_back()
    check("dc", "?status=failed")
    expect(page.get_by_label(texts.FILTERS[Dimension.PROVIDER])).to_have_value(texts.ANY[Dimension.PROVIDER])
    page.go_back()
    check("edcba", "")
    expect(page.get_by_role("button", name="All", exact=True)).to_have_attribute("aria-pressed", "true")
    page.go_forward()
    check("dc", "?status=failed")
    expect(page.get_by_role("button", name="Failed")).to_have_attribute("aria-pressed", "true")


def test_a_link_to_a_filtered_list_and_the_way_back_to_it(shows):
    page, check = shows("/history?provider=vllm&status=failed")
    check("c")
    expect(page.get_by_label(texts.FILTERS[Dimension.PROVIDER])).to_have_value("vllm")
    page.locator(".request").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("c")
    page.locator(".back").click()
    check("c", "?status=failed&provider=vllm")
    page.locator(".request").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("c")
    page.keyboard.press("Escape")
    check("c", "?status=failed&provider=vllm")
    page.get_by_role("link", name=texts.HISTORY, exact=True).click()
    check("edcba", "")


def test_values_that_the_list_does_not_show_are_on_offer(shows):
    page, check = shows("/history?model=a")
    check("a")
    choose(page, Dimension.MODEL, "b")
    check("b", "?model=b")


def test_an_address_that_asks_for_nonsense_shows_everything(shows):
    _, check = shows("/history?status=broken&since=lately&colour=red")
    check("edcba")
