"""The alerts page in a real browser, over real failures and a real process."""

import re
import sys
from pathlib import Path

import pytest
from playwright.sync_api import expect
from support.cockpit import Cockpit

from venom_otel.cockpit import texts as common
from venom_otel.cockpit.alerts.alerts_page import in_one_line
from venom_otel.cockpit.texts import alerts as texts
from venom_otel.cockpit.words import plain

pytestmark = pytest.mark.browser

FAILURE = ("404", "model_not_found", "model 'x' not found")
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
def cockpit(tmp_path):
    more = {"VLLM_ENDPOINT": NOWHERE, "VLLM_START_COMMAND": f"{sys.executable} -c 'raise SystemExit(3)'"}
    with Cockpit(tmp_path, **more) as running:
        yield running


def alert(page, words):
    return page.locator(".alert-row", has_text=words)


def test_from_its_beginning_to_its_end(open_tab, application):
    page = open_tab("/alerts")
    expect(alert(page, f"vLLM at {NOWHERE} is offline")).to_contain_text("connection refused")
    for _ in range(2):
        application.request("x", failure=FAILURE)
    failing = alert(page, "x at http://localhost:11434/v1 (ollama): model_not_found, 2 times")
    expect(failing).to_contain_text(texts.KINDS["llm_provider_error"])
    expect(failing.locator(".alert-row-cause")).to_have_text(FAILURE[2])
    expect(failing.locator(".alert-row-facts")).to_contain_text("support-bot")
    failing.get_by_role("button", name=common.ACKNOWLEDGE).click()
    expect(failing.locator(".alert-row-facts")).to_contain_text(texts.SEEN)
    expect(failing.get_by_role("button", name=common.ACKNOWLEDGE)).to_be_hidden()
    application.request("x")
    expect(failing.locator(".alert-row-state")).to_have_text(texts.RESOLVED)
    expect(failing).to_contain_text("the same model at the same server has answered again")
    page.get_by_role("button", name=texts.STATES["active"], exact=True).click()
    expect(page).to_have_url(re.compile(r"/alerts\?state=active$"))
    expect(page.locator(".alert-row")).to_have_count(1)
    page.reload()
    expect(page.locator(".alert-row")).to_have_count(1)
    page.get_by_role("button", name=texts.STATES["resolved"], exact=True).click()
    expect(failing).to_have_count(1)
    failing.get_by_role("link", name=common.OPEN_TRACE).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("x")


def test_the_start_page_leads_to_those_it_has_no_room_for(open_tab, application):
    for model in ("x", "y", "z"):
        application.request(model, failure=FAILURE)
    page = open_tab("/")
    page.get_by_role("link", name=common.more_alerts(1)).click()
    expect(page).to_have_url(re.compile(r"/alerts\?state=active$"))
    expect(page.locator(".alert-row")).to_have_count(4)


def test_what_was_done(open_tab):
    page = open_tab("/alerts")
    expect(page.get_by_text(texts.NOTHING_DONE)).to_be_visible()
    alert(page, "vLLM").get_by_role("button", name="Start vLLM").click()
    lines = page.locator(".done")
    expect(lines).to_have_count(2)
    expect(lines.nth(1)).to_contain_text("start vllmbegunfrom this page")
    expect(lines.nth(0).locator(".done-outcome")).to_have_text(texts.OUTCOMES["failed"])
    expect(lines.nth(0).locator(".done-why")).to_contain_text("VLLM_START_COMMAND ended with status 3")


@pytest.mark.parametrize("width", [360, 1024])
def test_narrow(open_tab, width):
    page = open_tab("/alerts", viewport={"width": width, "height": 800})
    expect(page.locator(".alert-row")).to_have_count(1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width


class TestNothing:
    @pytest.fixture
    def cockpit(self, tmp_path):
        with Cockpit(Path(tmp_path)) as running:
            yield running

    def test_all_is_well(self, open_tab):
        page = open_tab("/alerts?state=active")
        expect(page.get_by_text(texts.ALL_WELL)).to_be_visible()
        expect(page.get_by_text(plain(texts.NO_WEBHOOK))).to_be_visible()


def test_why_something_failed_in_one_line():
    assert in_one_line("It ended with status 3. The end of vllm.log:\nbegin\nCUDA out of memory\n") == (
        "It ended with status 3. The end of vllm.log: CUDA out of memory"
    )
    assert in_one_line("It belongs to another user.") == "It belongs to another user."
    assert in_one_line("") == ""
