"""Which model is active, over a real store and catalogue: what is configured, who answers instead, and why."""

from __future__ import annotations

import asyncio

import pytest
from support import otlp
from support.acting import acting
from support.scripted_health import Servers, runtime, wait_for

from venom_otel.cli.dotenv_file import DotenvConfiguration
from venom_otel.control import Controller
from venom_otel.runtimes.model import Reading, Reason, ServedModel, State
from venom_otel.services.active import ActiveModel
from venom_otel.services.active_model import LastAnswered
from venom_otel.services.catalogue import Catalogue
from venom_otel.services.configuration import InUse
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.store.protocol import Signal

VLLM, OLLAMA = "http://127.0.0.1:8001/v1", "http://127.0.0.1:11434"
GEMMA = ServedModel("gemma-3", loaded=True, root="/models/gemma-3-4b-it")
ALIAS = ServedModel("models/gemma-3-4b-it", loaded=True, root="/models/gemma-3-4b-it")
READY = Reading(State.READY, latency_s=0.004, models=(GEMMA, ALIAS))
STOPPED = Reading(State.STOPPED, Reason.REFUSED, "nobody listens at 127.0.0.1:8001 (connection refused)")


class World:
    """A vLLM and an Ollama, what is configured, and telemetry that arrives."""

    def __init__(self, folder, parts, played, store, history):
        self._played = played
        self._store = store
        self.configuration = DotenvConfiguration(folder / ".env", ())
        self.servers = parts.servers
        controller = Controller(RuntimeSettings(), CockpitSettings(), directory=folder)
        catalogue = Catalogue(parts.servers, parts.operations, controller, self.configuration, LastAnswered(history), models_dir=folder)
        self.active = ActiveModel(catalogue, history)

    def is_now(self, reading):
        self._played.readings["vllm"] = reading
        wait_for(lambda: self.servers.known()[0].condition.state is reading.state)

    async def arrives(self, *spans):
        await asyncio.wrap_future(self._store.write(Signal.TRACES, otlp.traces(*spans)))

    async def answers(self, provider, model, endpoint, **attributes):
        await self.arrives(answer(provider, model, endpoint, **attributes))

    async def now(self):
        return await self.active.now()


def answer(provider, model, endpoint, *, response=None, parent=None, failed=None, **routed):
    told = {
        "llm.provider": provider,
        "llm.model": model,
        "llm.endpoint": endpoint,
        "llm.outcome": "error" if failed else "ok",
        "gen_ai.response.model": response or model,
        **({"llm.error.kind": failed} if failed else {}),
        **{f"llm.route.{name}": value for name, value in routed.items()},
    }
    return otlp.span(told, name=f"chat {model}", parent=parent)


def fallback(*, first=True, whole=True, reason="overloaded"):
    """The spans of a routed call that fell back on Ollama."""
    told = {"llm.route.attempts": 2, "llm.route.fallback": True, "llm.route.reason": reason, "llm.outcome": "ok"}
    around = otlp.span(told, name="route gemma-3", kind=otlp.INTERNAL)
    return [
        *([around] if whole else []),
        *([answer("vllm", "gemma-3", VLLM, parent=around, failed="overloaded", fallback=False, attempt=1)] if first else []),
        answer("ollama", "llama3.2:1b", OLLAMA, parent=around, fallback=True, attempt=2),
    ]


@pytest.fixture
def world(tmp_path, monkeypatch, store, history):
    monkeypatch.chdir(tmp_path)
    for name in ("LLM_MODEL_NAME", "LLM_LOCAL_ENDPOINT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    played = Servers(runtime(url=VLLM), runtime("ollama", OLLAMA, "ollama"))
    played.readings["vllm"] = READY
    with played.monitor() as monitor, acting(tmp_path, monitor) as parts:
        wait_for(lambda: len(monitor.servers()) == 2)
        yield World(tmp_path, parts, played, store, history)


def configure(world, model="gemma-3", endpoint=""):
    world.configuration.use(InUse(model, endpoint))


async def test_nothing_is_known(world):
    now = await world.now()
    assert (now.model, now.configured, now.instead, now.server) == (None, False, None, None)


async def test_the_configured_one(world):
    configure(world)
    now = await world.now()
    assert (now.model.label, now.configured, now.instead) == ("Gemma 3 (vLLM @ 8001)", True, None)
    assert now.server.condition.state is State.READY


async def test_the_one_that_answered_last_where_none_is_configured(world):
    await world.answers("ollama", "llama3.2:1b", OLLAMA)
    now = await world.now()
    assert (now.model.label, now.configured, now.instead) == ("Llama3.2 1B (Ollama @ 11434)", False, None)
    assert now.server.runtime.name == "ollama"


@pytest.mark.parametrize(
    ("asked", "said", "endpoint"),
    [
        ("gemma-3", "gemma-3", VLLM),
        ("gemma-3", "gemma-3", "http://localhost:8001/v1"),
        ("gemma-3", "gemma-3-2025-11-18", VLLM),
        ("models/gemma-3-4b-it", "models/gemma-3-4b-it", VLLM),  # another name of the same
        ("gemma-3", "gemma-3", ""),
    ],
)
async def test_an_answer_of_the_configured_one(world, asked, said, endpoint):
    configure(world)
    await world.answers("vllm", asked, endpoint, response=said)
    assert (await world.now()).instead is None


@pytest.mark.parametrize(("model", "endpoint"), [("gemma-3", OLLAMA), ("other", VLLM), ("gemma-3", "http://gpu:8001/v1"), ("other", "")])
async def test_an_answer_of_another(world, model, endpoint):
    configure(world)
    await world.answers("vllm", model, endpoint)
    instead = (await world.now()).instead
    assert (instead.model.model, instead.kind, instead.words) == (model, None, "")
    assert not instead.request.fallback


@pytest.mark.parametrize("configured", [True, False])
@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ({}, "overloaded"),
        ({"whole": False}, "overloaded"),  # it ends after its attempts, and may come later
        ({"first": False, "reason": "not_reached"}, "not_reached"),  # passed over, for it was known to be down
    ],
)
async def test_a_fallback_and_its_reason(world, parts, kind, configured):
    if configured:
        configure(world)
    await world.arrives(*fallback(**parts))
    now = await world.now()
    assert now.configured is configured
    assert now.model.model == "gemma-3"
    assert (now.instead.model.label, now.instead.kind) == ("Llama3.2 1B (Ollama @ 11434)", kind)
    assert now.instead.words
    await world.answers("vllm", "gemma-3", VLLM, fallback=False)
    assert (await world.now()).instead is None


async def test_the_reason_may_come_later(world):
    configure(world)
    whole, _, chat = fallback()
    await world.arrives(chat)
    assert (await world.now()).instead.kind is None
    await world.arrives(whole)
    assert (await world.now()).instead.kind == "overloaded"


async def test_a_server_that_is_offline_is_why(world):
    configure(world, endpoint=VLLM)
    world.is_now(STOPPED)
    await world.answers("ollama", "llama3.2:1b", OLLAMA)
    now = await world.now()
    assert now.server.condition.state is State.STOPPED
    assert now.instead.words == STOPPED.cause


@pytest.mark.parametrize("seen", ["before", "in the store", "never"])
async def test_a_server_that_is_offline_tells_of_no_models_and_is_still_the_one(world, seen):
    configure(world)
    if seen == "before":
        assert (await world.now()).server.runtime.name == "vllm"
    if seen == "in the store":
        await world.answers("vllm", "gemma-3", VLLM)
    world.is_now(STOPPED)
    now = await world.now()
    if seen == "never":
        assert (now.model.model, now.server) == ("gemma-3", None)
    else:
        assert (now.model.label, now.server.condition.state) == ("Gemma 3 (vLLM @ 8001)", State.STOPPED)


async def test_what_another_answered_before_this_one_was_configured_is_in_nobodys_place(world):
    configure(world, "other")
    await world.answers("ollama", "other", OLLAMA)
    assert (await world.now()).instead is None
    configure(world, "gemma-3")
    now = await world.now()
    assert (now.model.model, now.instead) == ("gemma-3", None)
    await world.answers("ollama", "other", OLLAMA)
    assert (await world.now()).instead.model.model == "other"
