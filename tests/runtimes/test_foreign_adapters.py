"""Adapters of other packages may fail in any way; what then becomes of a reading."""

from __future__ import annotations

import asyncio
import time

import pytest
from runtimes.conftest import runtime
from support.replay import ReplayServer

from venom_otel.runtimes import reading as readings
from venom_otel.runtimes.model import Reading, Reason, State
from venom_otel.runtimes.reading import read

KEY = "Zx9-planted.KEY~42"
STARTING = Reading(State.STARTING, Reason.LOADING, "it is seen")


class Broken:
    """An adapter with a mistake."""

    async def read(self, client, runtime):
        await client.ask("/")
        raise LookupError(KEY)


class Endless(Broken):
    """An adapter that keeps to no deadline."""

    async def read(self, client, runtime):
        await asyncio.Event().wait()


class Halted(Broken):
    """An adapter on a machine that stands still until all of its time is over."""

    async def read(self, client, runtime):
        time.sleep(1.0)  # noqa: ASYNC251 - the loop stands still, too
        await asyncio.sleep(0.01)
        return STARTING


class Wordless(Broken):
    """An adapter that forgets what it is asked for."""

    async def read(self, client, runtime):
        return None


@pytest.mark.parametrize(("made", "why"), [(Broken, "LookupError"), (Endless, "TimeoutError"), (Wordless, "TypeError")])
def test_an_adapter_that_fails(monkeypatch, caplog, made, why):
    monkeypatch.setattr(readings, "GRACE_S", 0.1)
    monkeypatch.setattr(readings, "adapter", lambda _: made())
    with ReplayServer({}) as server:
        reading = asyncio.run(read(runtime("ours", server.url), deadline_s=0.3))
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.INTERNAL)
    assert f"the adapter of ours failed ({why})" in reading.cause
    assert KEY not in repr(reading) + caplog.text


def test_an_adapter_is_not_to_blame_for_a_machine_that_stands_still(monkeypatch):
    monkeypatch.setattr(readings, "GRACE_S", 0.5)
    monkeypatch.setattr(readings, "adapter", lambda _: Halted())
    assert asyncio.run(read(runtime("ours", "http://127.0.0.1:9"), deadline_s=0.3)) is STARTING
