"""The models over real parts: folders on disk, a `.env`, and a stand-in for vLLM that is started by its command."""

from __future__ import annotations

import contextlib
import functools
import json
import shlex
import struct
import sys
from pathlib import Path

import pytest
from dotenv import dotenv_values
from support.acting import Place

from venom_otel.cli.dotenv_file import DotenvConfiguration
from venom_otel.control import Controller
from venom_otel.health import Monitor
from venom_otel.runtimes.finding import find
from venom_otel.runtimes.reading import read
from venom_otel.services.active_model import LastAnswered
from venom_otel.services.catalogue import Catalogue
from venom_otel.services.history import History
from venom_otel.services.model_actions import own_model
from venom_otel.services.operations import Operations
from venom_otel.services.servers import LlmServers
from venom_otel.settings import CockpitSettings, RuntimeSettings
from venom_otel.state.store import State
from venom_otel.store.embedded import EmbeddedStore

STANDIN = Path(__file__).parents[2] / "support" / "standin_vllm.py"
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

        def make(env: str = "", *, models_dir: str = "models", **settings: str) -> World:
            (tmp_path / ".env").write_text(env)
            for name, value in dotenv_values(tmp_path / ".env").items():
                monkeypatch.setenv(name, value)
            return World(tmp_path, stack, models_dir, **settings)

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
