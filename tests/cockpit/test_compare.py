"""Models and servers side by side, in a real browser."""

import json
import re
import time

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support.browser import passing, says_under_the_pointer
from support.cockpit import Application, Cockpit
from support.otlp import SECOND, chat, traces

from venom_otel.cockpit.texts import compare as texts
from venom_otel.services.compared import FEW

pytestmark = pytest.mark.browser

TOKENS = {"gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 50}
FAILED = {"llm.outcome": "error", "llm.error.kind": "timeout"}
OLLAMA, VLLM = "ollama|llama|http://ollama:1/v1", "vllm|gemma|http://vllm:1/v1"


def some(provider, model, seconds, number=FEW, ago_s=60, **more):
    said = TOKENS | {"gen_ai.response.time_to_first_chunk": seconds / 4} | more
    begin = time.time_ns() - ago_s * SECOND
    return [chat(provider, model, more=said, start_ns=begin, duration_ns=round(seconds * SECOND)) for _ in range(number)]


def send(cockpit, *spans, service="chat-api"):
    body = traces(*spans, service=service)
    httpx.post(f"{cockpit.otlp}/v1/traces", content=body, headers={"content-type": "application/x-protobuf"}).raise_for_status()


@pytest.fixture
def filled(cockpit):
    """A fast and a slow server that fails at times, and one that was asked thrice, by another application."""
    send(cockpit, *some("vllm", "gemma", 1, FEW + 4), *some("ollama", "llama", 3, **{"llm.cold_start": True}))
    send(cockpit, *some("ollama", "llama", 0.1, 2, **FAILED))
    send(cockpit, *some("openai", "gpt", 0.5, 3), service="batch")
    return cockpit


def rows(page):
    return page.locator(".compare-table tbody tr")


def cell(page, title, column):
    return rows(page).filter(has=page.locator(".compare-title", has_text=re.compile(f"^{title}$"))).locator(f"td.is-{column}")


def titles(page):
    return page.locator(".compare-table .compare-title")


def test_rows_with_what_is_best_and_worst(open_tab, filled):
    page = open_tab("/compare")
    expect(titles(page)).to_have_text(["gemma", "llama", "gpt"])
    expect(page.locator(".compare-place")).to_have_text(["vllm · vllm:1/v1", "ollama · ollama:1/v1", "openai · openai:1/v1"])
    expect(cell(page, "gemma", "duration_p50").locator(".compare-value")).to_have_text(re.compile(r"^(1\.0\d s|99\d ms)$"))
    expect(cell(page, "gemma", "duration_p50").get_by_role("img", name=texts.BEST)).to_be_visible()
    expect(cell(page, "llama", "duration_p95").get_by_role("img", name=texts.WORST)).to_be_visible()
    expect(cell(page, "llama", "error_rate")).to_contain_text(re.compile(r"9\.1\s%timeout 2"))
    expect(cell(page, "llama", "cold")).to_contain_text("20of 20")
    expect(cell(page, "gpt", "requests")).to_contain_text(f"3{texts.TOO_FEW}")
    expect(cell(page, "gpt", "duration_p50").locator(".compare-verdict")).to_have_count(0)
    expect(page.locator("td.is-cost_per_answer")).to_have_count(0)
    expect(page.get_by_role("img", name=re.compile(r"^Duration, median.*gemma .*llama .*gpt"))).to_be_visible()
    expect(page.locator('.compare-charts path[fill="var(--bad)"]')).not_to_have_count(0)


def test_columns_sort_and_the_address_says_so(open_tab, filled):
    page = open_tab("/compare")
    expect(rows(page)).to_have_count(3)
    page.get_by_role("button", name="Duration p50").click()
    expect(titles(page)).to_have_text(["gpt", "gemma", "llama"])
    expect(page.locator("th.is-duration_p50")).to_have_attribute("aria-sort", "ascending")
    expect(page).to_have_url(re.compile(r"/compare\?sort=duration_p50$"))
    page.get_by_role("button", name="Duration p50").focus()
    page.keyboard.press("Enter")
    expect(titles(page)).to_have_text(["llama", "gemma", "gpt"])
    again = open_tab("/compare?sort=-speed")
    expect(titles(again)).to_have_text(["gpt", "gemma", "llama"])


def test_groupings_applications_and_times(open_tab, filled):
    send(filled, *some("vllm", "gemma", 1, 30, ago_s=3 * 3600))
    page = open_tab("/compare")
    expect(cell(page, "gemma", "requests")).to_contain_text("54")
    page.get_by_label(texts.GROUPING).get_by_role("button", name="Provider").click()
    expect(titles(page)).to_have_text(["vllm", "ollama", "openai"])
    page.get_by_label("Filter by time").click()
    page.get_by_role("option", name="Last hour").click()
    expect(cell(page, "vllm", "requests")).to_contain_text("24")
    page.get_by_label("Filter by application").click()
    page.get_by_role("option", name="batch").click()
    expect(titles(page)).to_have_text(["openai"])
    expect(page.get_by_text(texts.ONLY_ONE)).to_be_visible()
    expect(page).to_have_url(re.compile(r"/compare\?since=1h&by=provider&service=batch$"))
    page.go_back()
    expect(titles(page)).to_have_text(["vllm", "ollama", "openai"])
    page.go_back()
    expect(cell(page, "vllm", "requests")).to_contain_text("54")


def test_two_rows_side_by_side(open_tab, filled):
    page = open_tab("/compare")
    page.get_by_role("checkbox", name=f"{texts.PICK}: llama").check()
    page.get_by_role("checkbox", name=f"{texts.PICK}: gemma").check()
    beside = page.get_by_label(texts.SIDE_BY_SIDE, exact=True)
    expect(beside.locator(".compare-letter")).to_have_text(["A", "B"])
    expect(beside.locator(".compare-title")).to_have_text(["llama", "gemma"])
    expect(beside.get_by_role("row").filter(has_text="First token, median")).to_contain_text("B: 3.0\u00d7 faster to the first token")
    expect(beside.get_by_role("row").filter(has_text="Failed")).to_contain_text("B: never failed")
    expect(page).to_have_url(re.compile(re.escape(f"?row={OLLAMA}&row={VLLM}")))
    page.get_by_role("checkbox", name=f"{texts.PICK}: gpt").check()
    expect(beside.locator(".compare-title")).to_have_text(["gemma", "gpt"])
    expect(beside).to_contain_text("few requests")
    beside.get_by_role("button", name=texts.CLOSE).click()
    expect(beside).to_be_hidden()
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(0)


def test_an_address_brings_two_rows_side_by_side(open_tab, filled):
    page = open_tab(f"/compare?row={VLLM}&row={OLLAMA}")
    expect(page.get_by_label(texts.SIDE_BY_SIDE, exact=True).locator(".compare-title")).to_have_text(["gemma", "llama"])
    expect(page.get_by_role("checkbox", checked=True)).to_have_count(2)


def test_a_row_leads_to_its_requests_and_back(open_tab, filled):
    page = open_tab("/compare?since=6h")
    page.locator(".compare-link", has_text="llama").click()
    expect(page).to_have_url(re.compile(r"/history\?provider=ollama&model=llama&endpoint=http://ollama:1/v1&since=6h$"))
    expect(page.locator(".request")).to_have_count(FEW + 2)
    page.go_back()
    expect(titles(page)).to_have_text(["gemma", "llama", "gpt"])


def test_what_arrives_is_counted(open_tab, filled):
    page = open_tab("/compare")
    expect(cell(page, "gpt", "requests")).to_contain_text("3")
    box = page.get_by_role("checkbox", name=f"{texts.PICK}: gpt")
    box.focus()
    send(filled, *some("openai", "gpt", 0.5, 40), service="batch")
    expect(cell(page, "gpt", "requests")).to_contain_text("43")
    expect(titles(page)).to_have_text(["gpt", "gemma", "llama"])
    expect(box).to_be_focused()


def test_the_link_keeps_its_time(open_tab, filled):
    page = open_tab("/compare?since=1h&by=model", permissions=["clipboard-read", "clipboard-write"])
    expect(titles(page)).to_have_count(3)
    with passing(page, texts.LINK_COPIED):
        page.get_by_role("button", name=texts.LINK).click()
    link = page.evaluate("navigator.clipboard.readText()")
    assert re.fullmatch(re.escape(filled.page) + r"/compare\?since=2[^&]*:\d\dZ&until=2[^&]*:\d\dZ&by=model", link)
    kept = open_tab(link.removeprefix(filled.page))
    expect(titles(kept)).to_have_text(["gemma", "llama", "gpt"])
    expect(kept.locator(".range time")).to_have_count(2)


def test_nothing_in_that_time(open_tab, cockpit):
    send(cockpit, *some("vllm", "gemma", 1, ago_s=3 * 86_400))
    page = open_tab("/compare")
    expect(page.get_by_text(texts.NOTHING)).to_be_visible()
    page.get_by_role("button", name=texts.longer(30)).click()
    expect(titles(page)).to_have_text(["gemma"])
    expect(page).to_have_url(re.compile(r"/compare\?since=30d$"))


def test_nothing_at_all_yet(open_tab, cockpit):
    page = open_tab("/compare")
    expect(page.get_by_text("Waiting for the first request")).to_be_visible()
    with Application(cockpit.otlp) as application:
        application.request("first")
    expect(titles(page)).to_have_text(["first"])


def test_names_are_text_and_nothing_else(open_tab, cockpit):
    send(cockpit, *some("vllm", "<img src=x onerror=alert(1)>", 1))
    page = open_tab("/compare")
    expect(titles(page)).to_have_text(["<img src=x onerror=alert(1)>"])
    bar = page.locator('.compare-charts .is-latency path[fill="var(--accent)"]').first
    words = re.compile(r"<img src=x onerror=alert\(…\s+Duration: p50 \d+ ms, p95 \d+ ms")
    says_under_the_pointer(page.locator(".compare-charts .is-latency"), bar, words)


@pytest.mark.parametrize("width", [360, 900, 1280])
def test_it_fits_the_window(open_tab, filled, width):
    page = open_tab("/compare?row=" + OLLAMA + "&row=" + VLLM, viewport={"width": width, "height": 800})
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_label(texts.SIDE_BY_SIDE, exact=True)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == width
    if width < 1000:
        page.get_by_label(texts.SORT).select_option("speed")
        expect(titles(page)).to_have_text(["gpt", "gemma", "llama"])


def test_costs_and_prices_that_break(browser, tmp_path):
    prices = tmp_path / "prices.json"
    prices.write_text(json.dumps({"currency": "EUR", "models": {"gemma": {"input": 10, "output": 20}}}))
    with Cockpit(tmp_path, VENOM_OTEL_PRICES=str(prices)) as cockpit:
        send(cockpit, *some("vllm", "gemma", 1), *some("openai", "gpt", 1))
        page = browser.new_page(base_url=cockpit.page)
        page.goto("/compare")
        expect(cell(page, "gemma", "cost_per_answer")).to_contain_text("2.000.04 EUR in all")
        expect(cell(page, "gpt", "cost_per_answer").locator(".compare-value")).to_have_text(texts.NOT_KNOWN)
        expect(page.get_by_role("heading", name=texts.cost_chart("EUR"))).to_be_visible()
        prices.write_text("{")
        send(cockpit, *some("openai", "gpt", 1, 1))
        expect(page.get_by_text(f"VENOM_OTEL_PRICES={prices}: expected")).to_be_visible()
        expect(page.locator("td.is-cost_per_answer")).to_have_count(0)
        page.context.close()


def test_after_a_restart_it_comes_back(browser, tmp_path):
    with Cockpit(tmp_path) as cockpit:
        send(cockpit, *some("vllm", "gemma", 1), *some("openai", "gpt", 2))
        page = browser.new_page(base_url=cockpit.page)
        page.goto("/compare?sort=-duration_p50")
        expect(titles(page)).to_have_text(["gpt", "gemma"])
        cockpit.stop()
        cockpit.start()
        send(cockpit, *some("ollama", "llama", 3))
        expect(titles(page)).to_have_text(["llama", "gpt", "gemma"])
        page.context.close()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "dark"), (1280, "light"), (390, "light")])
def test_nothing_grave_for_who_cannot_see_it(open_tab, filled, width, scheme):
    page = open_tab(f"/compare?row={OLLAMA}&row={VLLM}", viewport={"width": width, "height": 800}, color_scheme=scheme)
    expect(rows(page)).to_have_count(3)
    expect(page.get_by_label(texts.SIDE_BY_SIDE, exact=True)).to_be_visible()
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["target"] for node in one["nodes"]]) for one in found if one["impact"] in ("serious", "critical")] == []
