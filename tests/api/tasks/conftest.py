"""The real API on a real socket, over the real kernel and two vLLMs that the tests play."""

import contextlib
import threading

import httpx
import pytest
from support.dialects import Error
from support.kernel_fixtures import play_two_vllms, serve_two_vllms  # noqa: F401 - fixtures
from support.patience import WAIT_S
from support.served import served
from support.tasks import asked

from venom_otel.api import create_app
from venom_otel.api.problems import Problem
from venom_otel.api.task_models import FallbackEvent, ProviderErrorEvent, TaskResponse, Token
from venom_otel.cli.client import server_sent
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings

TOKEN = "q9-Zs_0123456789abcdef"
AUTHORIZED = {"Authorization": f"Bearer {TOKEN}"}
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


@contextlib.contextmanager
def serving(folder, limits=None, send_buffer=None, **endpoints):
    """The API over tasks that live in the event loop of the server; `send_buffer` as for `served`."""
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
    with served(whole, send_buffer) as url, httpx.Client(base_url=f"{url}/api/v1", timeout=WAIT_S) as client:
        assert built.wait(WAIT_S)
        api = Api(client)
        api.place = whole.place
        yield api


@pytest.fixture
def servers(two_vllms):
    """The two, answering well and having forgotten the past."""
    return two_vllms


@pytest.fixture
def api(tmp_path, servers):
    first, second = servers
    with serving(tmp_path, vllm_endpoint=f"{first.url}/v1,big={second.url}/v1") as found:
        yield found


def party(name, server):
    return {"llm_provider": "vllm", "llm_model": MODEL, "llm_endpoint": f"{server.url}/v1", "service_id": name}
