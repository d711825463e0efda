"""Which models there are, whose each is, which is in use, and what can be done with it."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import ClassVar

import pytest
from services.catalogue.conftest import by_name, folder
from support.chat_server import ClosedPort
from support.otlp import chat, traces
from support.patience import WAIT_S
from support.replay import Page, ReplayServer, changed
from support.servers import GENERIC, LLAMA_SERVER, OLLAMA, VLLM

from tools import tiny_model
from venom_otel.errors import ActionError, UnsupportedError
from venom_otel.runtimes import registry
from venom_otel.runtimes.compatible import CompatibleAdapter
from venom_otel.runtimes.protocol import Ability, Progress
from venom_otel.state.model import Kind
from venom_otel.store.protocol import Signal


async def test_folders_without_a_server(world):
    make = world
    shutil.copytree(tiny_model.build() / "tiny-hf", "models/tiny-hf")
    folder("google/gemma-3-4b-it")
    here = make(vllm_endpoint=f"{(closed := ClosedPort()).url}/v1")
    vllm = by_name(await here.listed("vllm"))
    closed.close()
    assert list(vllm) == ["models/google/gemma-3-4b-it", "models/tiny-hf"]
    tiny = vllm["models/tiny-hf"]
    assert (tiny.friendly_name, tiny.label) == ("Tiny Hf", f"Tiny Hf (vLLM @ {closed.port})")
    assert (tiny.parameters, tiny.parameters_from, tiny.context_tokens, tiny.loaded) == ("459K", "headers", 1024, False)
    assert tiny.folder.architecture == "LlamaForCausalLM"
    assert "set VLLM_START_COMMAND" in tiny.unsupported[Kind.ACTIVATE]
    assert tiny.unsupported[Kind.REMOVE].endswith("do so yourself: rm -r models/tiny-hf")


async def test_who_asks_for_what_is_known_has_no_server_asked(world):
    """So any number of pages may do so as often as they like."""
    with ReplayServer(OLLAMA) as ollama:
        here = world(ollama_endpoint=ollama.url)
        await here.catalogue.now()
        asked = len(ollama.paths)
        for _ in range(20):
            assert (await here.catalogue.now()).providers[1].models
        assert len(ollama.paths) == asked > 0


async def test_there_is_no_directory_of_folders(world, tmp_path):
    here = world(models_dir="elsewhere", vllm_endpoint="http://127.0.0.1:9/v1")
    assert (await here.catalogue.now()).no_folders == "there is no directory elsewhere: LLM_MODELS_DIR says where models lie in folders"
    (tmp_path / "elsewhere").mkdir()
    assert (await here.catalogue.now()).no_folders is None


async def test_the_usual_directory_need_not_be_there(world):
    assert (await world(vllm_endpoint="http://127.0.0.1:9/v1").catalogue.now()).no_folders is None


async def test_a_model_that_two_servers_have_is_in_use_at_one(world):
    """The list and what is said to be configured agree on which."""
    same = changed(OLLAMA, lambda page: Page(page.status, page.headers, page.body.replace(b"gemma3:tiny", b"gemma-3")))
    with ReplayServer(same) as ollama, ReplayServer(VLLM) as vllm:
        here = world("LLM_MODEL_NAME=gemma-3\n", ollama_endpoint=ollama.url, vllm_endpoint=vllm.url)
        listing = await here.catalogue.now(0)
    marked = [model.server for provider in listing.providers for model in provider.models if model.configured]
    assert marked == [listing.configured.server]


@pytest.mark.parametrize("name", ["models/one", "./models/one/", "one"])
@pytest.mark.parametrize("endpoint", ["", "http://127.0.0.1:9/v1"])
async def test_a_folder_is_configured_that_nobody_serves_now(world, name, endpoint):
    folder("one")
    here = world(f"LLM_MODEL_NAME={name}\nLLM_LOCAL_ENDPOINT={endpoint}\n", vllm_endpoint="http://127.0.0.1:9/v1")
    listing = await here.catalogue.now(0)
    (model,) = listing.providers[0].models
    assert (model.name, model.configured) == ("models/one", True)
    configured = listing.configured
    assert (configured.model, configured.label, configured.server, configured.status) == (name, "One (vLLM @ 9)", "vllm", "offline")


async def test_every_provider_is_there_and_says_what_cannot_be_done(world):
    here = world(vllm_endpoint="http://127.0.0.1:9")
    listing = await here.catalogue.now(0)
    assert [each.provider for each in listing.providers] == ["vllm", "ollama", "llamacpp", "openai"]
    assert (listing.configured, listing.answered) == (None, None)
    words = {each.provider: each.unsupported[Kind.INSTALL] for each in listing.providers}
    assert "hf download ORG/NAME --local-dir models/NAME" in words["vllm"]
    assert "no Ollama is known" in words["ollama"]
    assert "LLAMACPP_START_COMMAND" in words["llamacpp"]
    assert words["openai"] == "OpenAI fetches no models on request: it has those that it offers"


async def test_what_a_server_serves_from_a_folder_is_one_model(world):
    folder("tiny-hf")
    folder("other")
    with ReplayServer(LLAMA_SERVER) as llama, ReplayServer(OLLAMA) as ollama, ReplayServer(VLLM) as vllm:
        here = world("LLM_MODEL_NAME=gemma-3\n", vllm_endpoint=f"{vllm.url}/v1", llamacpp_endpoint=llama.url, ollama_endpoint=ollama.url)
        listing = await here.catalogue.now(0)
        label = f"Gemma 3 (vLLM @ {vllm.port})"
    models = {each.provider: by_name(each) for each in listing.providers}
    served = models["vllm"]["gemma-3"]
    assert (served.server, served.loaded, served.configured) == ("vllm", True, True)
    assert (served.aliases, served.folder.path) == (("models/tiny-hf", "tiny-hf"), Path("models/tiny-hf"))  # its root is ./model/tiny-hf
    assert served.context_tokens == 256  # the server's word wins over the folder's
    assert list(models["vllm"]) == ["gemma-3", "models/other"]
    assert models["ollama"]["gemma3:tiny"].parameters_from == "server"
    assert models["llamacpp"]["gemma-3"].unsupported.keys() == {Kind.REMOVE}
    assert (listing.configured.server, listing.configured.status) == ("vllm", "online")
    assert listing.configured.label == label


async def test_the_model_that_answered_last(world):
    with ReplayServer(OLLAMA) as ollama:
        here = world(ollama_endpoint=ollama.url)
        span = chat("ollama", "gemma3:tiny", more={"llm.endpoint": f"{ollama.url}/v1"})
        here.store.write(Signal.TRACES, traces(span)).result(WAIT_S)
        answered = (await here.catalogue.now(0)).answered
        label = f"Gemma3 Tiny (Ollama @ {ollama.port})"
    assert (answered.model, answered.provider, answered.server, answered.status) == ("gemma3:tiny", "ollama", "ollama", "online")
    assert answered.label == label


class Keeper(CompatibleAdapter):
    """An adapter of another package, whose servers load models and get others."""

    abilities = frozenset({Ability.LOAD, Ability.INSTALL})
    value = "my_package:Keeper"
    name = "my-server"
    told: ClassVar[list[tuple[str, str]]] = []

    def load(self, runtime=None, model=""):
        """As an entry point it gives an adapter; as an adapter it loads a model."""
        if runtime is None:
            return lambda: Keeper("my-server")
        return self._load(runtime, model)

    async def _load(self, runtime, model):
        self.told.append((runtime.name, model))

    async def install(self, runtime, model):
        yield Progress("half of it", 1, 2)
        raise ActionError(f"{runtime.label} has no room for {model}")

    async def remove(self, runtime, model):
        raise AssertionError("nobody may ask for this")


async def test_models_of_a_runtime_of_another_package(world, monkeypatch):
    monkeypatch.setattr(registry, "entry_points", lambda group: [Keeper("point")])
    registry.adapters.cache_clear()
    try:
        with ReplayServer(GENERIC) as server:
            monkeypatch.setenv("MY_SERVER_ENDPOINT", f"{server.url}/v1")
            here = world(vllm_endpoint="http://127.0.0.1:9")
            said, ended = await here.ended(await here.catalogue.activate("my-server", "M", "token"))
            assert ([step.words for step in said], ended.error) == (["my-server loads m", "LLM_MODEL_NAME is m"], None)
            assert (Keeper.told, here.model) == ([("my-server", "m")], "m")
            said, ended = await here.ended(await here.catalogue.install("my-server", "other", "token"))
            assert (said, ended.error) == ([Progress("half of it", 1, 2)], "my-server has no room for other")
            with pytest.raises(UnsupportedError, match="my-server cannot be told to delete models"):
                await here.catalogue.remove("my-server", "m", "token")
    finally:
        registry.adapters.cache_clear()
