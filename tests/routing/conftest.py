"""Two model servers on real sockets, one of each dialect."""

import asyncio

import pytest
from support import behaviours
from support.app import OLLAMA, OPENAI
from support.collections import quick_collections  # noqa: F401 - a fixture
from support.kernel_fixtures import (  # noqa: F401 - fixtures
    in_production,
    kernel_spans,
    play_two_vllms,
    serve_each_dialect,
    serve_two_vllms,
)
from support.unhurried import unhurried  # noqa: F401 - a fixture

from venom_otel.instrumentation.deadline import Deadline


@pytest.fixture
def servers(of_each_dialect):
    """By connector; answering well and having forgotten the past."""
    for server in of_each_dialect.values():
        server.play(behaviours.answers())
    return of_each_dialect


@pytest.fixture
def urls(servers):
    """Ollama first, vLLM second."""
    return {OLLAMA: servers[OLLAMA].url, OPENAI: servers[OPENAI].url}


@pytest.fixture
def limits_pass_when_asked(servers, monkeypatch):
    """A time limit of less than a second is over when a server that hangs has the request, and not before; longer ones never are."""
    over = []

    def asked():
        return [request for server in servers.values() for request in server.requests]

    class WhenAsked(Deadline):
        async def __aenter__(self):
            short, self._seconds = self._seconds is not None and self._seconds < 1, None
            entered = await super().__aenter__()
            self._watching = asyncio.create_task(self._watch()) if short else None
            return entered

        async def __aexit__(self, *why):
            if self._watching is not None:
                self._watching.cancel()
            await super().__aexit__(*why)

        async def _watch(self):
            while not (hanging := [each for each in asked() if each.paused.is_set() and each not in over]):  # noqa: ASYNC110 - threads
                await asyncio.sleep(0.005)
            over.extend(hanging)
            self._limit.reschedule(asyncio.get_running_loop().time())

    monkeypatch.setattr("venom_otel.routing.route.Deadline", WhenAsked)
