"""llama-cpp-python ends the answer that it streams when it is asked for its models: whoever looks asks once at the most."""

from __future__ import annotations

import asyncio

import pytest
from runtimes.conftest import look
from support import servers
from support.replay import ANYTHING_ELSE, Page, ReplayServer, hangs, hangs_up
from support.servers import UVICORN, page
from support.unhurried import growing

from venom_otel import semconv
from venom_otel.identity import asking
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import Identity
from venom_otel.runtimes.model import Reason, State

DESCRIPTION = page({"openapi": "3.1.0", "info": {"title": "🦙 llama.cpp Python API", "version": "0.3.36"}, "paths": {}}, UVICORN)
PAGES = servers.LLAMA_CPP_PYTHON | {"/openapi.json": DESCRIPTION}
LIST = "/v1/models"


def test_two_who_look_at_it_by_two_names_ask_once_together():
    with ReplayServer(PAGES) as server:
        assert look("llamacpp", server.url).models == look("openai", f"{server.url}/v1").models != ()
        assert server.paths.count(LIST) == 1


@pytest.mark.parametrize("provider", ["llamacpp", "openai", "unknown", "litellm"])
def test_it_is_asked_for_its_models_once(provider):
    with ReplayServer(PAGES) as server:
        for _ in range(3):
            reading = look(provider, f"{server.url}/v1")
            assert (reading.state, [model.name for model in reading.models]) == (State.READY, ["gemma-3"]), reading.cause
        assert server.paths.count(LIST) == 1


@pytest.mark.parametrize("provider", ["vllm", "ollama"])
def test_in_the_place_of_another_it_is_never_asked(provider):
    with ReplayServer(PAGES) as server:
        reading = look(provider, f"{server.url}/v1")
        assert LIST not in server.paths
        assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
        assert f"llama.cpp answers at 127.0.0.1:{server.port}, not" in reading.cause


@pytest.mark.parametrize("provider", ["llamacpp", "openai"])
@pytest.mark.parametrize("pages", [{ANYTHING_ELSE: hangs}, PAGES | {"/openapi.json": hangs}], ids=["altogether", "in part"])
def test_one_that_hangs_for_a_while_is_not_asked_again(provider, pages):
    with ReplayServer(PAGES) as server:
        assert look(provider, server.url).models
        server.pages = pages
        assert look(provider, server.url, deadline_s=0.3).reason is Reason.TIMEOUT
        server.pages = PAGES
        assert look(provider, server.url).models
        assert server.paths.count(LIST) == 1


def test_one_that_breaks_its_description_off_is_not_asked_again():
    with ReplayServer(PAGES) as server:
        assert look("openai", server.url).models
        server.pages = PAGES | {"/openapi.json": hangs_up}
        assert look("openai", server.url).state is State.FAILING
        server.pages = PAGES
        assert look("openai", server.url).models
        assert server.paths.count(LIST) == 1


@pytest.mark.parametrize("provider", ["llamacpp", "openai"])
def test_one_that_was_stopped_is_asked_anew(provider, kept):
    with ReplayServer(PAGES, kept) as server:
        url = server.url
        assert look(provider, url).models
    assert look(provider, url).state is State.STOPPED
    other = Page(headers=PAGES[LIST].headers, body=PAGES[LIST].body.replace(b"gemma-3", b"qwen-3"))
    with ReplayServer(PAGES | {LIST: other}, kept):
        assert [model.name for model in look(provider, url).models] == ["qwen-3"]


def test_another_server_in_its_place_is_asked_as_ever():
    with ReplayServer(PAGES) as server:
        assert look("openai", server.url).models
        server.pages = servers.VLLM
        assert look("openai", server.url).models
        server.pages = PAGES
        server.asked.clear()
        assert look("openai", server.url).models
        assert server.paths.count(LIST) == 1


def test_who_it_is_its_description_says(monkeypatch):
    with ReplayServer(PAGES | {"/": hangs, "/api/version": hangs}) as server:
        for limit_s in growing(1.0):
            monkeypatch.setattr(asking, "LIMIT_S", limit_s)
            server.asked.clear()
            if (answer := asyncio.run(asking.ask(parse(server.url), None))).reached:
                break
        assert set(server.paths) == {"/", "/version", "/api/version", "/openapi.json"}
    assert (answer.identity, answer.models) == (Identity("llamacpp", semconv.SOURCE_SERVER), None)


def test_a_description_that_does_not_come_is_asked_for_once():
    pages = servers.GENERIC | {"/version": page({"detail": "Not Found"}, UVICORN, status="404 Not Found"), "/openapi.json": hangs_up}
    with ReplayServer(pages) as server:
        answer = asyncio.run(asking.ask(parse(server.url), None))
        assert server.paths.count("/openapi.json") == server.paths.count(LIST) == 1
    assert answer.reached
    assert not answer.conclusive
    assert answer.models == ("m",)


def test_a_public_host_is_asked_nothing_more(monkeypatch):
    """For the proxy every URL is a path."""
    root = "http://models.example.com:8000"
    with ReplayServer({f"{root}{path}": found for path, found in PAGES.items()} | {ANYTHING_ELSE: PAGES[ANYTHING_ELSE]}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert asyncio.run(asking.ask(parse(root), None)).models == ("gemma-3",)
        assert set(proxy.paths) == {f"{root}{path}" for path in ("/", LIST, "/version", "/api/version")}
        proxy.asked.clear()
        assert look("openai", f"{root}/v1").models
        assert proxy.paths == [f"{root}{LIST}"]
