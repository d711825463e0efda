"""Time limits within one another: what is told of a cancellation is what comes out in the end."""

import asyncio

import pytest

from venom_otel.instrumentation.deadline import Deadline, passed


@pytest.mark.parametrize(
    ("outer_s", "inner_s", "words"),
    [(0, 60, "outer"), (60, 0, "inner"), (0, 0, "outer"), (None, 0, "inner"), (0, None, "outer")],
)
async def test_what_is_told_is_what_is_raised(outer_s, inner_s, words):
    told = []

    async def work():
        async with Deadline(outer_s, lambda: TimeoutError("outer")), Deadline(inner_s, lambda: TimeoutError("inner")):
            try:
                await asyncio.Event().wait()
            finally:
                told.append(passed())

    with pytest.raises(TimeoutError, match=words) as raised:
        await work()
    assert told == [raised.value]
    assert passed() is None


async def test_another_cancellation_is_none_of_theirs():
    told = []

    async def work():
        async with Deadline(60, TimeoutError), Deadline(None, TimeoutError):
            try:
                await asyncio.Event().wait()
            finally:
                told.append(passed())

    task = asyncio.create_task(work())
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert told == [None]
