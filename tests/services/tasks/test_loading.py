"""Semantic Kernel is imported with the first task: what if that fails, or the program ends meanwhile."""

import asyncio
import threading
from types import SimpleNamespace

import pytest
from support.patience import WAIT_S
from support.tasks import asked

from venom_otel.instrumentation.semantic_kernel import hooks
from venom_otel.services.tasks import kernel
from venom_otel.services.tasks.availability import MonitorAvailability
from venom_otel.services.tasks.kernel import KernelAnswers
from venom_otel.services.tasks.model import Options, TaskStatus


@pytest.mark.parametrize(
    "error", [ImportError("half of it is there"), RuntimeError("out of memory")], ids=lambda error: type(error).__name__
)
async def test_what_could_not_be_loaded_is_tried_again(tmp_path, endpoints, monkeypatch, error):
    load = kernel._import
    failing = [error]

    def fails_once():
        if failing:
            raise failing.pop()
        load()

    monkeypatch.setattr(kernel, "_import", fails_once)
    async with asked(tmp_path, **endpoints) as place:
        assert (await place.end_of(await place.ask())).status is TaskStatus.FAILED
        assert (await place.end_of(await place.ask())).status is TaskStatus.COMPLETED


async def test_what_is_closed_while_it_loads_records_nothing_later(monkeypatch, capture):
    loop, begun, go_on = asyncio.get_running_loop(), asyncio.Event(), threading.Event()

    def slow():
        loop.call_soon_threadsafe(begun.set)
        assert go_on.wait(WAIT_S)

    monkeypatch.setattr(kernel, "_import", slow)
    answers = KernelAnswers(SimpleNamespace(**capture.telemetry), MonitorAvailability(list), stall_s=1)
    waiting = asyncio.ensure_future(anext(answers.answer([], [], Options())))
    try:
        async with asyncio.timeout(WAIT_S):
            await begun.wait()
            await answers.close()
            await asyncio.wait({waiting})
        assert waiting.cancelled()
    finally:
        go_on.set()
    assert not [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
    assert not hooks.scopes.any()


async def test_it_is_loaded_before_the_first_question_where_somebody_is_about_to_ask(tmp_path, endpoints, monkeypatch):
    load, loop, loaded = kernel._import, asyncio.get_running_loop(), asyncio.Event()
    times = []

    def counted():
        load()
        times.append(1)
        loop.call_soon_threadsafe(loaded.set)

    monkeypatch.setattr(kernel, "_import", counted)
    async with asked(tmp_path, **endpoints) as place:
        place.tasks.prepare()
        place.tasks.prepare()
        async with asyncio.timeout(WAIT_S):
            await loaded.wait()
        assert (await place.end_of(await place.ask())).status is TaskStatus.COMPLETED
    assert times == [1]


async def test_what_could_not_be_prepared_is_said_by_nobody_and_tried_again(tmp_path, endpoints, monkeypatch):
    load, failing = kernel._import, [RuntimeError("out of memory")]

    def fails_once():
        if failing:
            raise failing.pop()
        load()

    monkeypatch.setattr(kernel, "_import", fails_once)
    async with asked(tmp_path, **endpoints) as place:
        place.tasks.prepare()
        await asyncio.wait({place.tasks._answering._loading}, timeout=WAIT_S)
        assert (await place.end_of(await place.ask())).status is TaskStatus.COMPLETED
