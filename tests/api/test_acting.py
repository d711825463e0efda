"""Telling a model server to start, stop and restart over the API: the real controller, harmless commands, real processes."""

import contextlib
import functools
import itertools
import os
import sqlite3
import threading
import time
from datetime import UTC, datetime

import httpx
import pytest
from support.acting import Place, acting
from support.patience import WAIT_S
from support.served import served

from venom_otel.api import create_app
from venom_otel.api.audit import Audit
from venom_otel.api.operations import Operation, Operations, Step
from venom_otel.api.problems import Problem
from venom_otel.api.servers import Log
from venom_otel.cli.client import server_sent
from venom_otel.health import Monitor
from venom_otel.runtimes.finding import find
from venom_otel.runtimes.reading import read
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.store.embedded import EmbeddedStore

SERVERS = "/api/v1/system/llm-servers"
TOKEN = "q9-Zs_0123456789abcdef"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}


class Api:
    """A client with the token, and the parts behind it."""

    def __init__(self, client, parts):
        self.client = client
        self.state = parts.state
        self.operations = parts.operations

    def get(self, path, **query):
        answer = self.client.get(path, params=query, headers=AUTHORIZED)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def tell(self, action, name="ollama", **headers):
        return self.client.post(f"{SERVERS}/{name}/{action}", headers=AUTHORIZED | headers)

    def begin(self, action):
        answer = self.tell(action)
        assert answer.status_code == 202, answer.text
        return answer.json()

    def events(self, path, after=None):
        headers = {} if after is None else {"Last-Event-ID": str(after)}
        with self.client.stream("GET", path, headers=headers) as reply:
            assert reply.status_code == 200, reply.read()
            assert reply.headers["content-type"].startswith("text/event-stream")
            yield from server_sent(reply.iter_lines())

    def finished(self, operation):
        *_, last = self.events(operation["links"]["stream"])
        assert last.name == "finished"
        return last.data

    def audited(self):
        return [(each["kind"], each["outcome"]) for each in reversed(self.get("/api/v1/audit")["items"])]


@pytest.fixture
def place(tmp_path):
    with Place(tmp_path) as place:
        yield place


@pytest.fixture
def api(tmp_path, place):
    """A function that serves the API over a server that is found at the place, with these commands."""
    with contextlib.ExitStack() as stack:

        def begin(*, interval_s=3600, **settings):
            store = stack.enter_context(EmbeddedStore(tmp_path / "t.db", min_free_bytes=0))
            runtimes = RuntimeSettings(ollama_endpoint=place.url, **settings)

            def monitor(controller):
                monitor = Monitor(functools.partial(find, runtimes), interval_s=interval_s, read=controller.watching(read))
                return stack.enter_context(monitor)

            parts = stack.enter_context(acting(tmp_path, monitor, runtimes))
            services = Services(history=History(store), servers=parts.servers, operations=parts.operations)
            app = create_app(services, CockpitSettings(), token=TOKEN)
            stack.callback(parts.servers.end_waiting)
            return Api(stack.enter_context(httpx.Client(base_url=stack.enter_context(served(app)), timeout=WAIT_S)), parts)

        yield begin


def test_start_stop_and_all_that_is_said_of_it(api, place):
    """Looks come an hour apart: that the state follows at once is due to the operation."""
    began = datetime.now(UTC)
    api = api(ollama_start_command=place.command("--print", "hello"))
    offline = api.get(f"{SERVERS}/ollama")
    assert (offline["state"], offline["supports"]) == ("stopped", {"start": True, "stop": False, "restart": True})
    answer = api.tell("start")
    assert answer.status_code == 202
    begun = answer.json()
    links = begun["links"]
    assert answer.headers["location"] == links["operation"] == f"/api/v1/operations/{begun['id']}"
    assert links == {
        "operation": links["operation"],
        "stream": f"{links['operation']}/stream",
        "server": f"{SERVERS}/ollama",
    }
    *progress, last = api.events(links["stream"])
    assert {event.name for event in progress} == {"progress"}
    assert progress[0].data == {"words": f"starting: `{place.command('--print', 'hello')}`", "completed": None, "total": None}
    assert (last.name, last.data["state"], last.data["error"]) == ("finished", "succeeded", None)
    numbers = [int(event.id) for event in (*progress, last)]
    assert numbers == sorted(set(numbers))
    assert api.get(links["operation"]) == last.data == begun | {"state": "succeeded", "finished_at": last.data["finished_at"]}
    assert began <= datetime.fromisoformat(begun["created_at"]) <= datetime.fromisoformat(last.data["finished_at"]) <= datetime.now(UTC)
    online = api.get(links["server"])
    assert (online["status"], online["state"], online["supports"]["stop"]) == ("online", "ready", True)
    assert "stop" not in online["unsupported"]
    assert api.finished(api.begin("restart"))["state"] == "succeeded"
    assert api.get(links["server"])["status"] == "online"
    assert api.finished(api.begin("stop"))["state"] == "succeeded"
    assert api.get(links["server"])["state"] == "stopped"
    listed = api.get("/api/v1/operations", server="ollama")["items"]
    assert [each["kind"] for each in listed] == ["stop", "restart", "start"]
    assert listed[-1] == last.data
    assert api.get("/api/v1/operations", server="vllm") == {"items": []}
    assert api.get("/api/v1/operations", limit=1)["items"] == listed[:1]
    assert api.audited() == [(kind, outcome) for kind in ("start", "restart", "stop") for outcome in ("begun", "succeeded")]


def test_a_start_that_fails_has_the_words_of_the_program(api, place):
    api = api(ollama_start_command=place.command("--print", "no GPU here", "--die", 3))
    failed = api.finished(api.begin("start"))
    assert failed["state"] == "failed"
    assert failed["error"].startswith("OLLAMA_START_COMMAND ended with status 3 before Ollama was online.")
    assert "no GPU here" in failed["error"]
    entry = api.get("/api/v1/audit")["items"][0]
    assert (entry["outcome"], entry["detail"], entry["operation"]) == ("failed", failed["error"], failed["links"]["operation"])


def until_it_lives(events):
    """Until the server's process was seen, which is not online yet."""
    next(event for event in events if " lives" in event.data["words"])


def test_one_at_a_time(api, place):
    gate = place.folder / "gate"
    api = api(ollama_start_command=place.command("--gate", gate))
    begun = api.begin("start")
    events = api.events(begun["links"]["stream"])
    until_it_lives(events)
    starting = api.get(f"{SERVERS}/ollama")
    assert (starting["status"], starting["state"]) == ("offline", "starting")
    for action in ("start", "stop", "restart"):
        busy = api.tell(action)
        assert (busy.status_code, busy.headers["content-type"]) == (409, "application/problem+json")
        assert busy.json()["operation"] == begun["links"]["operation"]
        assert busy.json()["detail"] == f"ollama is busy: start (operation {begun['id']}) has not finished. Wait for its end."
    assert api.get(begun["links"]["operation"])["state"] == "running"
    gate.touch()
    *_, last = events
    assert last.data["state"] == "succeeded"
    assert api.audited() == [
        ("start", "begun"),
        ("start", "refused"),
        ("stop", "refused"),
        ("restart", "refused"),
        ("start", "succeeded"),
    ]


def test_what_cannot_be_done_says_what_to_set(api):
    api = api()
    known = api.get(f"{SERVERS}/ollama")
    assert known["supports"] == dict.fromkeys(("start", "stop", "restart"), False)
    for action, variable in (("start", "OLLAMA_START_COMMAND"), ("stop", "OLLAMA_STOP_COMMAND"), ("restart", "OLLAMA_RESTART_COMMAND")):
        refused = api.tell(action)
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/problem+json")
        assert refused.json()["detail"] == known["unsupported"][action]
        assert variable in refused.json()["detail"]
    assert api.audited() == [(action, "refused") for action in ("start", "stop", "restart")]
    assert api.get("/api/v1/operations") == {"items": []}


def names(folder):
    """Of what lies there, but for the files of the databases, which come and go."""
    return {each.name for each in folder.iterdir() if ".db" not in each.name and ".sqlite3" not in each.name}


NAMES = ["nobody", "ollama; touch hacked", "ollama%20%26%26%20touch%20hacked", "..%2Follama", "$(touch hacked)", "%00", "*"]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_is_looked_up_and_nothing_else(api, place, name):
    api = api(ollama_start_command=place.command())
    before = names(place.folder)
    for method, path in (("POST", "start"), ("GET", "log")):
        answer = api.client.request(method, f"{SERVERS}/{name}/{path}", headers=AUTHORIZED)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert names(place.folder) == before
    assert place.processes() == []
    assert api.audited() == []


def test_nothing_of_a_request_reaches_a_command(api, place):
    """Neither its query, nor its body, nor its headers: the program prints what it was given, and what is in its environment."""
    printed = place.folder / "printed"
    command = f"""sh -c 'env > {printed}; echo "$0 $@" >> {printed}; exit 1' fixed"""
    api = api(ollama_start_command=command)
    answer = api.client.post(
        f"{SERVERS}/ollama/start",
        params={"action": "PLANTED", "--model": "PLANTED"},
        json={"command": "PLANTED", "environment": {"PLANTED": "1"}},
        headers=AUTHORIZED | {"X-Name": "PLANTED", "User-Agent": "PLANTED"},
    )
    assert answer.status_code == 202
    assert api.finished(answer.json())["state"] == "failed"
    text = printed.read_text()
    assert text.splitlines()[-1] == "fixed "
    assert "PLANTED" not in text
    assert TOKEN not in text


def test_an_action_that_there_is_not(api):
    api = api()
    answer = api.tell("explode")
    assert (answer.status_code, answer.headers["content-type"]) == (422, "application/problem+json")
    assert "'start', 'stop' or 'restart'" in answer.json()["detail"]
    assert api.client.get(f"{SERVERS}/ollama/start", headers=AUTHORIZED).status_code == 405


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer wrong-but-long-enough"}, {"Cookie": f"token={TOKEN}"}])
@pytest.mark.parametrize(("method", "path"), [("POST", "start"), ("POST", "stop"), ("POST", "restart")])
def test_without_the_token_nothing_is_done(api, place, headers, method, path):
    api = api(ollama_start_command=place.command())
    for name in ("ollama", "nobody"):  # who has no token is not told either which servers there are
        answer = api.client.request(method, f"{SERVERS}/{name}/{path}", headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (401, "application/problem+json")
    assert api.audited() == []
    assert not (place.folder / "logs").exists()


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "null"}], ids=str)
def test_pages_of_other_origins_do_nothing_even_with_the_token(api, place, headers):
    api = api(ollama_start_command=place.command())
    assert api.tell("start", **headers).status_code == 403
    for path in (f"{SERVERS}/ollama/log", f"{SERVERS}/events", "/api/v1/operations", "/api/v1/audit"):
        assert api.client.get(path, headers=AUTHORIZED | headers).status_code == 403
    assert api.audited() == []


def test_following_goes_on_where_it_broke_off(api, place):
    gate = place.folder / "gate"
    api = api(ollama_start_command=place.command("--gate", gate))
    stream = api.begin("start")["links"]["stream"]
    first = next(api.events(stream))
    assert first.id == "1"
    gate.touch()
    rest = list(api.events(stream, after=first.id))
    assert rest[0].id == "2"
    assert rest[-1].name == "finished"
    assert [event.id for event in api.events(stream)] == ["1", *(event.id for event in rest)]
    assert list(api.events(stream, after=rest[-1].id)) == rest[-1:]


def test_the_end_of_the_program_is_told_to_who_follows(api, place):
    api = api(ollama_start_command=place.command("--gate", place.folder / "gate"))
    begun = api.begin("start")
    events = api.events(begun["links"]["stream"])
    until_it_lives(events)
    loop = api.operations._runs[begun["id"]].task.get_loop()
    loop.call_soon_threadsafe(api.operations.end_running)
    *_, last = events
    assert (last.name, last.data["state"]) == ("finished", "interrupted")
    refused = api.tell("start")
    assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
    assert "is ending" in refused.json()["detail"]
    assert len(place.processes()) == 1  # it lives on


def test_what_cannot_be_kept_is_not_done(api, place):
    api = api(ollama_start_command=place.command())
    with contextlib.closing(sqlite3.connect(place.folder / "state.sqlite3", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        refused = api.tell("start")
        assert (refused.status_code, refused.headers["content-type"]) == (503, "application/problem+json")
        assert refused.headers["retry-after"] == "5"
        assert "Check the directory's permissions and free space" in refused.json()["detail"]
        assert api.get("/api/v1/operations") == {"items": []}
        assert api.get("/api/v1/audit") == {"items": [], "older": None}
    assert not (place.folder / "logs").exists()
    assert api.finished(api.begin("start"))["state"] == "succeeded"


def test_what_failed_and_the_log_are_read_alike_and_without_keys(api, place):
    """One rule for both: reading needs no token, and what is read has no keys."""
    api = api(ollama_start_command=place.command("--print", "no GPU here, password=hunter2", "--die", 3))
    failed = api.finished(api.begin("start"))
    for path in (f"{SERVERS}/ollama/log", failed["links"]["operation"], failed["links"]["stream"], "/api/v1/operations", "/api/v1/audit"):
        answer = api.client.get(path, headers={})
        assert answer.status_code == 200
        assert "no GPU here, password=" in answer.text
        assert "hunter2" not in answer.text


def test_the_end_of_the_log(api, place):
    api = api(ollama_start_command=place.command("--print", "password=hunter2", "--variable", "HOME"))
    assert api.get(f"{SERVERS}/ollama/log") == {"lines": []}
    api.finished(api.begin("start"))
    lines = api.get(f"{SERVERS}/ollama/log")["lines"]
    assert f"HOME={os.environ.get('HOME')}" in lines
    assert "listening" in lines
    assert not any("hunter2" in line for line in lines)
    assert api.get(f"{SERVERS}/ollama/log", lines=1)["lines"] == lines[-1:]
    assert api.client.get(f"{SERVERS}/ollama/log", params={"lines": 0}, headers=AUTHORIZED).status_code == 422


def test_changes_as_they_happen(api, place):
    api = api(ollama_start_command=place.command(), interval_s=0.1)
    events = api.events(f"{SERVERS}/events")
    first = next(events)
    assert first.name == "server"
    assert (first.data["name"], first.data["state"]) == ("ollama", "stopped")
    api.finished(api.begin("start"))
    seen = next(event.data for event in events if event.data["state"] == "ready")
    assert (seen["status"], seen["supports"]["stop"]) == ("online", True)
    (server,) = place.processes()
    server.kill()
    killed = time.monotonic()
    seen = next(event.data for event in events if event.data["state"] == "stopped")
    assert (seen["reason"], seen["status"]) == ("refused", "offline")
    assert time.monotonic() - killed < WAIT_S / 2
    api.client.close()


def test_the_audit_by_page(api):
    api = api()
    for _ in range(5):
        api.tell("start")
    pages, before = [], None
    for _ in range(4):
        page = api.get("/api/v1/audit", limit=2, **({} if before is None else {"before": before}))
        pages.append(len(page["items"]))
        if (before := page["older"]) is None:
            break
    assert pages == [2, 2, 1]
    assert api.get("/api/v1/audit", server="nobody") == {"items": [], "older": None}


def test_an_operation_that_there_is_not(api):
    api = api()
    for path in ("/api/v1/operations/nothing", "/api/v1/operations/nothing/stream"):
        answer = api.client.get(path)
        assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
        assert "GET /api/v1/operations lists those there are" in answer.json()["detail"]


def test_many_at_once_begin_one(api, place):
    gate = place.folder / "gate"
    api = api(ollama_start_command=place.command("--gate", gate))
    codes = []
    threads = [threading.Thread(target=lambda: codes.append(api.tell("start").status_code)) for _ in range(10)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(codes) == [202, *[409] * 9]
    (running,) = api.get("/api/v1/operations")["items"]
    gate.touch()
    assert api.finished(running)["state"] == "succeeded"
    assert len(place.processes()) == 1


def test_the_description(api):
    schema = api().client.get("/openapi.json").json()
    ours = ("/api/v1/operations", "/api/v1/audit", SERVERS)
    operations = [
        (f"{method.upper()} {path}", operation)
        for path, methods in schema["paths"].items()
        if path.startswith(ours)
        for method, operation in methods.items()
    ]
    statuses = {path: set(operation["responses"]) for path, operation in operations}
    assert statuses[f"POST {SERVERS}/{{name}}/{{action}}"] == {"202", "400", "401", "404", "409", "422", "503"}
    assert statuses["GET /api/v1/operations/{operation_id}/stream"] == {"200", "404", "422", "503"}
    for path, operation in operations:
        assert operation["description"], path
        assert all(parameter["description"] for parameter in operation.get("parameters", ())), path
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                example = Problem.model_validate(response["content"]["application/problem+json"]["example"])
                assert (example.status, example.detail != example.title) == (int(status), True), path
            if status == "503":
                assert "Retry-After" in response["headers"]
    for model in itertools.chain((Operation, Operations, Step, Log, Audit)):
        example = model.model_config["json_schema_extra"]["example"]
        assert model.model_validate(example).model_dump(mode="json") == example
        assert set(example) == set(model.model_fields)
