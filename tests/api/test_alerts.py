"""Alerts, and the stream of all that happens, over real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
from datetime import datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from support import otlp
from support.acting import acting
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime
from support.served import served

from venom_otel.api import create_app
from venom_otel.cli.client import server_sent
from venom_otel.runtimes.model import Reading, Reason, State
from venom_otel.services.alerts.keeping import StateKeeper
from venom_otel.services.alerts.watch import Alerts
from venom_otel.services.events import Events
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "t0ken"
FAILED = {"llm.outcome": "error", "llm.error.kind": "server_error", "error.type": "500"}


class Api:
    def __init__(self, client: httpx.Client, store: EmbeddedStore, played: Servers) -> None:
        self.client, self.store, self.played = client, store, played

    def send(self, *spans: Any) -> None:
        self.store.write(Signal.TRACES, otlp.traces(*spans)).result(WAIT_S)

    def failed(self, model: str = "gemma-3-4b-it", **more: Any) -> Any:
        return otlp.chat("vllm", model, more=FAILED, status=2, message="EngineCore encountered an issue.", **more)

    def get(self, path: str = "", **query: Any) -> dict[str, Any]:
        answer = self.client.get(f"/api/v1/alerts{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def ack(self, alert_id: str, token: str | None = TOKEN) -> httpx.Response:
        return self.client.post(f"/api/v1/alerts/{alert_id}/ack", headers={"Authorization": f"Bearer {token}"} if token else {})

    @contextlib.contextmanager
    def events(self, last: str | None = None) -> Iterator[Any]:
        with self.client.stream("GET", "/api/v1/events", headers={"Last-Event-ID": last} if last else {}) as reply:
            assert reply.status_code == 200, reply.read()
            yield server_sent(reply.iter_lines())

    def until(self, condition: Any) -> dict[str, Any]:
        """The alerts, once they are so; each change is told."""
        with self.events() as events:
            found = self.get()
            while not condition(found):
                next(events)
                found = self.get()
        return found


@pytest.fixture
def api(tmp_path):
    played = Servers(runtime())
    with (
        EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store,
        played.monitor() as monitor,
        acting(tmp_path, monitor) as parts,
    ):
        played.wait_for(lambda: played.heard)  # else that the server was first seen is told at any time
        history = History(store)
        alerts = Alerts(history, parts.servers, StateKeeper(parts.state))
        events = Events(history, parts.servers, alerts)
        services = Services(history=history, servers=parts.servers, operations=parts.operations, alerts=alerts, events=events)
        watching = threading.Event()

        @contextlib.asynccontextmanager
        async def lifespan(_):
            task = asyncio.create_task(services.watch())
            watching.set()
            yield
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

        app = create_app(services, CockpitSettings(), token=TOKEN)
        app.router.lifespan_context = lifespan
        with contextlib.ExitStack() as stack:
            client = stack.enter_context(httpx.Client(base_url=stack.enter_context(served(app)), timeout=WAIT_S))
            stack.callback(services.end_waiting)
            assert watching.wait(WAIT_S)
            yield Api(client, store, played)


def test_an_alert_from_its_beginning_to_its_end(api):
    assert api.get() == {"items": [], "active": 0}
    first, second = api.failed(), api.failed()
    api.send(first, second)
    (alert,) = api.until(lambda found: found["active"])["items"]
    newest = max((first, second), key=lambda span: span.end_time_unix_nano)
    assert alert == {
        "id": alert["id"],
        "kind": "llm_provider_error",
        "summary": "gemma-3-4b-it at http://vllm:1/v1 (vllm): server_error, 2 times",
        "llm_provider": "vllm",
        "llm_model": "gemma-3-4b-it",
        "llm_endpoint": "http://vllm:1/v1",
        "service": "chat-api",
        "error": {"kind": "server_error", "code": "500", "words": "EngineCore encountered an issue."},
        "count": 2,
        "first_at": alert["first_at"],
        "last_at": alert["last_at"],
        "trace_id": newest.trace_id.hex(),
        "request_id": otlp.request_id(newest),
        "active": True,
        "resolved_at": None,
        "resolution": None,
        "acknowledged_at": None,
        "acknowledged_by": None,
    }
    assert datetime.fromisoformat(alert["first_at"]) <= datetime.fromisoformat(alert["last_at"])
    noted = api.ack(alert["id"])
    assert noted.status_code == 200
    assert noted.json() == api.get()["items"][0] == alert | {"acknowledged_at": noted.json()["acknowledged_at"], "acknowledged_by": "token"}
    api.send(otlp.chat("vllm", "gemma-3-4b-it", start_ns=newest.end_time_unix_nano))
    (ended,) = api.until(lambda found: not found["active"])["items"]
    assert (ended["active"], ended["resolution"]) == (False, "the same model at the same server has answered again")
    assert api.get(state="active") == {"items": [], "active": 0}
    assert api.get(state="resolved")["items"] == [ended]


def test_which_and_how_many(api):
    api.send(*(api.failed(f"m{number}") for number in range(5)))
    found = api.until(lambda found: found["active"] == 5)
    assert len(found["items"]) == 5
    assert api.get(limit=2) == {"items": found["items"][:2], "active": 5}
    assert api.get(state="resolved") == {"items": [], "active": 5}
    for query in ({"state": "some"}, {"limit": 0}):
        refused = api.client.get("/api/v1/alerts", params=query)
        assert (refused.status_code, refused.headers["content-type"]) == (422, "application/problem+json")


def test_acknowledging_needs_the_token_and_an_alert(api):
    api.send(api.failed())
    (alert,) = api.until(lambda found: found["active"])["items"]
    for token in (None, "wrong"):
        refused = api.ack(alert["id"], token)
        assert (refused.status_code, refused.headers["content-type"]) == (401, "application/problem+json")
    assert api.get()["items"] == [alert]
    missing = api.ack("nothing")
    assert missing.status_code == 404
    assert "GET /api/v1/alerts" in missing.json()["detail"]


def test_a_server_that_goes_offline(api):
    with api.events() as events:
        api.played.readings["vllm"] = Reading(State.STOPPED, Reason.REFUSED, "nobody listens there")
        told = {}
        while told.get("server", {}).get("state") != "stopped" or "alert" not in told:
            event = next(events)
            told[event.name] = event.data
    assert (told["server"]["name"], told["server"]["state"], told["server"]["error_message"]) == ("vllm", "stopped", "nobody listens there")
    assert told["server"]["supports"] == {"start": False, "stop": False, "restart": False}
    assert (told["alert"]["kind"], told["alert"]["llm_model"]) == ("llm_server_offline", None)
    assert told["alert"]["summary"] == "vLLM at http://127.0.0.1:8001/v1 is offline"
    assert told["alert"]["error"] == {"kind": None, "code": "refused", "words": "nobody listens there"}


def test_requests_and_who_answers_are_told_and_nothing_twice(api):
    with api.events() as events:
        api.send(otlp.chat("ollama", "a"), otlp.chat("openai", "b"))
        told = [next(events) for _ in range(4)]
        assert [event.name for event in told] == ["request", "active_model", "request", "active_model"]
        listed = api.client.get("/api/v1/history/requests").json()["items"]
        assert [told[2].data, told[0].data] == listed
        assert told[3].data == {
            "now": {"llm_provider": "openai", "llm_model": "b", "llm_endpoint": "http://openai:1/v1", "friendly_name": "B"},
            "before": {"llm_provider": "ollama", "llm_model": "a", "llm_endpoint": "http://ollama:1/v1", "friendly_name": "A"},
            "request_id": told[2].data["request_id"],
        }
    with api.events(told[1].id) as events:
        assert [(event.id, event.data) for event in (next(events), next(events))] == [(event.id, event.data) for event in told[2:]]
    with api.events("0000-1") as events:
        assert (next(events).name) == "reset"


def test_the_schema_has_them(api):
    schema = api.client.get("/openapi.json").json()
    assert {"/api/v1/alerts", "/api/v1/alerts/{alert_id}/ack", "/api/v1/events"} <= schema["paths"].keys()
    assert json.dumps(schema["components"]["schemas"]["Alerts"]["example"])
