"""`uninstrument` puts back the very objects that were there, on classes, clients and `logging`, and on nothing else."""

import asyncio
import contextlib
import logging
import threading

import httpx
import httpx2
import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from support import behaviours
from support.app import OLLAMA, OPENAI, flushed, history, service_for, settings_for
from support.custom import Parrot
from support.patience import WAIT_S

import venom_otel
from venom_otel.testing import Capture


def classes():
    found, pending = [Kernel, ChatCompletionClientBase, logging.Logger, httpx.AsyncClient, httpx2.AsyncClient], [ChatCompletionClientBase]
    found += [httpx.AsyncHTTPTransport, httpx2.AsyncHTTPTransport]
    while pending:
        below = pending.pop().__subclasses__()
        found += below
        pending += below
    return found


STATE = {"prompt_tokens", "completion_tokens", "total_tokens", "_state"}
"""What the services and their clients change themselves as they are used."""


def everything(*services):
    """Each attribute of whatever instrumenting might touch: the objects themselves, to be compared by identity."""
    found = {(thing, name): value for thing in classes() for name, value in vars(thing).items()}
    for service in services:
        client = service.client._client
        for thing in (service, service.client, client, client._transport):
            found[f"{id(thing):x}", "__class__"] = type(thing)
            found |= {(f"{id(thing):x}", name): value for name, value in vars(thing).items() if name not in STATE}
    found["logging", "factory"] = logging.getLogRecordFactory()
    found |= {("logging", number): handler for number, handler in enumerate(logging.getLogger().handlers)}
    return found


def differences(before, after):
    """The attributes that are not the same objects."""
    missing = object()
    return [key for key in {**before, **after} if before.get(key, missing) is not after.get(key, missing)]


@contextlib.asynccontextmanager
async def both(servers):
    async with (
        service_for(OPENAI, servers[OPENAI].url, model="m", service_id="a") as first,
        service_for(OLLAMA, servers[OLLAMA].url, model="m", service_id="b") as second,
    ):
        servers[OPENAI].play(behaviours.answers())
        servers[OLLAMA].play(behaviours.answers())
        yield [first, second]


async def use(services):
    for connector, service in zip((OPENAI, OLLAMA), services, strict=True):
        await service.get_chat_message_contents(history(), settings_for(connector))
        async for _ in service.get_streaming_chat_message_contents(history(), settings_for(connector)):
            pass


@pytest.mark.parametrize("whole", [False, True], ids=["a kernel", "everything"])
async def test_everything_is_as_it_was(whole, servers, capture):
    async with both(servers) as services:
        await use(services)
        before = everything(*services)
        for _ in range(2):
            with venom_otel.instrument(None if whole else Kernel(services=services), **capture.telemetry):
                await use(services)
                assert differences(before, everything(*services)) != []
            assert differences(before, everything(*services)) == []
        await use(services)
        assert len([span for span in capture.spans() if span.name.startswith("chat")]) == 8


async def test_a_client_used_by_nobody_else_but_the_service_is_the_only_one_touched(servers, capture):
    async with both(servers) as services, httpx.AsyncClient(verify=False) as own, httpx2.AsyncClient(verify=False) as own2:
        with venom_otel.instrument(Kernel(services=services), **capture.telemetry) as handle:
            await use(services)
            await flushed(handle)
            seen = len(capture.spans())
            mine = [dict(vars(thing)) for thing in (own, own._transport, own2, own2._transport)]
            for client in (own, own2):
                assert (await client.get(f"{servers[OLLAMA].url}/api/version")).status_code == 200
            assert [vars(thing) for thing in (own, own._transport, own2, own2._transport)] == mine
            assert len(capture.spans()) == seen, "the application's own requests make no spans of ours"


async def test_a_client_that_the_application_instruments_itself_has_one_http_span(servers, capture):
    server = servers[OLLAMA]
    server.play(behaviours.answers())
    async with service_for(OLLAMA, server.url, model="m") as service:
        client = service.client._client
        HTTPXClientInstrumentor.instrument_client(client, tracer_provider=capture.tracer_provider)
        theirs = vars(client._transport).copy()
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
            await service.get_chat_message_contents(history(), settings_for(OLLAMA))
        assert capture.tree() == [("chat m", [("POST", [])])]
        assert vars(client._transport) == theirs
        await service.get_chat_message_contents(history(), settings_for(OLLAMA))
        assert capture.tree() == [("chat m", [("POST", [])]), ("POST", [])], "theirs stays"


async def test_two_services_of_one_client(servers, capture):
    server = servers[OPENAI]
    server.play(behaviours.answers())
    async with service_for(OPENAI, server.url, model="one", service_id="one") as first:
        second = type(first)(ai_model_id="two", service_id="two", async_client=first.client)
        with venom_otel.instrument(Kernel(services=[first, second]), **capture.telemetry):
            for service in (first, second):
                await service.get_chat_message_contents(history(), settings_for(OPENAI))
        assert capture.tree() == [("chat one", [("POST", [])]), ("chat two", [("POST", [])])]


async def test_a_client_that_two_handles_share_stays_linked_for_the_second(servers, capture):
    server, other = servers[OPENAI], Capture()
    server.play(behaviours.answers())
    async with service_for(OPENAI, server.url, model="one", service_id="one") as first:
        second = type(first)(ai_model_id="two", service_id="two", async_client=first.client)
        handles = [
            venom_otel.instrument(Kernel(services=[first]), **other.telemetry),
            venom_otel.instrument(Kernel(services=[second]), **capture.telemetry),
        ]
        for service in (first, second):
            await service.get_chat_message_contents(history(), settings_for(OPENAI))
        handles[0].uninstrument()
        other.close()
        await second.get_chat_message_contents(history(), settings_for(OPENAI))
        await flushed(handles[1])
        assert capture.tree()[-1] == ("chat two", [("POST", [])])
        handles[1].uninstrument()
        assert "handle_async_request" not in vars(first.client._client._transport)


async def test_somebody_else_who_wraps_after_us_is_not_undone(capture):
    handle = venom_otel.instrument(**capture.telemetry)
    ours = Parrot._inner_get_chat_message_contents

    async def theirs(self, chat_history, settings):
        return await ours(self, chat_history, settings)

    Parrot._inner_get_chat_message_contents = theirs
    try:
        handle.uninstrument()
        assert Parrot._inner_get_chat_message_contents is theirs
        [answer] = await Parrot(ai_model_id="m", service_id="s").get_chat_message_contents(history(), settings_for(OPENAI))
        assert answer.content == "hello world"
        assert capture.spans() == []
    finally:
        Parrot._inner_get_chat_message_contents = ours.__wrapped__


async def test_no_thread_is_left(servers, capture):
    before = set(threading.enumerate())
    async with both(servers) as services:
        with venom_otel.instrument(Kernel(services=services), **capture.telemetry):
            await use(services)
    deadline = asyncio.get_running_loop().time() + WAIT_S
    while left := {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")} - before:
        assert asyncio.get_running_loop().time() < deadline, left
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("_", range(30))
async def test_no_connection_is_left_of_a_server_that_was_being_asked(_, servers, capture):
    """pytest collects afterwards and fails on whatever was not closed; the moment of closing differs from run to run."""
    async with both(servers) as services:
        with venom_otel.instrument(Kernel(services=services), **capture.telemetry):
            await services[0].get_chat_message_contents(history(), settings_for(OPENAI))
