"""`/api/v1/models/active`: the model that should answer, and the one that answers instead."""

import asyncio

import httpx
import pytest
from support import otlp
from support.acting import acting
from support.scripted_health import Servers, runtime, wait_for
from support.served import served

from venom_otel.api import create_app
from venom_otel.cli.dotenv_file import DotenvConfiguration
from venom_otel.control import Controller
from venom_otel.runtimes.model import Reading, ServedModel, State
from venom_otel.services.active import ActiveModel
from venom_otel.services.active_model import LastAnswered
from venom_otel.services.catalogue import Catalogue
from venom_otel.services.configuration import InUse
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

READY = Reading(State.READY, latency_s=0.004, models=(ServedModel("gemma-3", loaded=True),))


@pytest.fixture
def cockpit(tmp_path, monkeypatch):
    """Its API, the store that it answers from, and what is configured: nothing yet."""
    monkeypatch.chdir(tmp_path)
    for name in ("LLM_MODEL_NAME", "LLM_LOCAL_ENDPOINT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    played = Servers(runtime())
    played.readings["vllm"] = READY
    configuration = DotenvConfiguration(tmp_path / ".env", ())
    with EmbeddedStore(tmp_path / "t.db", min_free_bytes=0) as store, played.monitor() as monitor, acting(tmp_path, monitor) as parts:
        wait_for(monitor.servers)
        history, controller = History(store), Controller(RuntimeSettings(), CockpitSettings(), directory=tmp_path)
        catalogue = Catalogue(parts.servers, parts.operations, controller, configuration, LastAnswered(history), models_dir=tmp_path)
        services = Services(history=history, catalogue=catalogue, active_model=ActiveModel(catalogue, history))
        with served(create_app(services, CockpitSettings())) as url:
            yield f"{url}/api/v1/models/active", store, configuration


async def test_it(cockpit):
    url, store, configuration = cockpit
    async with httpx.AsyncClient() as client:

        async def active():
            return (await client.get(url)).raise_for_status().json()

        assert await active() == {"model": None, "configured": False, "state": None, "instead": None}
        configuration.use(InUse("gemma-3", ""))
        told = await active()
        assert (told["model"]["label"], told["configured"], told["state"]) == ("Gemma 3 (vLLM @ 8001)", True, "ready")
        assert told["instead"] is None
        answer = otlp.chat("ollama", "llama3.2:1b", start_ns=1_764_000_000_123_456_789, more={"llm.route.fallback": True})
        await asyncio.wrap_future(store.write(Signal.TRACES, otlp.traces(answer)))
        instead = (await active())["instead"]
        assert instead.pop("model")["label"] == "Llama3.2 1B (Ollama @ ollama:1)"
        assert instead == {
            "fallback": True,
            "error_kind": None,
            "error_message": "",
            "request_id": otlp.request_id(answer),
            "at": "2025-11-24T16:00:01.123456Z",
        }
