"""Tabs of one browser share one stream of events; none of them misses what is told, and none holds what it does not need."""

from __future__ import annotations

import re

import pytest
from cockpit.chat.conftest import Gated
from cockpit.lite.conftest import EVENTS, STREAM, all_hear_of, answer, ask, ended, trouble
from playwright.sync_api import expect
from support import behaviours
from support.cockpit import wait_for
from support.dialects import TEXT, WORDS

from venom_otel.cockpit.texts import lite

pytestmark = pytest.mark.browser


def one_stream(places):
    wait_for(lambda: places.between.open_for(EVENTS) == 1, "one stream of events")


def leader(pages):
    """The tab that has the stream of events."""
    held = """async () => (await navigator.locks.query()).held.filter(lock => lock.name.endsWith("events")).map(lock => lock.clientId)"""
    (client,) = pages[0].evaluate(held)
    own = """async () => {
        const found = navigator.locks.request("who-" + Math.random(), async lock =>
            (await navigator.locks.query()).held.find(each => each.name === lock.name).clientId);
        return await found;
    }"""
    return next(page for page in pages if page.evaluate(own) == client)


def test_ten_tabs_share_one_stream_and_all_of_them_chat(profile, places):
    pages = [profile.open(places.between.url) for _ in range(10)]
    one_stream(places)
    trouble(places, "burning:1b")
    all_hear_of(pages, "burning:1b")
    assert places.between.times(EVENTS) == 1

    # Ten answers at once, of which none is over before all are asked for.
    behaviour = Gated(*(f" {number:06d}" for number in range(500)), held=250)
    places.play(behaviour)
    turns = [ask(page, f"Question {number}") for number, page in enumerate(pages)]
    for turn in turns:
        expect(turn).to_have_attribute("data-task", re.compile("."))
    behaviour.gate.set()
    for page, turn in zip(pages, turns, strict=True):
        ended(turn)
        assert answer(turn) == behaviour.text, page
    one_stream(places)
    assert places.between.times(EVENTS) == 1


def test_answers_take_turns_when_many_hang(profile, places):
    """Ten answers of which none ends: the streams leave two connections for everything else, and every tab comes to its turn."""
    places.play(behaviours.hangs(after=4))
    pages = [profile.open(places.between.url) for _ in range(10)]
    turns = [ask(page) for page in pages]
    for turn in turns:
        wait_for(lambda turn=turn: answer(turn) == "".join(WORDS[:3]) or turn.get_attribute("data-status") == "PENDING", "its turn")
    wait_for(lambda: places.between.open_for(STREAM) <= 3, "the end of the connections whose turn is over")
    one_stream(places)
    for turn in turns:
        turn.get_by_role("button", name=lite.STOP).click()
    for turn in turns:
        ended(turn, "CANCELLED")


def test_a_tab_that_leaves_hands_the_stream_on(profile, places):
    pages = [profile.open(places.between.url) for _ in range(3)]
    one_stream(places)
    trouble(places, "before:1b")
    all_hear_of(pages, "before:1b")
    gone = leader(pages)
    pages.remove(gone)
    gone.close()
    wait_for(lambda: places.between.times(EVENTS) == 2, "another tab's stream")
    one_stream(places)
    assert re.fullmatch(r"[0-9a-f]+-\d+", [last for path, last in places.between.asked if path == EVENTS][-1])
    trouble(places, "after:1b")
    all_hear_of(pages, "after:1b")


def test_a_tab_that_is_put_to_sleep_holds_nothing(profile, places):
    """As the browser tells it: Chromium itself freezes no tab that it takes for visible, as it does all of a test's."""
    pages = [profile.open(places.between.url) for _ in range(2)]
    one_stream(places)
    asleep = leader(pages)
    other = next(page for page in pages if page is not asleep)
    asleep.evaluate("document.dispatchEvent(new Event('freeze'))")
    wait_for(lambda: places.between.times(EVENTS) == 2, "another tab's stream")
    one_stream(places)
    assert leader(pages) is other
    trouble(places, "meanwhile:1b")
    all_hear_of([other], "meanwhile:1b")
    asleep.evaluate("document.dispatchEvent(new Event('resume'))")
    all_hear_of([asleep], "meanwhile:1b")
    one_stream(places)


def test_a_tab_that_no_longer_answers_is_robbed(profile, places):
    """One that has the lock, and of which nothing is heard for too long by another's clock."""
    stuck = profile.context.new_page()
    stuck.goto(f"{places.between.url}/api/v1/health")
    stuck.evaluate("void navigator.locks.request('venom-otel-lite-events', () => new Promise(() => {})).catch(() => {})")
    page = profile.open(places.between.url, live=False, clock=True)
    turn = ask(page)  # what else it does needs no events
    ended(turn)
    expect(page.locator("#live")).to_have_text(lite.SCRIPT["connecting"])
    assert places.between.times(EVENTS) == 0
    page.clock.fast_forward(60_000)
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    one_stream(places)


def test_a_cut_stream_of_events_is_taken_up_without_a_gap(profile, places):
    profile.expect("net::ERR_")
    page = profile.open(places.between.url)
    trouble(places, "one:1b")
    all_hear_of([page], "one:1b")
    places.between.cut(EVENTS)
    trouble(places, "two:1b")  # while nobody hears
    all_hear_of([page], "two:1b")
    assert [bool(last) for path, last in places.between.asked if path == EVENTS] == [False, True]


def test_without_locks(tabs, places):
    """As over http from another machine: a tab that is looked at has its own stream."""
    profile = tabs()
    profile.context.add_init_script("Object.defineProperty(Navigator.prototype, 'locks', {get: () => undefined})")
    page = profile.open(places.between.url)
    trouble(places, "lockless:1b")
    all_hear_of([page], "lockless:1b")
    turn = ask(page)
    ended(turn)
    assert answer(turn) == TEXT


def test_a_leader_is_live_at_once_however_young_its_page_is(profile, places):
    """Not only at the server's next sign of life, which may be 15 s away, and here never comes."""
    places.between.silent = True
    profile.context.add_init_script("performance.now = (real => () => real() / 1000)(performance.now.bind(performance))")
    page = profile.open(places.between.url, live=False)
    expect(page.locator("#live")).to_have_attribute("data-live", "live")


def test_a_tab_that_is_duplicated_has_a_conversation_of_its_own(profile, places):
    """Its storage is a copy of the original's; so is that of a window which a page opens."""
    page = profile.open(places.between.url)
    ended(ask(page, "First?"))
    with page.expect_popup() as opened:
        page.evaluate("void open(location.href)")
    copy = opened.value
    expect(copy.locator("#live")).to_have_attribute("data-live", "live")
    expect(copy.locator(".turn")).to_have_count(0)
    ended(ask(copy, "Second?"))
    assert [each["content"] for each in places.first.requests[-1].body["messages"]] == ["Second?"]
    ended(ask(page, "Third?"))
    assert [each["content"] for each in places.first.requests[-1].body["messages"]] == ["First?", TEXT, "Third?"]
    for tab, asked in ((page, ["First?", "Third?"]), (copy, ["Second?"])):
        tab.reload()
        expect(tab.locator("[data-slot=asked]")).to_have_text(asked)
