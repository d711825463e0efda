"""What a reader leaves is over: whatever waits there ends, nothing is listened to any more, and no mistake is logged.

Without a browser, for what is left must be under way just then; `test_many_tabs` has every page in a real one.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from nicegui import ui
from nicegui.testing import user_simulation
from support import otlp
from support.acting import acting
from support.patience import WAIT_S
from support.scripted_health import Servers, runtime
from support.tasks import asked

import venom_otel.cockpit
from venom_otel.cockpit import texts
from venom_otel.cockpit.chat_elements import ChatInput
from venom_otel.cockpit.compare.choice import CompareAddress
from venom_otel.cockpit.compare.compare_page import ComparePage
from venom_otel.cockpit.history.address import ListAddress
from venom_otel.cockpit.history.history_page import HistoryPage
from venom_otel.cockpit.home.home_page import HomePage
from venom_otel.cockpit.visit import Visit
from venom_otel.services import servers as services_servers
from venom_otel.services.history import History
from venom_otel.services.offered import Services
from venom_otel.settings import RuntimeSettings
from venom_otel.state.model import Kind, OperationState, Wanted
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from venom_otel.runtimes.model import Reading, Runtime

RETRIES = 1000
"""Looks, 0.1 s apart and less, until it is seen."""
OTLP = "http://127.0.0.1:4318"
COCKPIT = str(Path(venom_otel.cockpit.__file__).parent)


def inside(awaitable) -> Iterator[str]:
    """The files of the coroutines that wait for one another, outermost first."""
    while awaitable is not None:
        code = getattr(awaitable, "cr_code", None) or getattr(awaitable, "ag_code", None)
        if code is not None:
            yield code.co_filename
        awaitable = getattr(awaitable, "cr_await", None) or getattr(awaitable, "ag_await", None)


def of_the_page(waiting_in: str = "") -> list[asyncio.Task]:
    """The tasks that run or wait in the page's code; where a file is said, those that wait in that."""
    found = {task: list(inside(task.get_coro())) for task in asyncio.all_tasks() - {asyncio.current_task()}}
    ours = [task for task, files in found.items() if any(file.startswith(COCKPIT) for file in files)]
    return [task for task in ours if not waiting_in or any(file.endswith(waiting_in) for file in found[task])]


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(WAIT_S):
        while not condition():  # noqa: ASYNC110 - of many things, most of which tell nobody
            await asyncio.sleep(0.01)


def close(user) -> None:
    user.client.delete()


def go_elsewhere(user) -> None:
    user.navigate.to("/elsewhere")


@pytest.fixture(params=[close, go_elsewhere], ids=["closed", "elsewhere"])
def leave(request):
    return request.param


class Gated(EmbeddedStore):
    """A real store that answers once it is let; it begins open."""

    def __init__(self, *args, **options) -> None:
        super().__init__(*args, **options)
        self.gate = asyncio.Event()
        self.gate.set()

    async def requests(self, which, limit):
        await self.gate.wait()
        return await super().requests(which, limit)


@pytest.fixture
async def store(tmp_path):
    with Gated(tmp_path / "history.db", min_free_bytes=0) as opened:
        yield opened


@pytest.fixture
def parts(tmp_path):
    """A server that is ready, what it can be told, and what it is told."""
    with (
        Servers(runtime()).monitor(interval_s=3600) as monitor,
        acting(tmp_path, monitor, RuntimeSettings(vllm_stop_command="true")) as parts,
    ):
        yield parts


@contextlib.asynccontextmanager
async def shown(caplog, make, path: str = "/") -> AsyncIterator:
    """A reader at a page, which `make` makes; at the end nothing of it is at work, and nothing went wrong."""

    def page() -> None:
        router = ui.context.client.sub_pages_router
        addresses = {ListAddress: ListAddress(router), CompareAddress: CompareAddress(router)}

        async def show() -> None:
            await make(addresses).show()

        ui.sub_pages({path: show, "/elsewhere": lambda: ui.label("elsewhere")})

    async with user_simulation(page) as user:
        await user.open(path)
        await until(of_the_page)
        yield user
        await until(lambda: not of_the_page())
        assert caplog.records == []


def home(services):
    return lambda addresses: HomePage(services, OTLP, addresses[ListAddress])


class Released(Servers):
    """A look that hangs goes on once a test lets it."""

    async def _read(self, runtime: Runtime) -> Reading:
        while runtime.name in self.hanging:  # noqa: ASYNC110 - by another thread
            await asyncio.sleep(0.01)
        return await super()._read(runtime)


async def test_a_message_that_is_being_sent(leave, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(services_servers, "ANSWER_S", 0.1)
    played = Released(runtime(), runtime("ollama", "http://127.0.0.1:11434", "ollama"))
    played.hanging.add("ollama")  # so that whoever asks waits for the first look at it
    async with asked(tmp_path, watching=played.monitor(), models={"vllm": "gemma-3"}) as place:
        monkeypatch.setattr(services_servers, "ANSWER_S", WAIT_S)
        async with shown(caplog, home(Services(history=place.history, servers=place.servers, tasks=place.tasks))) as user:
            user.find(ChatInput).trigger("send", "Why is the sky blue?")
            await until(lambda: of_the_page("services/tasks/tasks.py"))
            assert not place.tasks.recent(1)
            leave(user)
            played.hanging.clear()
            await until(lambda: place.tasks.recent(1))  # what was sent is asked all the same


async def test_a_question_that_nobody_answers(leave, parts, store, caplog):
    async with shown(caplog, home(Services(history=History(store), servers=parts.servers, operations=parts.operations))) as user:
        await user.should_see(content="Vllm", retries=RETRIES)
        user.find(kind=ui.button, content="stop").click()  # its icon
        await user.should_see(kind=ui.dialog, retries=RETRIES)
        leave(user)
    assert not parts.operations.of_this_process()


async def test_an_operation_that_goes_on(leave, parts, store, caplog):
    over = asyncio.Event()

    async def work(say) -> None:
        await over.wait()

    operation = parts.operations.begin(Wanted(Kind.RESTART, "vllm", "vllm", None, "test"), work)
    async with shown(caplog, home(Services(history=History(store), servers=parts.servers, operations=parts.operations))) as user:
        await user.should_see(texts.DOING[Kind.RESTART], retries=RETRIES)
        leave(user)
    over.set()
    await until(lambda: parts.operations.get(operation.id).state is OperationState.SUCCEEDED)


async def choose(user) -> None:
    """Ask for something else on the page itself."""
    with user:
        toggle = next(iter(user.find(kind=ui.toggle).elements))
        toggle.value = next(value for value in toggle.options if value != toggle.value)


async def go_back(user) -> None:
    """Let the browser ask for something else."""
    address = f"{user.back_history[-1]}?since=7d"
    user.navigate.to(address)
    await until(lambda: user.back_history[-1] == address)


PAGES = {
    "/history": lambda history: lambda addresses: HistoryPage(history, OTLP, addresses[ListAddress]),
    "/compare": lambda history: lambda addresses: ComparePage(history, None, OTLP, addresses[CompareAddress]),
}


@pytest.mark.parametrize("ask", [choose, go_back])
@pytest.mark.parametrize("path", PAGES)
async def test_a_choice_whose_answer_takes_its_time(leave, store, caplog, path, ask):
    store.write(Signal.TRACES, otlp.traces(otlp.span({"llm.provider": "vllm", "llm.model": "one"}, start_ns=time.time_ns()))).result()
    async with shown(caplog, PAGES[path](History(store)), path) as user:
        await user.should_see(kind=ui.toggle, retries=RETRIES)
        store.gate.clear()
        await ask(user)
        await until(lambda: of_the_page(Path(__file__).name))  # at the gate
        leave(user)
        await until(lambda: not of_the_page())
        store.gate.set()


async def test_nothing_begins_after_a_visit():
    done = []

    async def do() -> None:
        done.append(True)

    with Visit() as visit:
        await visit.within(do)()
    await visit.within(do)()
    visit.begin(do(), "too late")
    await asyncio.sleep(0)
    assert done == [True]
