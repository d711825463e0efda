"""What a reader takes away from the history, in a real browser: files, links, percentiles."""

import csv
import re
import time
from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support.browser import passing
from support.cockpit import Application, Cockpit

from venom_otel.cockpit import texts
from venom_otel.cockpit.history.percentiles import columns
from venom_otel.cockpit.texts import history as words
from venom_otel.services.tables import COLUMNS, Format

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory):
    """One for the module, with some requests in it; nobody here sends more."""
    with Cockpit(tmp_path_factory.mktemp("cockpit")) as running:
        with Application(running.otlp) as application:
            for seconds in (0.5, 1.0, 3.0):
                application.request("a", seconds=seconds, attributes={"gen_ai.response.time_to_first_chunk": seconds / 2})
            application.request("b", provider="vllm", endpoint="http://gpu:8000/v1", failure=("404", "model_not_found", "no such model"))
            application.request("c", attributes={"llm.route.fallback": True, "llm.route.attempt": 2})
            application.request("d", attributes={"llm.route.fallback": False, "llm.route.attempt": 1})
        yield running


def test_what_is_filtered_comes_as_a_file(open_tab):
    page = open_tab("/history?provider=ollama&text=model+seed")
    expect(page.get_by_text(texts.NO_MATCH)).to_be_visible()
    page.goto("/history?provider=vllm&text=no+such")
    expect(page.locator(".request .model")).to_have_text(["b"])
    page.get_by_role("button", name=words.EXPORT).click()
    with page.expect_download() as started:
        page.get_by_text(words.FORMATS[Format.CSV]).click()
    assert re.fullmatch(r"venom-otel-requests-\d{8}-\d{6}\.csv", started.value.suggested_filename)
    table = list(csv.DictReader(started.value.path().read_text(encoding="utf-8").splitlines()))
    assert tuple(table[0]) == COLUMNS
    assert [row["llm_model"] for row in table] == ["b"]
    page.get_by_role("button", name=words.EXPORT).click()
    with page.expect_download() as started:
        page.get_by_text(words.FORMATS[Format.JSONL]).click()
    assert started.value.suggested_filename.endswith(".jsonl")


def copied(page, button):
    """What a button puts into the clipboard, once the page says that it is there."""
    with passing(page, texts.COPIED):
        page.get_by_role("button", name=button).click()
    return page.evaluate("navigator.clipboard.readText()")


def test_a_link_keeps_the_time_that_it_is(open_tab, cockpit):
    page = open_tab("/history?provider=ollama&since=15m", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator(".request")).to_have_count(5)
    before = time.time()
    link = copied(page, words.COPY_LINK)
    assert link.startswith(f"{cockpit.page}/history?provider=ollama&since=")
    query = {name: values[0] for name, values in parse_qs(urlsplit(link).query).items()}
    since, until = (datetime.fromisoformat(query[name]) for name in ("since", "until"))
    assert (until - since).total_seconds() == pytest.approx(15 * 60)
    assert before - 1 < until.timestamp() < time.time() + 1  # the browser counts milliseconds
    assert until.tzinfo is not None
    assert until.astimezone(UTC) == until
    page.goto(link)
    expect(page.locator(".request")).to_have_count(5)
    expect(page.locator(".range time")).to_have_count(2)


def test_a_link_without_a_time_has_none(open_tab, cockpit):
    page = open_tab("/history?model=a", permissions=["clipboard-read", "clipboard-write"])
    expect(page.locator(".request")).to_have_count(3)
    assert copied(page, words.COPY_LINK) == f"{cockpit.page}/history?model=a"


def test_a_request_has_a_link_of_its_own(open_tab, cockpit):
    page = open_tab("/history?model=c", permissions=["clipboard-read", "clipboard-write"])
    page.locator(".request-link").click()
    link = copied(page, words.COPY_REQUEST_LINK)
    assert re.fullmatch(rf"{cockpit.page}/requests/[0-9a-f]{{32}}-[0-9a-f]{{16}}", link)
    page.goto(link)
    expect(page.locator(".request-title .title")).to_have_text("c")


def test_fallbacks_alone(open_tab):
    page = open_tab("/history")
    expect(page.locator(".request")).to_have_count(6)
    page.get_by_label(words.FALLBACK_FILTER).click()
    page.get_by_role("option", name=words.FALLBACKS["true"]).click()
    expect(page.locator(".request .model")).to_have_text(["c"])
    expect(page).to_have_url(re.compile(r"/history\?fallback=true$"))
    expect(page.locator(".figure.is-completed .figure-value")).to_have_text("1")
    page.goto("/history?fallback=false")
    expect(page.locator(".request .model")).to_have_text(["d"])


def in_seconds(shown):
    """Of what a cell shows, `1.02 s` or `503 ms`."""
    number, unit = shown.split()
    return float(number) * {"s": 1, "ms": 0.001}[unit]


def test_percentiles_by_who_answered(open_tab):
    page = open_tab("/history")
    table = page.locator(".figures-table")
    expect(table).to_be_hidden()
    page.get_by_text(words.PERCENTILES, exact=True).click()
    expect(table).to_be_visible()
    expect(table.get_by_role("columnheader")).to_contain_text([column["label"] for column in columns()])
    body = table.locator("tbody tr")
    expect(body).to_have_count(4)
    first = body.first.locator("td").all_inner_texts()
    assert first[:4] == ["ollama", "a", "localhost:11434/v1", "3"]
    assert [in_seconds(words) for words in first[5:11]] == pytest.approx([1.0, 3.0, 3.0, 0.5, 1.5, 1.5], rel=0.02)
    expect(body.filter(has_text="gpu:8000").locator("td").nth(4)).to_have_text("100\u202f%")
    page.goto("/history?model=c")
    page.get_by_text(words.PERCENTILES, exact=True).click()
    expect(body).to_have_count(1)


@pytest.mark.parametrize("viewport", [{"width": 1280, "height": 800}, {"width": 390, "height": 844}])
def test_all_of_it_is_for_everybody(open_tab, viewport):
    """No finding of axe-core that is serious, with the table and the menu open; and no page that scrolls sideways."""
    page = open_tab("/history", viewport=viewport)
    page.get_by_text(words.PERCENTILES, exact=True).click()
    expect(page.locator(".figures-table tbody tr")).to_have_count(4)
    page.get_by_role("button", name=words.EXPORT).click()
    expect(page.get_by_role("menuitem")).to_have_text(list(words.FORMATS.values()))
    page.wait_for_function("() => document.getAnimations().length === 0")
    found = Axe().run(page).response["violations"]
    assert [each["id"] for each in found if each["impact"] in ("serious", "critical")] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= viewport["width"]
