"""An outage as somebody at the page lives through it: a real Ollama is killed under a real application, and brought back by a button."""

from __future__ import annotations

import contextlib
import shlex
import signal

import psutil
import pytest
from playwright.sync_api import expect, sync_playwright
from support.acting import processes
from support.browser import SWITCHES, WAIT_MS, Tab
from support.cockpit import Cockpit
from support.ollama_server import OllamaServer
from support.patience import WAIT_S

from venom_otel.cockpit import texts

from .conftest import sending_to

pytestmark = [pytest.mark.browser, pytest.mark.ollama, pytest.mark.slow]

INTERVAL_S = 2


@pytest.fixture
def ollama(tmp_path):
    """Where an Ollama with a model will be, which the cockpit starts."""
    with OllamaServer(tmp_path / "home") as once:  # makes the model, and finds a port
        url, port = once.url, once.port
    return url, {
        "OLLAMA_ENDPOINT": url,
        "OLLAMA_HOST": f"127.0.0.1:{port}",
        "OLLAMA_MODELS": str(tmp_path / "home" / "models"),
        "VENOM_OTEL_PROBE_INTERVAL_S": str(INTERVAL_S),
    }


@pytest.fixture
def cockpit(ollama, ollama_program, tmp_path):
    folder = tmp_path / "here"
    folder.mkdir()
    try:
        with Cockpit(folder, OLLAMA_START_COMMAND=f"{shlex.quote(str(ollama_program))} serve", **ollama[1]) as running:
            yield running
    finally:
        for each in processes(folder):
            with contextlib.suppress(psutil.NoSuchProcess):
                each.kill()


@pytest.fixture
def page(chromium_program, cockpit):
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium_program, args=SWITCHES)
        context = browser.new_context(base_url=cockpit.page, viewport={"width": 1280, "height": 800})
        context.set_default_timeout(WAIT_MS)
        tab = Tab(context.new_page())
        tab.page.goto("/")
        yield tab.page
        browser.close()
        assert tab.problems == []
        assert tab.elsewhere(cockpit.page) == []


def test_killed_under_requests_and_brought_back_by_a_button(page, cockpit, ollama, tmp_path):
    url, model = ollama[0], OllamaServer.model
    banner, card = page.locator(".alert"), page.get_by_role("article", name="Ollama")
    banner.get_by_role("button", name="Start Ollama").click()
    expect(card.locator(".server-state")).to_have_text(texts.STATES["ready"])
    expect(banner).to_have_count(0)

    with sending_to(cockpit, tmp_path) as application:
        assert application.ask(connector="openai", url=url, model=model, stream=True)["text"].strip()
        expect(page.locator(".request")).to_have_count(1)

        process = psutil.Process(int((cockpit.folder / "run" / "ollama.pid").read_text().split()[0]))
        process.send_signal(signal.SIGKILL)
        with contextlib.suppress(psutil.TimeoutExpired):  # it is the cockpit's child, which reaps it in its own time
            process.wait(WAIT_S)
        assert "text" not in application.ask(connector="openai", url=url, model=model, stream=True)

        failed = banner.filter(has_text=f"{model} at {url}/v1")  # the model and where it was asked
        expect(failed).to_contain_text("not_reached")
        expect(banner.filter(has_text=f"Ollama at {url} is offline")).to_contain_text("connection refused")
        expect(card.locator(".server-state")).to_have_text(texts.STATES["stopped"])
        expect(page.locator(".request.is-failed")).to_contain_text(f"ollama at {url}/v1")

        failed.get_by_role("button", name="Start Ollama").click()
        expect(card.locator(".server-state")).to_have_text(texts.STATES["ready"])
        expect(banner.filter(has_text="is offline")).to_have_count(0)
        expect(failed).to_have_count(1)  # that the server is there says nothing yet of the model

        assert application.ask(connector="openai", url=url, model=model, stream=True)["text"].strip()
        expect(banner).to_have_count(0)
        expect(page.locator(".request").first).not_to_have_class("is-failed")
