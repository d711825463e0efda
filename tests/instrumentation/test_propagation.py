"""Which servers are told of the trace: local ones, unless the setting says otherwise; baggage stays off the public internet always."""

import contextlib

import httpx
import pytest
from ollama import AsyncClient
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from support import behaviours
from support.app import MODELS, OLLAMA, OPENAI, flushed, history, service_for, settings_for, watch
from support.patience import WAIT_S

import venom_otel

PUBLIC = "http://models.example.com"
HEADERS = {"traceparent", "tracestate", "baggage"}


@contextlib.asynccontextmanager
async def service_at(connector, server, *, public):
    """A service of a server here, or of one on the internet, which a proxy here stands for."""
    if not public:
        async with service_for(connector, server.url, model=MODELS[connector]) as service:
            yield service
        return
    if connector == OPENAI:
        http = DefaultAsyncHttpx2Client(verify=False, proxy=server.url)
        client = AsyncOpenAI(api_key="none", base_url=f"{PUBLIC}/v1", max_retries=0, http_client=http)
        service = OpenAIChatCompletion(ai_model_id=MODELS[OPENAI], service_id="chat", async_client=client)
    else:
        client = AsyncClient(host=f"{PUBLIC}:80", verify=False, proxy=server.url, timeout=httpx.Timeout(WAIT_S))
        service = OllamaChatCompletion(ai_model_id=MODELS[OLLAMA], service_id="chat", client=client)
    yield service
    await service.client.close()


@pytest.mark.parametrize(
    ("setting", "public", "told"),
    [
        (None, False, {"traceparent", "baggage"}),
        (None, True, set()),
        ("local", True, set()),
        ("none", False, set()),
        ("none", True, set()),
        ("all", False, {"traceparent", "baggage"}),
        ("all", True, {"traceparent"}),
    ],
)
@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
@pytest.mark.parametrize("connector", [OPENAI, OLLAMA])
async def test_who_is_told_of_the_trace(connector, stream, setting, public, told, servers, capture, monkeypatch):
    if setting:
        monkeypatch.setenv("VENOM_OTEL_PROPAGATE_TO", setting)
    server = servers[connector]
    server.play(behaviours.answers())

    async def ask(seen):
        if stream:
            async for chunk in service.get_streaming_chat_message_contents(history(), settings_for(connector)):
                seen.take(chunk)
        else:
            seen.take(await service.get_chat_message_contents(history(), settings_for(connector)))

    async with service_at(connector, server, public=public) as service:
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry, providers={PUBLIC: "house"}) as handle:
            seen = await watch(ask)
            await flushed(handle)
    assert seen.error == []
    [request] = server.requests
    assert HEADERS & set(request.headers) == told
    [chat, post] = capture.span_dicts()
    assert (chat["scope"], post["parent"]) == ("venom_otel", chat["id"])
    if "traceparent" in told:
        assert request.headers["traceparent"].split("-")[2] == f"{post['id']:016x}"
    if public:
        assert (chat["attributes"]["llm.provider"], chat["attributes"]["server.address"]) == ("house", "models.example.com")
