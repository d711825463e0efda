"""The settings page in a real browser."""

import pytest
from playwright.sync_api import expect
from support.cockpit import Cockpit

from venom_otel.cockpit.texts import settings as texts

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cockpit")
    (folder / ".env").write_text("OPENAI_API_KEY=sk-of-nobody-at-all\nVLLM_START_COMMAND=serve --api-key of-nobody\n")
    with Cockpit(folder) as running:
        yield running


def setting(page, variable):
    return page.locator(".setting", has=page.get_by_text(variable, exact=True))


def test_what_is_set_and_from_where(open_tab, cockpit):
    page = open_tab("/settings")
    expect(page).to_have_title(f"{texts.SETTINGS} · venom_otel")
    expect(page.get_by_role("region", name=texts.INSTALLATION)).to_contain_text(cockpit.otlp)
    expect(setting(page, "OPENAI_API_KEY").get_by_role("cell")).to_have_text(["OPENAI_API_KEYKey for it.", texts.HIDDEN, ".env"])
    expect(setting(page, "VLLM_START_COMMAND").get_by_role("cell").nth(1)).to_have_text("serve --api-key ***")
    expect(setting(page, "VENOM_OTEL_DATA_DIR").get_by_role("cell").last).to_have_text("option")
    expect(setting(page, "VLLM_ENDPOINT").get_by_role("cell").nth(1)).to_have_text(texts.NOTHING)
    assert "nobody" not in page.content()
    expect(setting(page, "VLLM_API_KEY").locator(".setting-words")).to_have_text("What it was started with as --api-key.")


def test_found_again(open_tab):
    page = open_tab("/settings")
    rows = page.locator(".setting:not(.setting-head)").filter(visible=True)
    page.get_by_label(texts.FILTER).fill("webhook")
    expect(rows).to_have_count(2)
    page.get_by_role("switch", name=texts.ONLY_SET).click()
    expect(page.get_by_text(texts.NO_MATCH)).to_be_visible()
    page.get_by_label(texts.FILTER).fill("")
    expect(setting(page, "OPENAI_API_KEY")).to_be_visible()
    expect(setting(page, "VENOM_OTEL_PROBE_INTERVAL_S")).to_be_hidden()


def test_by_navigation(open_tab):
    page = open_tab("/")
    page.get_by_role("link", name=texts.SETTINGS, exact=True).click()
    expect(page.get_by_role("heading", level=1)).to_have_text(texts.SETTINGS)
    expect(page.get_by_role("link", name=texts.SETTINGS, exact=True)).to_have_attribute("aria-current", "page")


@pytest.mark.parametrize("width", [360, 768])
def test_narrow(open_tab, width):
    page = open_tab("/settings", viewport={"width": width, "height": 800})
    expect(setting(page, "OPENAI_API_KEY")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
