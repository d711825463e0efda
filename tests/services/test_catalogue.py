"""The models over real parts: folders on disk, a `.env`, a stand-in for vLLM that is started by its command, and a real Ollama."""

from __future__ import annotations

import contextlib
import functools
import json
import shlex
import shutil
import struct
import sys
import time
from pathlib import Path
from typing import ClassVar

import httpx
import pytest
from dotenv import dotenv_values
from support.acting import Place
from support.chat_server import ClosedPort
from support.ollama_server import OllamaServer
from support.otlp import chat, traces
from support.replay import Page, ReplayServer, changed
from support.servers import GENERIC, LLAMA_SERVER, OLLAMA, VLLM

from tools import tiny_model
from venom_otel.cli.dotenv_file import DotenvConfiguration
from venom_otel.control import Action, Controller
from venom_otel.errors import ActionError, BusyError, ConflictError, UnknownError, UnsupportedError
from venom_otel.health import Monitor
from venom_otel.runtimes import registry
from venom_otel.runtimes.compatible import CompatibleAdapter
from venom_otel.runtimes.finding import find
from venom_otel.runtimes.protocol import Ability, Progress
from venom_otel.runtimes.reading import read
from venom_otel.services.active_model import LastAnswered
from venom_otel.services.catalogue import Catalogue
from venom_otel.services.history import History
from venom_otel.services.model_actions import own_model
from venom_otel.services.operations import Operations
from venom_otel.services.servers import LlmServers
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.state.model import Kind
from venom_otel.state.store import State
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

STANDIN = Path(__file__).parents[1] / "support" / "standin_vllm.py"
WEIGHTS = json.dumps({"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}).encode()


class World:
    """One of everything, in a folder."""

    def __init__(self, folder: Path, stack: contextlib.AsyncExitStack, models_dir: str, **settings: str) -> None:
        self.folder = folder
        self.env = folder / ".env"
        runtimes = RuntimeSettings(llm_models_dir=models_dir, **settings)
        controller = Controller(runtimes, CockpitSettings(action_timeout_s=60), directory=folder, grace_s=2)
        self.store = stack.enter_context(EmbeddedStore(folder / "t.db", min_free_bytes=0))
        self.monitor = stack.enter_context(
            Monitor(functools.partial(find, runtimes), interval_s=3600, read=controller.watching(functools.partial(read, deadline_s=10)))
        )
        self.operations = Operations(stack.enter_context(State(folder / "state.sqlite3")))
        stack.push_async_callback(self.operations.close)
        self.configuration = DotenvConfiguration(self.env, dotenv_values(self.env))
        self.servers = LlmServers(self.monitor, controller, self.operations, functools.partial(own_model, self.configuration, ""))
        self.catalogue = Catalogue(
            self.servers,
            self.operations,
            controller,
            self.configuration,
            LastAnswered(History(self.store)),
            models_dir=runtimes.llm_models_dir,
        )

    async def listed(self, provider):
        """Its part of what is known."""
        return next(each for each in (await self.catalogue.now(0)).providers if each.provider == provider)

    async def ended(self, operation):
        """What it said, and the operation at its end."""
        events = [event async for event in self.operations.follow(operation.id)]
        return [event.progress for event in events[:-1]], events[-1].operation

    @property
    def model(self):
        """What the file says."""
        return dotenv_values(self.env).get("LLM_MODEL_NAME")


@pytest.fixture
def place(tmp_path):
    """The port and the folder of a stand-in for vLLM."""
    with Place(tmp_path) as kept:
        yield kept


@pytest.fixture
async def world(tmp_path, monkeypatch):
    """A function that makes the world with settings; commands and files are below the test's folder, which is the working directory."""
    monkeypatch.chdir(tmp_path)
    for name in ("LLM_MODEL_NAME", "LLM_LOCAL_ENDPOINT"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    async with contextlib.AsyncExitStack() as stack:

        def make(env: str = "", **settings: str) -> World:
            (tmp_path / ".env").write_text(env)
            for name, value in dotenv_values(tmp_path / ".env").items():
                monkeypatch.setenv(name, value)
            return World(tmp_path, stack, "models", **settings)

        yield make


def folder(name, **config):
    """A small model below `models`."""
    path = Path("models", name)
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "max_position_embeddings": 2048, **config}))
    (path / "model.safetensors").write_bytes(struct.pack("<Q", len(WEIGHTS)) + WEIGHTS + b"\0\0\0\0")
    return path


def standin(place, *options):
    return shlex.join([sys.executable, str(STANDIN), "--port", str(place.port), *options])


def by_name(provider):
    return {model.name: model for model in provider.models}


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
    here = world(vllm_endpoint="http://127.0.0.1:9/v1")
    assert (await here.catalogue.now()).no_folders == "there is no directory models: LLM_MODELS_DIR says where models lie in folders"
    (tmp_path / "models").mkdir()
    assert (await here.catalogue.now()).no_folders is None


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
        here.store.write(Signal.TRACES, traces(span)).result(10)
        answered = (await here.catalogue.now(0)).answered
        label = f"Gemma3 Tiny (Ollama @ {ollama.port})"
    assert (answered.model, answered.provider, answered.server, answered.status) == ("gemma3:tiny", "ollama", "ollama", "online")
    assert answered.label == label


async def test_vllm_is_started_with_a_folder_and_then_with_another(world, place):
    folder("one")
    folder("two")
    here = world("# mine\nA=1\n", vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    said, ended = await here.ended(await here.catalogue.activate("vllm", "One", "token"))
    assert (ended.state, ended.error) == ("succeeded", None)
    assert (ended.wanted.model, ended.wanted.server, ended.wanted.by) == ("models/one", "vllm", "token")
    assert said[0].words == "LLM_MODEL_NAME is models/one"
    assert here.env.read_text() == "# mine\nA=1\nLLM_MODEL_NAME='models/one'\n"
    served = by_name(await here.listed("vllm"))["models/one"]
    assert (served.server, served.configured, served.loaded) == ("vllm", True, True)

    _, ended = await here.ended(await here.catalogue.activate("vllm", "models/two", "token"))
    assert (ended.state, ended.error) == ("succeeded", None)
    models = by_name(await here.listed("vllm"))
    assert (models["models/two"].server, models["models/one"].server) == ("vllm", None)
    assert (await here.catalogue.now()).configured.model == here.model == "models/two"
    assert [entry.outcome for entry in here.operations.audit(None, 10).items] == ["succeeded", "begun"] * 2


async def test_what_cannot_be_loaded_is_put_back(world, place):
    folder("good")
    folder("broken")
    here = world("LLM_MODEL_NAME=old\n", vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    await here.ended(await here.catalogue.activate("vllm", "good", "token"))
    _, ended = await here.ended(await here.catalogue.activate("vllm", "broken", "token"))
    assert ended.state == "failed"
    assert "ValueError: cannot load 'models/broken'" in ended.error
    assert ended.error.endswith("LLM_MODEL_NAME is models/good again. vLLM serves models/good again.")
    assert here.model == here.configuration.in_use.model == "models/good"
    assert by_name(await here.listed("vllm"))["models/good"].loaded


async def test_nothing_ran_before_and_nothing_runs_after(world, place):
    folder("broken")
    here = world("LLM_MODEL_NAME=gemma3:4b\n", vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    _, ended = await here.ended(await here.catalogue.activate("vllm", "broken", "token"))
    assert ended.error.endswith("\nLLM_MODEL_NAME is gemma3:4b again.")
    assert here.model == "gemma3:4b"
    assert place.processes() == []


async def test_a_start_command_that_serves_what_it_likes(world, place):
    folder("one")
    here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place, "--serve", "always-this"))
    _, ended = await here.ended(await here.catalogue.activate("vllm", "one", "token"))
    assert "vLLM is up again and serves always-this, not models/one: its start command must hand LLM_MODEL_NAME on" in ended.error
    assert ended.error.endswith("LLM_MODEL_NAME is not set, as before.")
    assert here.model is None


async def test_what_is_served_already_is_only_kept(world, place):
    folder("one")
    here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    await here.ended(await here.catalogue.activate("vllm", "one", "token"))
    (process,) = place.processes()
    here.env.write_text("LLM_MODEL_NAME=edited\n")
    said, ended = await here.ended(await here.catalogue.activate("vllm", "one", "token"))
    assert ([step.words for step in said], ended.state) == (["LLM_MODEL_NAME is models/one"], "succeeded")
    assert here.model == "models/one"
    assert place.processes() == [process]


async def test_the_applications_endpoint_goes_along_where_it_is_set(world):
    with ReplayServer(OLLAMA) as ollama, ReplayServer(LLAMA_SERVER) as llama:
        env = f"LLM_MODEL_NAME=gemma3:tiny\nLLM_LOCAL_ENDPOINT={ollama.url}/v1/\n"
        here = world(env, llamacpp_endpoint=llama.url, ollama_endpoint=ollama.url, llm_local_endpoint=f"{ollama.url}/v1/")
        said, ended = await here.ended(await here.catalogue.activate("llamacpp", "Gemma 3", "page"))
        assert ended.error is None
        assert said[-1].words == f"LLM_MODEL_NAME is gemma-3, LLM_LOCAL_ENDPOINT is {llama.url}/v1"
        assert dotenv_values(here.env)["LLM_LOCAL_ENDPOINT"] == f"{llama.url}/v1"
        listing = await here.catalogue.now()
    assert (listing.configured.server, listing.configured.model) == ("llamacpp", "gemma-3")


async def test_the_environment_overrules_the_file(world, monkeypatch):
    with ReplayServer(LLAMA_SERVER) as llama:
        monkeypatch.setenv("LLM_MODEL_NAME", "from-the-shell")
        here = world(llamacpp_endpoint=llama.url)
        with pytest.raises(ConflictError, match="LLM_MODEL_NAME is set in the environment"):
            await here.catalogue.activate("llamacpp", "gemma-3", "token")
    (entry,) = here.operations.audit(None, 10).items
    assert (entry.outcome, entry.wanted.kind, entry.wanted.model) == ("refused", "activate", "gemma-3")


async def test_only_what_is_in_the_catalogue(world):
    folder("google/gemma-3-4b-it")
    folder("unsloth/gemma-3-4b-it")
    with ReplayServer(OLLAMA) as ollama:
        here = world(ollama_endpoint=f"{ollama.url},second={ollama.url}/", vllm_endpoint="http://127.0.0.1:9")
        catalogue = here.catalogue
        with pytest.raises(UnknownError, match="there is no provider 'sglang': it is one of vllm, ollama, llamacpp, openai"):
            await catalogue.activate("sglang", "x", "token")
        with pytest.raises(UnknownError, match=r"there is no model '/etc/passwd' of vLLM. It has: models/google/gemma-3-4b-it, models/uns"):
            await catalogue.activate("vllm", "/etc/passwd", "token")
        with pytest.raises(ConflictError, match=r"'Gemma 3 4b it' may be any of models/google/.*, models/unsloth/.*: say its name"):
            await catalogue.activate("vllm", "Gemma 3 4b it", "token")
        with pytest.raises(UnknownError, match="there is no server 'third' of Ollama"):
            await catalogue.activate("ollama", "gemma3:tiny", "token", "third")
        with pytest.raises(UnsupportedError, match=r"models/google/gemma-3-4b-it cannot be activated: .*set VLLM_START_COMMAND"):
            await catalogue.activate("vllm", "google/gemma-3-4b-it", "token")
        with pytest.raises(UnsupportedError, match="hf download google/gemma-3 --local-dir models/gemma-3"):
            await catalogue.install("vllm", "google/gemma-3", "token")
        with pytest.raises(UnsupportedError, match="is no name of a model"):
            await catalogue.install("ollama", "-x y", "token", "ollama")
        with pytest.raises(UnsupportedError, match="cannot be removed: venom-otel deletes no folders"):
            await catalogue.remove("vllm", "google/gemma-3-4b-it", "token")


async def test_a_folder_that_is_not_whole(world, place):
    path = folder("half")
    (path / "model.safetensors").unlink()
    here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place))
    with pytest.raises(UnsupportedError, match="models/half cannot be activated: there are no weights in it"):
        await here.catalogue.activate("vllm", "half", "token")


async def test_one_folder_on_several_servers(world, place):
    folder("one")
    folder("two")
    (place.folder / "second").mkdir()
    with Place(place.folder / "second") as second:
        here = world(vllm_endpoint=f"{place.url}/v1,big={second.url}", vllm_start_command=standin(place))
        _, ended = await here.ended(await here.catalogue.activate("vllm", "one", "token"))  # the only one that can be started
        assert (ended.wanted.server, ended.error) == ("vllm", None)
        with pytest.raises(UnsupportedError, match=r"models/one cannot be activated: .*set BIG_START_COMMAND"):
            await here.catalogue.activate("vllm", "one", "token", "big")
        with pytest.raises(UnknownError, match=r"there is no model 'three' of vLLM\. It has: models/two, models/one."):
            await here.catalogue.activate("vllm", "three", "token", "big")


async def test_one_activation_at_a_time(world, place):
    folder("one")
    with ReplayServer(LLAMA_SERVER) as llama:
        here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place), llamacpp_endpoint=llama.url)
        first = await here.catalogue.activate("vllm", "one", "token")
        with pytest.raises(BusyError, match="models/one is being activated") as busy:
            await here.catalogue.activate("llamacpp", "gemma-3", "token")
        assert busy.value.operation_id == first.id
        with pytest.raises(BusyError):
            await here.catalogue.activate("vllm", "one", "token")
        _, ended = await here.ended(first)
        assert ended.state == "succeeded"
        _, ended = await here.ended(await here.catalogue.activate("llamacpp", "gemma-3", "token"))
    assert here.model == "gemma-3"


async def test_a_server_that_is_restarted_keeps_its_model_while_another_one_is_configured(world, place):
    folder("one")
    with ReplayServer(LLAMA_SERVER) as llama:
        here = world(vllm_endpoint=f"{place.url}/v1", vllm_start_command=standin(place), llamacpp_endpoint=llama.url)
        await here.ended(await here.catalogue.activate("vllm", "one", "token"))
        await here.ended(await here.catalogue.activate("llamacpp", "gemma-3", "token"))
        (before,) = place.processes()
        _, ended = await here.ended(await here.servers.act("vllm", Action.RESTART, "token"))
        assert (ended.state, ended.error) == ("succeeded", None)
        assert place.processes() != [before]
        assert by_name(await here.listed("vllm"))["models/one"].loaded
        assert here.model == "gemma-3"


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


@pytest.mark.ollama
async def test_a_real_ollama(world, tmp_path, ollama_program):
    with OllamaServer(tmp_path / "ollama") as ollama:
        here = world("LLM_MODEL_NAME=old\n", ollama_endpoint=ollama.url)

        def in_memory():
            return [model["name"] for model in httpx.get(f"{ollama.url}/api/ps").json()["models"]]

        assert in_memory() == []
        said, ended = await here.ended(await here.catalogue.activate("ollama", "Gemma3 Tiny", "token"))
        assert (ended.error, [step.words for step in said]) == (None, ["Ollama loads gemma3:tiny", "LLM_MODEL_NAME is gemma3:tiny"])
        assert in_memory() == ["gemma3:tiny"]
        assert here.model == "gemma3:tiny"
        model = by_name(await here.listed("ollama"))["gemma3:tiny"]
        assert (model.configured, model.loaded, model.parameters) == (True, True, "459K")

        with pytest.raises(ConflictError, match="it is the configured model: activate another one first"):
            await here.catalogue.remove("ollama", "gemma3:tiny", "token")
        said, ended = await here.ended(await here.catalogue.install("ollama", "http://127.0.0.1:9/library/none:latest", "token"))
        assert (ended.state, "connection refused" in ended.error) == ("failed", True)
        _, ended = await here.ended(await here.catalogue.remove("ollama", "gemma3:tiny", "token", force=True))
        assert ended.error is None
        deadline = time.monotonic() + 10
        while (await here.listed("ollama")).models:  # it leaves the memory a moment later
            assert time.monotonic() < deadline


@pytest.mark.ollama
async def test_a_model_that_ollama_cannot_load_leaves_everything_as_it_was(world, tmp_path, ollama_program):
    with OllamaServer(tmp_path / "ollama") as ollama:
        here = world("LLM_MODEL_NAME=old\n", ollama_endpoint=ollama.url)
        assert by_name(await here.listed("ollama"))
        for blob in (tmp_path / "ollama/models/blobs").iterdir():
            if blob.stat().st_size > 100_000:
                blob.write_bytes(b"0" * 1000)
        _, ended = await here.ended(await here.catalogue.activate("ollama", "gemma3:tiny", "token"))
    assert ended.state == "failed"
    assert ended.error.startswith("Ollama does not load gemma3:tiny: 500: ")
    assert here.model == "old"
