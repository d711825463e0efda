"""Model servers and alerts on the page: a real browser, a real cockpit, and processes that are really started and stopped."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support.acting import TINY, Place
from support.cockpit import Application, Cockpit
from support.program import eventually

from venom_otel.cockpit import texts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.browser

FAILURE = ("500", "server_error", "EngineCore encountered an issue.")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Place(tmp_path) as one:
        yield one


@pytest.fixture
def gate(place: Place) -> Path:
    """A file without which the server does not go on starting; it is there until a test takes it away."""
    file = place.folder / "gate"
    file.touch()
    return file


@pytest.fixture
def variables(place: Place, gate: Path) -> dict[str, str]:
    """What the cockpit is started with; a class of tests may ask for others."""
    return {"OLLAMA_ENDPOINT": place.url, "OLLAMA_START_COMMAND": place.command("--gate", gate)}


@pytest.fixture
def cockpit(place: Place, variables: dict[str, str]) -> Iterator[Cockpit]:
    with Cockpit(place.folder, VENOM_OTEL_PROBE_INTERVAL_S="1", **variables) as running:
        yield running


def running(place):
    """The server's processes; the cockpit's own has the same folder."""
    return [each for each in place.processes() if str(TINY) in each.cmdline()]


def card(page):
    return page.locator(".server")


def press(page, action, within=".server"):
    page.locator(within).get_by_role("button", name=f"{action} Ollama").click()


def offered(page, wanted):
    """What a server can be told, now or in a moment: its state may be shown before what is being done has ended."""
    buttons = page.locator(".server").get_by_role("button")
    eventually(lambda: buttons.evaluate_all("all => all.map(each => each.ariaLabel)") == wanted)


def state(page, words):
    expect(card(page).locator(".server-state")).to_have_text(words)


def test_started_stopped_and_started_again(open_tab, place, gate):
    page, other = open_tab(), open_tab()
    state(page, "Stopped")
    expect(card(page)).to_contain_text(f"nobody listens at 127.0.0.1:{place.port} (connection refused)")
    offered(page, ["Start Ollama"])
    press(page, "Start")
    state(page, "Ready")
    offered(page, ["Restart Ollama", "Stop Ollama"])
    state(other, "Ready")
    expect(card(page)).to_contain_text("0.17.4")
    expect(card(page).locator(".server-doing")).to_be_hidden()
    press(page, "Stop")
    page.get_by_role("button", name=texts.CANCEL).click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    state(page, "Ready")
    press(page, "Stop")
    page.get_by_role("dialog").get_by_role("button", name="Stop").click()
    state(page, "Stopped")
    eventually(lambda: running(place) == [])  # its port is closed before it has ended
    expect(page.locator(".alert")).to_have_count(0)
    press(page, "Start")
    state(page, "Ready")
    press(page, "Restart")
    before = running(place)[0].pid
    gate.unlink()
    page.get_by_role("dialog").get_by_role("button", name="Restart").click()
    expect(card(page).locator(".server-doing")).to_be_visible()
    gate.touch()
    expect(card(page).locator(".server-doing")).to_be_hidden()
    state(page, "Ready")
    assert before not in {each.pid for each in running(place)}


def test_what_is_being_done_is_seen_by_all(open_tab, gate):
    gate.unlink()
    page, other = open_tab(), open_tab()
    press(page, "Start")
    for tab in (page, other):
        expect(card(tab).locator(".server-doing")).to_contain_text(re.compile(r"its process \d+ lives"))
        state(tab, "Starting")
        offered(tab, [])
    gate.touch()
    for tab in (page, other):
        state(tab, "Ready")


class TestBroken:
    @pytest.fixture
    def variables(self, place):
        return {"OLLAMA_ENDPOINT": place.url, "OLLAMA_START_COMMAND": place.command("--die", 3, "--print", "out of memory")}

    def test_why_it_does_not_start(self, open_tab):
        page = open_tab()
        press(page, "Start")
        failure = card(page).get_by_role("alert")
        expect(failure).to_contain_text("OLLAMA_START_COMMAND ended with status 3 before Ollama was online.")
        expect(failure.locator(".server-lines")).to_contain_text("out of memory")
        failure.get_by_role("button", name=texts.DISMISS).click()
        expect(failure).to_be_hidden()


class TestWithoutCommands:
    @pytest.fixture
    def variables(self, place):
        return {"OLLAMA_ENDPOINT": place.url}

    def test_there_are_no_buttons(self, open_tab):
        page = open_tab()
        state(page, "Stopped")
        offered(page, [])


def test_an_outage_and_its_end(open_tab, place):
    page = open_tab()
    press(page, "Start")
    state(page, "Ready")
    expect(page.locator(".alert")).to_have_count(0)
    for each in running(place):
        each.send_signal(signal.SIGKILL)
    expect(page.locator(".alert")).to_contain_text(f"Ollama at {place.url} is offline")
    state(page, "Stopped")
    press(page, "Start", within=".alert")
    state(page, "Ready")
    expect(page.locator(".alert")).to_have_count(0)


def test_no_restart_for_what_it_cannot_mend(open_tab, application: Application, place):
    """A model that is not there is not there after it either, and who answers in another's place is well."""
    page = open_tab()
    press(page, "Start")
    state(page, "Ready")
    application.request("nope", endpoint=place.url, failure=("404", "model_not_found", "model 'nope' not found"))
    application.request("llama3.2:1b", endpoint=place.url, attributes={"llm.route.fallback": True})
    application.request("broken", endpoint=place.url, failure=FAILURE)
    expect(page.locator(".alert")).to_have_count(3)
    expect(page.locator(".alert").get_by_role("button", name="Restart Ollama")).to_have_count(1)
    expect(page.locator(".alert", has_text="broken").get_by_role("button", name="Restart Ollama")).to_be_visible()


def test_failures_of_requests(open_tab, application: Application, place):
    page = open_tab()
    press(page, "Start")
    state(page, "Ready")
    for _ in range(3):
        application.request("llama3.2:1b", endpoint=place.url, failure=FAILURE)
    alert = page.locator(".alert")
    expect(alert).to_have_count(1)
    expect(alert.locator(".alert-summary")).to_have_text(f"llama3.2:1b at {place.url} (ollama): server_error, 3 times")
    expect(alert.locator(".alert-cause")).to_have_text("EngineCore encountered an issue.")
    expect(alert.get_by_role("button", name="Restart Ollama")).to_be_visible()
    # More of them change the words and leave the buttons where they are.
    alert.get_by_role("button", name="Restart Ollama").evaluate("element => { element.dataset.same = 'yes' }")
    application.request("llama3.2:1b", endpoint=place.url, failure=FAILURE)
    expect(alert.locator(".alert-summary")).to_contain_text("4 times")
    expect(alert.get_by_role("button", name="Restart Ollama")).to_have_attribute("data-same", "yes")
    shown = alert.locator(".alert-since").inner_text()
    expect(alert.locator(".alert-since")).not_to_have_text(shown)
    alert.get_by_role("button", name="Restart Ollama").click()
    expect(page.get_by_role("dialog")).to_contain_text("broken off")
    page.get_by_role("dialog").get_by_role("button", name=texts.CANCEL).click()
    alert.get_by_role("link", name=texts.OPEN_TRACE).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("llama3.2:1b")
    page.go_back()
    other = open_tab()
    expect(other.locator(".alert")).to_have_count(1)
    application.request("another", endpoint=place.url, failure=FAILURE)
    expect(page.locator(".alert")).to_have_count(2)
    other.locator(".alert", has_text="another").get_by_role("button", name=texts.ACKNOWLEDGE).click()
    expect(page.locator(".alert")).to_have_count(1)
    application.request("llama3.2:1b", endpoint=place.url)
    for tab in (page, other):
        expect(tab.locator(".alert")).to_have_count(0)


def test_by_keyboard(open_tab, place):
    page = open_tab()
    card(page).get_by_role("button", name="Start Ollama").press("Enter")
    state(page, "Ready")
    card(page).get_by_role("button", name="Stop Ollama").press("Enter")
    expect(page.get_by_role("dialog").get_by_role("button", name="Stop")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    state(page, "Ready")
