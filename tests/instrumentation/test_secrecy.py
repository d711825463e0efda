"""A key planted wherever keys are given leaves the process in the requests alone: in no span, metric, log record or error of ours.

The key looks like no known kind of key, so that only what is done about keys as such can hide it.
"""

import base64
import contextlib
import io
import logging
import traceback
from urllib.parse import quote, quote_plus, unquote_plus

import pytest
from ollama import AsyncClient
from openai import AsyncOpenAI, DefaultAsyncHttpx2Client
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from support import behaviours, drive
from support.app import MODELS, OLLAMA, OPENAI, flushed, settings_for, watch
from support.chat_server import ClosedPort
from support.dialects import Error
from support.drive import Target
from support.faults import GUARDS, broken, name_of, reached
from support.patience import WAIT_S

import venom_otel
from venom_otel.errors import SettingsError
from venom_otel.instrumentation import guard

KEY = "Zq7/planted+Key 9X"
WORD = "Zq7plantedKey9X"
BASIC = base64.b64encode(f"user:{WORD}".encode()).decode()
NEEDLES = (KEY, WORD, quote(KEY, safe=""), quote(KEY), quote_plus(KEY), KEY.replace("/", "\\/"), BASIC)


def openai_service(url, **client):
    arguments = {"api_key": "none-needed", "base_url": f"{url}/v1", "max_retries": 0, **client}
    return OpenAIChatCompletion(
        ai_model_id=MODELS[OPENAI],
        service_id="chat",
        async_client=AsyncOpenAI(**arguments, timeout=WAIT_S, http_client=DefaultAsyncHttpx2Client(verify=False)),
    )


def ollama_service(url, **client):
    return OllamaChatCompletion(ai_model_id=MODELS[OLLAMA], service_id="chat", client=AsyncClient(host=url, verify=False, **client))


def behind_user(url):
    return url.replace("://", f"://user:{WORD}@")


def own_client(service, **more):
    """Let a service use an HTTP client of the application's making."""
    service.client._client = type(service.client._client)(base_url=service.client._client.base_url, verify=False, **more)
    return service


PLACES = {
    # Where a key may be given: connector, and how its service is made.
    "api_key": (OPENAI, lambda url: openai_service(url, api_key=WORD), {}),
    "header": (OPENAI, lambda url: openai_service(url, default_headers={"X-Tenant": WORD}), {}),
    "user of the URL": (OPENAI, lambda url: openai_service(behind_user(url)), {}),
    "query of the client": (OPENAI, lambda url: openai_service(url, default_query={"api-key": WORD}), {}),
    "query of the client by another name": (OPENAI, lambda url: openai_service(url, default_query={"k": KEY}), {}),
    "header in the settings": (OPENAI, openai_service, {"extra_headers": {"X-Tenant": WORD}}),
    "field in the settings": (OPENAI, openai_service, {"extra_body": {"api_key": WORD}}),
    "authorization": (OLLAMA, lambda url: ollama_service(url, headers={"Authorization": f"Bearer {WORD}"}), {}),
    "ollama header": (OLLAMA, lambda url: ollama_service(url, headers={"X-Tenant": WORD}), {}),
    "basic": (OLLAMA, lambda url: own_client(ollama_service(url), auth=("user", WORD)), {}),
    "ollama user of the URL": (OLLAMA, lambda url: own_client(ollama_service(url), params={"k": KEY}), {}),
}


def echo(request):
    """The words of a server that repeats all it was given, as it came and unpacked."""
    scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
    unpacked = base64.b64decode(credentials).decode() if scheme == "Basic" else credentials
    given = [request.headers.get("authorization"), unpacked, request.headers.get("x-tenant"), request.body.get("api_key")]
    given += [unquote_plus(request.query), *unquote_plus(request.query).split("=")]
    return f"no luck with {' and '.join(filter(None, given))} for http://host/v1?{request.query}"


def refuses_repeating(status):
    async def behave(exchange):
        words = echo(exchange.request)
        error = Error(status, {"error": {"message": words, "type": "auth", "code": status, "param": words}}, {"error": words})
        await behaviours.refuses(error)(exchange)

    return behave


def fails_midway_repeating():
    async def behave(exchange):
        words = echo(exchange.request)
        await behaviours.fails_midway(Error(200, {"error": {"message": words}}, {"error": words}))(exchange)

    return behave


STORIES = {
    "ok": behaviours.answers(),
    "401": refuses_repeating(401),
    "404": refuses_repeating(404),
    "500": refuses_repeating(500),
    "midway": fails_midway_repeating(),
    "broken": behaviours.breaks(),
    "nobody": None,
}


class Lines(logging.Handler):
    """Every record of ours as a careless formatter writes it: the message, the exception, and every field."""

    def __init__(self):
        super().__init__()
        self.text = io.StringIO()

    def emit(self, record):
        self.text.write(f"{logging.Formatter().format(record)} {vars(record)}\n")


@contextlib.contextmanager
def our_log():
    logger, handler = logging.getLogger("venom_otel"), Lines()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel("DEBUG")
    try:
        yield handler
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)


def everything_sent(capture, handler):
    spans = [span.to_json() for span in capture.spans()]
    return repr((capture.span_dicts(), spans, capture.metrics(), capture.logs(), handler.text.getvalue()))


@pytest.mark.parametrize(
    ("place", "story", "stream"),
    [
        pytest.param(place, story, stream, id=f"{place}-{story}-{'stream' if stream else 'call'}")
        for place in PLACES
        for story in STORIES
        for stream in (False, True)
        if stream or story != "midway"
    ],
)
async def test_a_key_is_in_nothing_that_is_sent(place, story, stream, servers, capture, monkeypatch):
    connector, make, more = PLACES[place]
    monkeypatch.setenv("VENOM_OTEL_RECORD_STACKTRACE", "true")
    closed = ClosedPort()
    server = servers[connector]
    server.play(STORIES[story] or behaviours.answers())
    service = make(closed.url if story == "nobody" else server.url)
    kernel = Kernel(services=[service])
    target = Target(connector, service, kernel, server, stream)
    with our_log() as handler, venom_otel.instrument(kernel, **capture.telemetry) as handle:
        for _ in range(2):  # before it is known who answers, and after
            await watch(lambda seen: ask(target, seen, more))
            await flushed(handle)
    await service.client.close()
    closed.close()
    sent = everything_sent(capture, handler)
    assert [needle for needle in NEEDLES if needle in sent] == []
    chats = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert [span["attributes"]["llm.outcome"] for span in chats] == [
        "ok" if story == "ok" or (story == "midway" and not stream) else "error"
    ] * 2
    assert "chat" in handler.text.getvalue() or "vllm" in sent or "ollama" in sent or "unknown" in sent


async def ask(target, seen, more):
    settings = settings_for(target.connector, **more)
    if target.stream:
        async for _ in target.service.get_streaming_chat_message_contents(drive.history(), settings):
            pass
    else:
        await target.service.get_chat_message_contents(drive.history(), settings)


async def test_a_mistake_of_ours_while_a_servers_words_are_at_hand(servers, capture, monkeypatch):
    """Reporting it shows its traceback, which Python ends with the exception that was being handled: the application's."""
    monkeypatch.setattr(guard, "RAISE", False)
    monkeypatch.setattr(guard, "_last_report", {})
    server = servers[OPENAI]
    service = openai_service(server.url, api_key=WORD)
    with our_log() as handler, venom_otel.instrument(Kernel(services=[service]), **capture.telemetry) as handle:
        target = Target(OPENAI, service, None, server, stream=False)
        server.play(behaviours.answers())
        with reached() as functions:
            server.play(refuses_repeating(401))
            await watch(lambda seen: ask(target, seen, {}))
            await flushed(handle)
        for function in functions:
            if name_of(function) not in GUARDS:
                guard._last_report.clear()
                with broken(function):
                    await watch(lambda seen: ask(target, seen, {}))
    await service.client.close()
    assert handler.text.getvalue().count("injected by a test") > 10
    assert WORD not in everything_sent(capture, handler)


@pytest.mark.parametrize(
    "value", [f"http://user:{WORD}@host", f"http://user:{WORD}@host=", f"=http://user:{WORD}@host", f"http://h?k={WORD}"]
)
def test_settings_that_cannot_be_used_are_named_without_their_keys(value, capture, monkeypatch):
    monkeypatch.setenv("VENOM_OTEL_PROVIDERS", value)
    with pytest.raises(SettingsError, match="VENOM_OTEL_PROVIDERS") as raised:
        venom_otel.instrument(**capture.telemetry)
    assert WORD not in "".join(traceback.format_exception(raised.value))


async def test_a_configured_providers_address_is_taken_without_its_key(servers, capture):
    server = servers[OPENAI]
    server.play(behaviours.answers())
    service = openai_service(behind_user(server.url))
    providers = {f"{behind_user(server.url)}/v1": "house"}
    target = Target(OPENAI, service, None, server, stream=False)
    with our_log() as handler, venom_otel.instrument(Kernel(services=[service]), **capture.telemetry, providers=providers):
        seen = await watch(lambda seen: ask(target, seen, {}))
    assert seen.error == []
    await service.client.close()
    [chat] = [span for span in capture.span_dicts() if span["scope"] == "venom_otel"]
    assert (chat["attributes"]["llm.provider"], chat["attributes"]["llm.identity.source"]) == ("house", "config")
    assert chat["attributes"]["llm.endpoint"] == f"{server.url}/v1"
    assert WORD not in everything_sent(capture, handler)
