"""Adapters of other packages may fail in any way; what then becomes of a reading."""

from __future__ import annotations

import asyncio

import pytest
from runtimes.conftest import runtime
from support.replay import ReplayServer

from venom_otel.runtimes import reading as readings
from venom_otel.runtimes.model import Reason, State
from venom_otel.runtimes.reading import read

KEY = "Zx9-planted.KEY~42"


class Broken:
    """An adapter with a mistake."""

    async def read(self, client, runtime):
        await client.ask("/")
        raise LookupError(KEY)


class Endless(Broken):
    """An adapter that keeps to no deadline."""

    async def read(self, client, runtime):
        await asyncio.Event().wait()


class Wordless(Broken):
    """An adapter that forgets what it is asked for."""

    async def read(self, client, runtime):
        return None


@pytest.mark.parametrize(("made", "why"), [(Broken, "LookupError"), (Endless, "TimeoutError"), (Wordless, "TypeError")])
def test_an_adapter_that_fails(monkeypatch, caplog, made, why):
    monkeypatch.setattr(readings, "adapter", lambda _: made())
    with ReplayServer({}) as server:
        reading = asyncio.run(read(runtime("ours", server.url), deadline_s=0.3))
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.INTERNAL)
    assert f"the adapter of ours failed ({why})" in reading.cause
    assert KEY not in repr(reading) + caplog.text
