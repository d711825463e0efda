"""Tasks over HTTP: the real API on a real socket, over the real kernel and servers that the tests play."""

import contextlib
import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from support import behaviours, personas
from support.chat_server import ChatServer, ClosedPort
from support.dialects import COMPLETION_TOKENS, PROMPT_TOKENS, TEXT, WORDS, Answer, Error
from support.served import served
from support.tasks import asked

from venom_otel.api import create_app
from venom_otel.api.problems import Problem
from venom_otel.api.task_models import FallbackEvent, ProviderErrorEvent, TaskList, TaskResponse, Token
from venom_otel.cli.client import server_sent
from venom_otel.services.offered import Services
from venom_otel.services.tasks.limits import Limits
from venom_otel.settings import CockpitSettings

TOKEN = "q9-Zs_0123456789abcdef"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
WAIT_S = 30
MODEL = "gemma-3"
MODELS = {"status": TaskResponse, "token": Token, "llm_fallback": FallbackEvent, "llm_provider_error": ProviderErrorEvent}
BUSY = Error(503, {"error": {"message": "overloaded, try again", "type": "E", "param": None, "code": 503}}, None)


class Api:
    """A client with the token."""

    def __init__(self, client):
        self.client = client

    def ask(self, prompt="Why is the sky blue?", **wanted):
        answer = self.client.post("/tasks", json={"prompt": prompt, **wanted}, headers=AUTHORIZED)
        assert answer.status_code == 202, answer.text
        task = TaskResponse.model_validate(answer.json())
        assert answer.headers["location"] == task.links.task == f"/api/v1/tasks/{task.task_id}"
        return task.task_id

    def refused(self, status, content=None, **wanted):
        body = {"content": content} if content is not None else {"json": wanted}
        answer = self.client.post("/tasks", headers=AUTHORIZED, **body)
        assert answer.status_code == status, answer.text
        assert answer.headers["content-type"] == "application/problem+json"
        return Problem.model_validate(answer.json()), answer.headers

    def task(self, task_id):
        answer = self.client.get(f"/tasks/{task_id}")
        assert answer.status_code == 200, answer.text
        return TaskResponse.model_validate(answer.json())

    def told(self, task_id, last=None):
        """Each event as kind, id and body; the bodies are what the API's models say."""
        with self.stream(task_id, last) as lines:
            events = []
            for event in server_sent(lines):
                MODELS.get(event.name, TaskResponse).model_validate(event.data)
                events.append((event.name, event.id, event.data))
                if event.name == "finished":
                    return events
        raise AssertionError(f"the stream ended without an end: {events}")

    @contextlib.contextmanager
    def stream(self, task_id, last=None):
        headers = {} if last is None else {"Last-Event-ID": last}
        with self.client.stream("GET", f"/tasks/{task_id}/stream", headers=headers) as answer:
            assert answer.status_code == 200
            assert answer.headers["content-type"].startswith("text/event-stream")
            yield answer.iter_lines()


@pytest.fixture(scope="module")
def running():
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as first, ChatServer(personas.vllm, {"server": "uvicorn"}) as second:
        yield first, second


@pytest.fixture
def servers(running):
    for server in running:
        server.play(behaviours.answers())
    return running


@contextlib.contextmanager
def serving(folder, limits=None, **endpoints):
    """The API over tasks that live in the event loop of the server."""
    built = threading.Event()

    class Whole:
        """Builds what is served in the loop that serves it, as `up` does."""

        app = None

        async def __call__(self, scope, receive, send):
            if scope["type"] != "lifespan":
                await self.app(scope, receive, send)
                return
            await receive()
            async with asked(folder, limits=limits, **endpoints) as place:
                services = Services(history=place.history, servers=place.servers, tasks=place.tasks)
                self.app = create_app(services, CockpitSettings(), token=TOKEN)
                self.place = place
                built.set()
                await send({"type": "lifespan.startup.complete"})
                await receive()
                place.tasks.end_running()
            await send({"type": "lifespan.shutdown.complete"})

    whole = Whole()
    with served(whole) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=WAIT_S) as client:
        assert built.wait(WAIT_S)
        api = Api(client)
        api.place = whole.place
        yield api


@pytest.fixture
def api(tmp_path, servers):
    first, second = servers
    with serving(tmp_path, vllm_endpoint=f"{first.url}/v1,big={second.url}/v1") as found:
        yield found


def party(name, server):
    return {"llm_provider": "vllm", "llm_model": MODEL, "llm_endpoint": f"{server.url}/v1", "service_id": name}


def test_every_field_of_the_response(api, servers):
    first, _ = servers
    first.play(behaviours.answers(Answer(finish="stop")))
    task_id = api.ask(session="talk", provider="vllm")
    api.told(task_id)
    said = api.task(task_id).model_dump(mode="json")
    (request_id,) = said["request_ids"]
    trace_id = request_id.partition("-")[0]
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
    assert (request["llm_provider"], request["llm_model"], request["llm_endpoint"]) == (
        task.llm_provider,
        task.llm_model,
        task.llm_endpoint,
    )
    assert (request["service"], request["usage"]) == ("venom-otel", task.usage.model_dump())
    trace = api.client.get(f"/history/traces/{task.trace_id}").json()
    assert [step["name"] for step in trace["steps"]] == ["task"]


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


def test_a_slow_reader_gets_all_of_it_and_holds_up_nobody(api, servers):
    long = Answer(words=tuple(f" {number:044d}" for number in range(20_000)))  # more than fits into the buffers on the way
    servers[0].play(behaviours.answers(long))
    task_id = api.ask(provider="vllm")
    little = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)])  # room on the way
    with (
        httpx.Client(transport=little, base_url=api.client.base_url, timeout=WAIT_S) as slow,
        slow.stream("GET", f"/tasks/{task_id}/stream") as answer,
    ):
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
    assert count < 18_000  # what came once the way was full came together


def test_many_readers_of_one_task_hear_the_same(api):
    task_id = api.ask()
    with ThreadPoolExecutor(8) as pool:
        heard = list(pool.map(lambda _: text(api.told(task_id)), range(8)))
    assert heard == [TEXT] * 8


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

    with contextlib.suppress(httpx.WriteError):  # it may be told no before it has sent all
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


@pytest.mark.parametrize("last", ["x", "3", "-1-2", "1-2-3", "1" * 10 + "-0"])
def test_an_id_that_is_none_of_ours(api, last):
    task_id = api.ask()
    answer = api.client.get(f"/tasks/{task_id}/stream", headers={"Last-Event-ID": last})
    assert answer.status_code == 422
    assert "this is no id of an event of a task" in answer.json()["detail"]


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
