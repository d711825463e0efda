"""The page itself: without a script, by keyboard, on any screen, for a screen reader, and within its own policy."""

from __future__ import annotations

import contextlib
import json
import re

import httpx
import pytest
from cockpit.lite.conftest import all_hear_of, ask, ended, trouble
from playwright.sync_api import expect
from support import behaviours
from support.cockpit import wait_for
from support.dialects import Answer

from venom_otel.cockpit import theme, words
from venom_otel.cockpit.texts import lite

pytestmark = pytest.mark.browser


def test_without_a_script_it_says_how_things_are(tabs, places):
    trouble(places, "unscripted:1b")
    wait_for(lambda: "unscripted:1b" in httpx.get(f"{places.cockpit.page}/lite").text, "the alert")
    # A Chromium that is merely told to run no script does not show this.
    assert words.html(lite.NO_SCRIPT) in httpx.get(f"{places.cockpit.page}/lite").text.partition("<noscript>")[2]
    page = tabs(java_script_enabled=False).open(places.between.url, live=False)
    expect(page.locator("#active")).to_contain_text(f"Gemma 3 (vLLM @ {places.first.port})")
    expect(page.locator(".server")).to_have_count(2)
    expect(page.locator(".alert", has_text="unscripted:1b")).to_contain_text("it burns")
    for control in ("#ask", "#theme", ".alert button"):
        expect(page.locator(control).first).to_be_hidden()


def test_by_keyboard_alone(page):
    page.keyboard.press("Tab")
    expect(page.get_by_text(lite.SKIP)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#prompt")).to_be_focused()
    page.keyboard.type("One")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    page.keyboard.press("Enter")
    turn = page.locator(".turn").last
    ended(turn)
    assert turn.locator("[data-slot=asked]").text_content() == "One\ntwo"
    expect(page.locator("#prompt")).to_be_focused()


@pytest.mark.parametrize("width", [360, 700, 1280])
def test_nothing_is_wider_than_the_screen(tabs, places, width):
    places.play(behaviours.answers(Answer(words=("wide" * 200,))))
    page = tabs(viewport={"width": width, "height": 800}).open(places.between.url)
    ended(ask(page, "w" * 300))
    assert page.evaluate("document.documentElement.scrollWidth") == width


def test_the_theme_is_the_cockpits(profile, places):
    page = profile.open(places.between.url)
    for choice in ("light", "dark"):
        page.locator("#theme").click()
        expect(page.locator("html")).to_have_attribute("data-theme", choice)
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == "rgb({}, {}, {})".format(*(int(theme.DARK.canvas[i : i + 2], 16) for i in (1, 3, 5)))


def test_every_control_has_a_name_and_every_live_region_a_role(page, places):
    ended(ask(page))
    trouble(places, "named:1b")
    all_hear_of([page], "named:1b")
    nameless = """() => [...document.querySelectorAll("button, a, textarea")].filter(each =>
        !(each.ariaLabel || each.textContent.trim() || each.labels?.length)).map(each => each.outerHTML)"""
    assert page.evaluate(nameless) == []
    expect(page.get_by_role("log", name=lite.CHAT)).to_be_visible()
    expect(page.get_by_role("textbox", name=lite.MESSAGE)).to_be_visible()
    expect(page.get_by_role("status")).to_have_text("live")
    ids = page.evaluate("[...document.querySelectorAll('[id]')].map(each => each.id)")
    assert len(ids) == len(set(ids))


def test_the_policy_allows_nothing_but_own_files(places):
    answer = httpx.get(f"{places.cockpit.page}/lite")
    policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert {policy[name] for name in ("script-src", "style-src", "connect-src", "img-src")} == {"'self'"}
    assert policy["frame-ancestors"] == "'none'"
    assert answer.headers["cache-control"] == "no-store"
    assert re.findall(r"<style|style=|\son\w+=", answer.text) == []
    scripts = re.findall(r"<script ([^>]*)>([^<]*)</script>", answer.text)
    assert [json.loads(body)["live"] for kind, body in scripts if "application/json" in kind] == ["live"]
    assert [body for kind, body in scripts if "application/json" not in kind] == [""]
    for name in set(re.findall(r'"(/lite/[^"]+)"', answer.text)):
        file = httpx.get(f"{places.cockpit.page}{name}")
        assert file.status_code == 200
        assert "immutable" in file.headers["cache-control"]
    with contextlib.suppress(StopIteration):
        assert httpx.get(f"{places.cockpit.page}/lite/../page.py").status_code == 404
    assert httpx.get(f"{places.cockpit.page}/lite/theme.py").status_code == 404
