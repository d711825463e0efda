"""The stream of a task: every event, behind every other one, for any number of readers, as fast as each reads."""

import contextlib
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from api.tasks.conftest import AUTHORIZED, BUSY, party, serving
from support import behaviours
from support.dialects import TEXT, WORDS, Answer
from support.patience import WAIT_S

from venom_otel.cli.client import server_sent

ROOM = 65536
"""Bytes, on either side of a connection."""


def test_every_event_says_who_answered_and_why_not_the_first(api, servers):
    first, second = servers
    api.told(api.ask())  # from then on who they are is known
    first.play(behaviours.refuses(BUSY))
    task_id = api.ask()
    events = api.told(task_id)
    kinds = [kind for kind, _, _ in events]
    assert kinds == ["status", "status", "llm_provider_error", "llm_fallback", *["token"] * (len(kinds) - 5), "finished"]
    by_kind = {kind: data for kind, _, data in events}
    pending = events[0][2]
    assert (pending["status"], pending["started_at"], pending["answer"]) == ("PENDING", None, None)
    assert {name: pending[name] for name in party("vllm", first)} == party("vllm", first)
    assert by_kind["status"]["status"] == "PROCESSING"
    error = by_kind["llm_provider_error"]
    words = error["error"].pop("words")
    assert "overloaded, try again" in words
    assert error == {
        **party("vllm", first),
        "task_id": task_id,
        "request_id": error["request_id"],
        "error": {"kind": "overloaded", "code": "503"},
    }
    fallback = {"from": party("vllm", first), "to": party("big", second), "reason": "overloaded", "code": "503"}
    assert by_kind["llm_fallback"] == {**fallback, "task_id": task_id}
    end = by_kind["finished"]
    assert (end["status"], end["answer"], end["context"]["llm_runtime"]["fallback"]) == ("COMPLETED", None, fallback)
    assert {name: end[name] for name in party("big", second)} == party("big", second)
    assert error["request_id"] == end["request_ids"][0]
    assert "".join(data["text"] for kind, _, data in events if kind == "token") == TEXT
    assert api.task(task_id).model_dump(mode="json") | {"asked": None, "answer": None} == end


def test_going_on_behind_the_last_event(api):
    task_id = api.ask()
    whole = api.told(task_id)
    ids = [number for _, number, _ in whole]
    assert ids[0] == "1-0"
    assert len(set(ids)) == len(ids)
    for number, last in enumerate(ids[:-1], 1):
        rest = api.told(task_id, last)
        assert text(rest) == text(whole[number:])
        assert without_tokens(rest) == without_tokens(whole[number:])
    assert api.told(task_id, ids[-1]) == whole[-1:]


def without_tokens(events):
    return [event for event in events if event[0] != "token"]


def text(events):
    return "".join(data["text"] for kind, _, data in events if kind == "token")


def test_a_lost_connection_is_taken_up_again_without_a_gap(api, servers):
    """Closing it ends neither the task nor what comes after."""
    first, _ = servers
    first.play(behaviours.hangs(after=4))
    task_id = api.ask(provider="vllm")
    heard, last = "", None
    with api.stream(task_id) as lines:
        for event in server_sent(lines):
            last = event.id
            heard += event.data["text"] if event.name == "token" else ""
            if heard == "".join(WORDS[:3]):  # the first piece has the role alone
                break
    assert api.task(task_id).status == "PROCESSING"
    assert not first.requests[0].closed_early.is_set()
    assert api.client.delete(f"/tasks/{task_id}", headers=AUTHORIZED).json()["status"] == "CANCELLED"
    rest = api.told(task_id, last)
    assert [kind for kind, _, _ in rest] == ["finished"]
    assert api.task(task_id).answer == heard


def test_cancelling_ends_the_servers_work(api, servers):
    first, _ = servers
    first.play(behaviours.hangs(after=2))
    task_id = api.ask(provider="vllm")
    (request,) = first.wait_for(1)
    assert request.paused.wait(WAIT_S)
    assert api.client.delete(f"/tasks/{task_id}").status_code == 401
    ended = api.client.delete(f"/tasks/{task_id}", headers=AUTHORIZED)
    assert (ended.status_code, ended.json()["status"], ended.json()["error"]) == (200, "CANCELLED", None)
    assert request.closed_early.wait(WAIT_S)
    again = api.client.delete(f"/tasks/{task_id}", headers=AUTHORIZED)
    assert (again.status_code, again.json()["detail"]) == (409, f"task {task_id} has ended already: CANCELLED.")
    assert api.told(task_id)[-1][2]["status"] == "CANCELLED"


def test_a_slow_reader_gets_all_of_it_and_holds_up_nobody(tmp_path, servers):
    long = Answer(words=tuple(f" {number:0199d}" for number in range(4_000)))  # more than fits into the buffers on the way
    servers[0].play(behaviours.answers(long))
    little = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, ROOM)])
    with contextlib.ExitStack() as stack:
        api = stack.enter_context(serving(tmp_path, send_buffer=ROOM, vllm_endpoint=f"{servers[0].url}/v1"))
        task_id = api.ask()
        slow = stack.enter_context(httpx.Client(transport=little, base_url=api.client.base_url, timeout=WAIT_S))
        answer = stack.enter_context(slow.stream("GET", f"/tasks/{task_id}/stream"))
        events = server_sent(answer.iter_lines())
        assert next(events).name == "status"
        deadline = time.monotonic() + WAIT_S
        while api.client.get("/tasks").json()["items"][0]["status"] != "COMPLETED":  # while nobody reads
            assert time.monotonic() < deadline
            time.sleep(0.01)
        heard, count = "", 0
        for event in events:
            count += 1
            heard += event.data["text"] if event.name == "token" else ""
            if event.name == "finished":
                break
    assert heard == "".join(long.words)
    assert count < 3_000  # what came once the way was full came together


def test_many_readers_of_one_task_hear_the_same(api):
    task_id = api.ask()
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda _: text(api.told(task_id)), range(8)))
    assert heard == [TEXT] * 8


@pytest.mark.parametrize("last", ["x", "3", "-1-2", "1-2-3", "1" * 10 + "-0"])
def test_an_id_that_is_none_of_ours(api, last):
    task_id = api.ask()
    answer = api.client.get(f"/tasks/{task_id}/stream", headers={"Last-Event-ID": last})
    assert answer.status_code == 422
    assert "this is no id of an event of a task" in answer.json()["detail"]
