"""What may be asked and what is refused; a task, and the list of them."""

import contextlib
import json

import httpx
import pytest
from api.tasks.conftest import AUTHORIZED, MODEL, party, serving
from support import behaviours
from support.chat_server import ClosedPort
from support.dialects import COMPLETION_TOKENS, PROMPT_TOKENS, TEXT, Answer

from venom_otel.api.problems import Problem
from venom_otel.api.task_models import TaskList
from venom_otel.services.tasks.limits import Limits


def test_every_field_of_the_response(api, servers):
    first, _ = servers
    first.play(behaviours.answers(Answer(finish="stop")))
    task_id = api.ask(session="talk", provider="vllm")
    api.told(task_id)
    said = api.task(task_id).model_dump(mode="json")
    (request_id,) = said["request_ids"]
    trace_id = request_id.partition("-")[0]
    del said["speed"]  # see below
    times = {name: said.pop(name) for name in ("created_at", "started_at", "finished_at", "duration_seconds", "first_token")}
    assert said == {
        "task_id": task_id,
        "status": "COMPLETED",
        "session": "talk",
        "provider": "vllm",
        **party("vllm", first),
        "llm_response_model": MODEL,
        "context": {
            "llm_runtime": {
                "label": f"Gemma 3 (vLLM @ {first.port})",
                "friendly_name": "Gemma 3",
                "status": "online",
                "identity_source": "server",
                "fallback": None,
            }
        },
        "usage": {"input_tokens": PROMPT_TOKENS, "output_tokens": COMPLETION_TOKENS},
        "finish_reason": "stop",
        "trace_id": trace_id,
        "request_ids": [request_id],
        "asked": [{"role": "user", "content": "Why is the sky blue?"}],
        "answer": TEXT,
        "error": None,
        "links": {
            "task": f"/api/v1/tasks/{task_id}",
            "stream": f"/api/v1/tasks/{task_id}/stream",
            "requests": [f"/api/v1/history/requests/{request_id}"],
        },
    }
    assert times["created_at"] <= times["started_at"] <= times["finished_at"]
    assert 0 < times["first_token"] <= times["duration_seconds"]


def test_the_history_has_it_as_any_other_request(api):
    task_id = api.ask()
    api.told(task_id)
    assert api.place.telemetry.tracer_provider.force_flush()
    (request,) = api.client.get("/history/requests", params={"attribute": f"llm.task.id={task_id}"}).json()["items"]
    task = api.task(task_id)
    assert request["request_id"] == task.request_ids[0]
    assert request["speed"] == task.speed
    assert (request["llm_provider"], request["llm_model"], request["llm_endpoint"]) == (
        task.llm_provider,
        task.llm_model,
        task.llm_endpoint,
    )
    assert (request["service"], request["usage"]) == ("venom-otel", task.usage.model_dump())
    trace = api.client.get(f"/history/traces/{task.trace_id}").json()
    assert [step["name"] for step in trace["steps"]] == ["task"]


def test_the_list_has_the_newest_first_and_no_answers(api):
    ids = [api.ask(str(number)) for number in range(3)]
    for each in ids:
        api.told(each)
    answer = api.client.get("/tasks", params={"limit": 2})
    found = TaskList.model_validate(answer.json()).items
    assert [each.task_id for each in found] == ids[:0:-1]
    assert {each.answer for each in found} == {each.asked for each in found} == {None}
    assert api.client.get("/tasks", params={"limit": 0}).status_code == 422


def test_messages_instead_of_a_prompt(api, servers):
    api.client.post(
        "/tasks",
        json={"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why?"}]},
        headers=AUTHORIZED,
    ).raise_for_status()
    (request,) = servers[0].wait_for(1)
    assert [(each["role"], each["content"]) for each in request.body["messages"]] == [("system", "Be brief."), ("user", "Why?")]


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        ({}, "give either `prompt` or `messages`"),
        ({"prompt": "x", "messages": [{"role": "user", "content": "y"}]}, "give either `prompt` or `messages`"),
        ({"prompt": "x", "provider": "nobody"}, "there is no model server 'nobody'; there are: vllm, big."),
        ({"prompt": "x", "model": "gpt-9"}, "no model server has a model 'gpt-9'; there are: gemma-3."),
        ({"prompt": "x", "model": "gpt-9", "provider": "big"}, "has no model 'gpt-9'; there are: gemma-3."),
        ({"prompt": "x", "temperature": 3}, "temperature: "),
        ({"prompt": "x", "max_tokens": 0}, "max_tokens: "),
        ({"prompt": "x", "session": "a b"}, "session: "),
        ({"prompt": "x", "colour": "blue"}, "colour: "),
        ({"messages": []}, "messages: "),
        ({"messages": [{"role": "robot", "content": "y"}]}, "messages.role: "),
        ({"prompt": "x" * 1_000_001}, "the prompt has 1000001 characters; at most 1000000 are taken."),
    ],
)
def test_what_cannot_be_is_refused_with_words(api, wanted, words):
    problem, _ = api.refused(422, **wanted)
    assert words in problem.detail
    assert len(problem.detail) < 500
    assert api.client.get("/tasks").json() == {"items": []}


def test_a_body_that_is_too_long_is_not_read(api):
    problem, _ = api.refused(413, content=json.dumps({"prompt": "x" * 8 * 1024 * 1024}))
    assert "8388608" in problem.detail

    def chunks():
        for _ in range(100):
            yield b"x" * 1024 * 1024

    # It may be told no before it has sent all, and may not hear it: the end of the connection takes back what was not read yet.
    with contextlib.suppress(httpx.NetworkError, httpx.RemoteProtocolError):
        answer = api.client.post("/tasks", content=chunks())
        assert answer.status_code == 413


def test_who_has_no_token_begins_nothing(api, servers):
    assert api.client.post("/tasks", json={"prompt": "x"}).status_code == 401
    assert api.client.post("/tasks", json={"prompt": "x"}, headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert api.client.get("/tasks").json() == {"items": []}


def test_a_task_that_there_is_not(api):
    for method, path in (("GET", ""), ("GET", "/stream"), ("DELETE", "")):
        answer = api.client.request(method, f"/tasks/nobody{path}", headers=AUTHORIZED)
        assert answer.status_code == 404
        assert "there is no task 'nobody'" in Problem.model_validate(answer.json()).detail


def test_more_than_may_wait(tmp_path, servers):
    servers[0].play(behaviours.hangs())
    with serving(tmp_path, Limits(running=1, waiting=1), vllm_endpoint=f"{servers[0].url}/v1") as api:
        for _ in range(2):
            api.ask()
        problem, headers = api.refused(429, prompt="x")
        assert "VENOM_OTEL_TASKS_WAITING" in problem.detail
        assert int(headers["retry-after"]) > 0


def test_no_server_that_could_answer(tmp_path):
    port = ClosedPort()
    with contextlib.closing(port), serving(tmp_path, vllm_endpoint=port.url) as api:
        problem, headers = api.refused(503, prompt="x")
        assert "nobody knows which model to ask" in problem.detail
        assert "refuse" in problem.detail  # why its own word is not there
        assert int(headers["retry-after"]) > 0


def test_without_semantic_kernel(api, monkeypatch):
    monkeypatch.setattr("venom_otel.services.tasks.kernel._NEEDED", ("no_such_package_at_all",))
    problem, _ = api.refused(501, prompt="x")
    assert "pip install 'venom-otel[cockpit,instruments]'" in problem.detail
