"""What a stream tells of an answer is all shown, whatever becomes of connections and servers."""

from __future__ import annotations

import signal

import httpx
import pytest
from cockpit.lite.conftest import STREAM, answer, ask, ended, notes, stamp
from playwright.sync_api import expect
from support import behaviours
from support.cockpit import Cockpit, wait_for
from support.dialects import TEXT, WORDS, Answer, Error
from support.ollama_server import OllamaServer
from support.patience import WAIT_S

from venom_otel.cockpit.texts import lite

pytestmark = pytest.mark.browser
BUSY = Error(503, {"error": {"message": "overloaded, try again", "type": "E", "param": None, "code": 503}}, None)
NASTY = (
    "<img src=x onerror='document.title=1'>",
    "</p><script>document.title = 2</script>",
    " \U0001f469\u200d\U0001f4bb zażółć gęślą jaźń",
    " \u202e\u05e9\u05dc\u05d5\u05dd",
    " e\u0301",
    "\r\n\r\n",
    "data: {}\n\nevent: finished\n\n",
    "\u2028\u2029\x00\ufeff",
    "\\u0041 {label} %s ",
    "   three spaces\t\ttabs",
)


@pytest.mark.ollama
def test_a_real_model_answers_and_is_named(tabs, tmp_path):
    variables = {"VENOM_OTEL_PROBE_INTERVAL_S": "1"}
    with (
        OllamaServer(tmp_path / "ollama") as server,
        Cockpit(tmp_path, OLLAMA_ENDPOINT=server.url, LLM_MODEL_NAME=server.model, **variables) as cockpit,
    ):
        page = tabs().open(cockpit.page)
        expect(page.locator("#active")).to_contain_text(f"Gemma3 Tiny (Ollama @ {server.port})")
        expect(page.locator("#active")).to_have_attribute("data-state", "ready")
        turn = ask(page)
        ended(turn)
        task = httpx.get(f"{cockpit.page}/api/v1/tasks/{turn.get_attribute('data-task')}").json()
        assert answer(turn) == task["answer"] != ""
        told = stamp(turn)
        assert told[lite.SERVER] == f"Gemma3 Tiny (Ollama @ {server.port})"
        assert told[lite.MODEL] == "gemma3:tiny → gemma3:tiny"
        assert told[lite.ENDPOINT] == f"{server.url}/v1"
        assert float(told[lite.FIRST_TOKEN].removesuffix(" s")) == pytest.approx(task["first_token"], abs=0.06)
        assert float(told[lite.SPEED]) == pytest.approx(task["speed"], rel=0.01)
        for mark in ("asked-at", "first-at", "done-at"):
            assert float(turn.get_attribute(f"data-{mark}")) > 0
        page.close()


def test_every_token_of_five_thousand_is_shown_as_it_was_said(page, places):
    words = tuple(f" {number}{NASTY[number % len(NASTY)]}" for number in range(5000))
    places.play(behaviours.answers(Answer(words=words, finish="stop")))
    turn = ask(page, NASTY[0])
    ended(turn)
    assert answer(turn) == places.task(page)["answer"] == "".join(words)
    assert turn.locator(".answer-text").evaluate("each => each.childNodes.length") == 1
    assert turn.locator("[data-slot=asked]").text_content() == NASTY[0]
    assert page.locator("#talk :is(img, script)").count() == 0
    assert page.title() == lite.TITLE


def test_a_proxy_that_cuts_the_stream_again_and_again(page, profile, places):
    profile.expect("net::ERR_")
    words = tuple(f" {number}{NASTY[number % len(NASTY)]}" for number in range(3000))
    places.play(behaviours.answers(Answer(words=words, finish="stop")))
    places.between.limits = {STREAM: 40_000}
    turn = ask(page)
    ended(turn)
    assert answer(turn) == "".join(words)
    after = [last for path, last in places.between.asked if path.endswith(STREAM)]
    assert len(after) >= 3
    assert after[0] == ""
    positions = [tuple(int(part) for part in last.split("-")) for last in after[1:]]
    assert positions == sorted(positions)
    assert positions[-1][1] > 0


def test_a_line_that_breaks_while_nothing_comes(page, profile, places):
    profile.expect("net::ERR_")
    places.play(behaviours.hangs(after=4))
    turn = ask(page)
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    places.between.cut(STREAM)
    wait_for(lambda: places.between.times(STREAM) >= 2 and places.between.open_for(STREAM) == 1, "the next connection")
    turn.get_by_role("button", name=lite.STOP).click()
    ended(turn, "CANCELLED")
    assert answer(turn) == places.task(page)["answer"]
    assert places.first.requests[0].closed_early.wait(WAIT_S)
    expect(page.locator("#prompt")).to_be_focused()


def test_a_server_that_fails_and_the_one_that_answers_instead(page, places):
    places.play(behaviours.refuses(BUSY))
    turn = ask(page)
    ended(turn)
    assert answer(turn) == TEXT
    # All is known of a request a little after it has failed, so that the other may have been asked by then.
    error, fallback = sorted(notes(turn), key=lambda words: "is asked instead of" in words)
    assert error.startswith(f"vllm did not answer for gemma-3 at {places.first.url}/v1: ")
    assert "overloaded, try again" in error
    assert fallback == "big is asked instead of vllm: the server is up but too busy to take the request"
    assert stamp(turn)[lite.ENDPOINT] == f"{places.second.url}/v1"
    expect(page.locator("#active .instead")).to_contain_text(f"Gemma 3 (vLLM @ {places.second.port}) answers instead: ")
    alert = page.locator(".alert", has_text="overloaded, try again")
    expect(alert).to_be_visible()
    alert.get_by_role("button", name=lite.ACKNOWLEDGE).click()
    expect(alert.locator("[data-slot=seen]")).to_be_visible()
    known = httpx.get(f"{places.cockpit.page}/api/v1/alerts?state=active").json()["items"]
    assert {each["acknowledged_by"] for each in known if each["acknowledged_at"]} == {"page"}


def test_nobody_answers(page, places):
    places.play(behaviours.refuses(BUSY), behaviours.refuses(BUSY))
    turn = ask(page)
    ended(turn, "FAILED")
    expect(turn.locator("[data-slot=failure]")).to_contain_text("overloaded, try again")
    # One that has just failed may be passed over: what is told is shown, each once.
    told = [event.data for event in places.told(page) if event.name == "llm_provider_error"]
    assert told
    shown = [each for each in notes(turn) if "did not answer" in each]
    assert len(shown) == len(told)
    assert all(data["llm_endpoint"] in each for each, data in zip(shown, told, strict=True))


def test_a_question_that_is_refused_is_not_lost(page, profile):
    profile.expect("429")
    page.route("**/api/v1/tasks", lambda route: route.fulfill(status=429, json={"detail": "200 tasks are waiting, and no more may."}))
    turn = ask(page, "Hear me?")
    ended(turn, "REFUSED")
    expect(turn.locator("[data-slot=failure]")).to_have_text("Not sent: 200 tasks are waiting, and no more may.")
    expect(page.locator("#prompt")).to_have_value("Hear me?")


def test_another_conversation_and_a_reload_in_the_middle_of_an_answer(page, places):
    ended(ask(page, "First?"))
    places.play(behaviours.hangs(after=4))
    turn = ask(page, "Second?")
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    page.reload()
    first, second = page.locator(".turn").first, page.locator(".turn").last
    ended(first)
    assert answer(first) == TEXT
    assert page.locator("[data-slot=asked]").all_text_contents() == ["First?", "Second?"]
    expect(second).to_have_attribute("data-status", "PROCESSING")
    wait_for(lambda: answer(second) == "".join(WORDS[:3]), "the same tokens")
    said = places.first.requests[0].body["messages"]
    assert [each["content"] for each in said] == ["First?", TEXT, "Second?"]
    second.get_by_role("button", name=lite.STOP).click()
    ended(second, "CANCELLED")
    kept = page.evaluate("JSON.stringify([sessionStorage, localStorage])")
    assert "Second?" not in kept
    page.get_by_role("button", name=lite.ANEW).click()
    expect(page.locator(".turn")).to_have_count(0)
    places.play(behaviours.answers())
    ended(ask(page, "Third?"))
    assert [each["content"] for each in places.first.requests[0].body["messages"]] == ["Third?"]


def test_another_conversation_ends_what_is_under_way(page, places):
    places.play(behaviours.hangs(after=4))
    turn = ask(page, "Never mind?")
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    address = f"{places.cockpit.page}/api/v1/tasks/{turn.get_attribute('data-task')}"
    page.get_by_role("button", name=lite.ANEW).click()
    expect(page.locator(".turn")).to_have_count(0)
    wait_for(lambda: httpx.get(address, timeout=WAIT_S).json()["status"] == "CANCELLED", "the end of the task")


def test_the_server_is_killed_and_started_anew(profile, places):
    """The task is lost, and the page says so; then it goes on, with a session of the new process."""
    profile.expect("")
    places.play(behaviours.hangs(after=4))
    page = profile.open(places.between.url)
    turn = ask(page)
    wait_for(lambda: answer(turn) == "".join(WORDS[:3]), "the first tokens")
    places.cockpit.stop(signal.SIGKILL)
    expect(turn.locator("[data-slot=failure]")).to_have_text(lite.SCRIPT["again"])
    expect(page.locator("#live")).to_have_text(lite.SCRIPT["lost"])
    places.cockpit.start()
    ended(turn, "LOST")
    expect(turn.locator("[data-slot=failure]")).to_contain_text("venom-otel ended while it ran.")
    assert answer(turn) == "".join(WORDS[:3])
    expect(page.locator("#live")).to_have_attribute("data-live", "live")
    places.play(behaviours.answers())
    again = ask(page)
    ended(again)
    assert answer(again) == TEXT
