"""How the page looks and where its addresses lead, in a real browser."""

import re

import httpx
import pytest
from playwright.sync_api import expect
from support.cockpit import Cockpit

from venom_otel.cockpit import texts, theme
from venom_otel.cockpit.frame import NAVIGATION

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """One for the module: nothing here minds what others have sent."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        yield running


def has_background(page, palette):
    channels = (int(palette.canvas[at : at + 2], 16) for at in (1, 3, 5))
    expect(page.locator("body")).to_have_css("background-color", f"rgb({', '.join(map(str, channels))})")


@pytest.mark.parametrize(("scheme", "palette"), [("light", theme.LIGHT), ("dark", theme.DARK)])
def test_theme_follows_the_system(open_tab, scheme, palette):
    page = open_tab(color_scheme=scheme)
    has_background(page, palette)


def test_theme_switch_is_kept(open_tab):
    page = open_tab(color_scheme="light")
    for choice, palette in (("auto", theme.LIGHT), ("light", theme.LIGHT), ("dark", theme.DARK)):
        button = page.get_by_role("button", name=texts.THEME[choice])
        expect(button).to_be_visible()
        has_background(page, palette)
        if choice != "dark":
            button.click()
    page.reload()
    expect(page.get_by_role("button", name=texts.THEME["dark"])).to_be_visible()
    has_background(page, theme.DARK)
    expect(page.locator("body")).to_have_class(re.compile("body--dark"))


@pytest.mark.parametrize("width", [320, 390, 768, 1024])
def test_narrow_windows(open_tab, application, width):
    application.request("a-model-with-a-rather-long-name/in-two-parts-and-a-quantisation-Q4_K_M", answered="another-long-name" * 3)
    trace_id = application.request("x", failure=("500", "server_error", "word " * 40 + "a-word-without-an-end" * 10))
    page = open_tab(viewport={"width": width, "height": 800})
    expect(page.locator(".request").first.locator(".cell-error")).to_be_visible()
    expect(page.locator(".request").first.locator(".cell-duration")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.goto(f"/trace/{trace_id}")
    expect(page.get_by_role("treeitem")).to_have_count(3)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_an_address_that_leads_nowhere(browser, cockpit):
    page = browser.new_page(base_url=cockpit.page)
    reply = page.goto("/nowhere")
    assert reply.status == 404
    expect(page.get_by_role("heading", level=1)).to_have_text(texts.NO_PAGE_TITLE)
    page.locator(".back").click()
    expect(page).to_have_title(texts.document_title(texts.NOW))
    page.close()
    reply = httpx.get(f"{cockpit.page}/api/v1/nowhere")
    assert (reply.status_code, reply.headers["content-type"]) == (404, "application/problem+json")
    assert reply.json()["detail"] == "there is nothing at /api/v1/nowhere: /openapi.json lists the addresses of the API"


def test_two_readers_see_the_same(open_tab, application):
    first, second = open_tab(), open_tab()
    application.request("shared")
    for page in (first, second):
        expect(page.locator(".request .model").first).to_have_text("shared")
        expect(page.locator(".active-model")).to_contain_text("Shared")


def test_the_page_is_framed_by_nobody_and_loads_nothing_from_elsewhere(browser, cockpit):
    headers = httpx.get(cockpit.page).headers
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    page = browser.new_page(base_url=cockpit.page)
    page.goto("/")
    refused = """() => new Promise(done => {
        document.addEventListener("securitypolicyviolation", event => done(event.effectiveDirective));
        const image = new Image();
        image.src = "http://127.0.0.2:9/pixel.png";
    })"""
    assert page.evaluate(refused) == "img-src"
    page.close()


@pytest.mark.parametrize("width", [320, 360, 390, 761])
def test_every_page_can_be_gone_to_from_a_telephone(open_tab, application, width):
    application.request("x", failure=("500", "server_error", "it burns"))  # an alert is counted beside its page's name
    page = open_tab(viewport={"width": width, "height": 800})
    expect(page.locator(".nav-count")).to_be_visible()
    links = page.locator(".nav a")
    assert links.count() == len(NAVIGATION)
    for link in links.all():
        place = link.bounding_box()
        assert place["x"] >= 0
        assert place["x"] + place["width"] <= width
        assert link.evaluate(
            "each => each.contains(document.elementFromPoint(...(({ right, y }) => [right - 6, y + 20])(each.getBoundingClientRect())))"
        )
