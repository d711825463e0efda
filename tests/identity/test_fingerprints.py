"""Fingerprints hold for servers whatever their port, version, header case and proxies, and never see what is not there."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import pytest
from support import servers
from support.replay import ANYTHING_ELSE, Page, changed
from support.servers import UVICORN, hiding, model, models, page

from venom_otel import semconv
from venom_otel.identity.fingerprints import Reply, conclusive, identify, questions, refused
from venom_otel.identity.model import UNKNOWN, Identity

NAMED = {
    "ollama": (servers.OLLAMA, "ollama"),
    "vllm": (servers.VLLM, "vllm"),
    "vllm with a key": (servers.VLLM_WITH_KEY, "vllm"),
    "llama-server": (servers.LLAMA_SERVER, "llamacpp"),
    "llama-server with a key": (servers.LLAMA_SERVER_WITH_KEY, "llamacpp"),
    "llama-server, loading": (servers.LLAMA_SERVER_LOADING, "llamacpp"),
    "llama-server, a router": (servers.LLAMA_SERVER_ROUTER, "llamacpp"),
    "llama-cpp-python": (servers.LLAMA_CPP_PYTHON, "llamacpp"),
    "transformers serve": (servers.TRANSFORMERS, "transformers"),
    "sglang": (servers.SGLANG, "sglang"),
}
NOBODY = {
    "generic": servers.GENERIC,
    "web site": servers.WEB_SITE,
    "all refused": servers.ALL_REFUSED,
    "all failing": servers.ALL_FAILING,
    "empty list": servers.EMPTY_LIST,
}

named = pytest.mark.parametrize(("pages", "provider"), NAMED.values(), ids=NAMED)
nobody = pytest.mark.parametrize("pages", NOBODY.values(), ids=NOBODY)


def reply(page: Page) -> Reply:
    return Reply(page.code, tuple((name.encode(), value.encode()) for name, value in page.headers), page.body)


def answered(pages, *, public: bool = False) -> dict[str, Reply | None]:
    """Every question answered as the server does."""
    replies: dict[str, Reply | None] = {}
    while paths := questions(replies, public=public):
        replies.update({path: reply(pages.get(path, pages.get(ANYTHING_ELSE, servers.GENERIC[ANYTHING_ELSE]))) for path in paths})
    return replies


def told(pages, **kwargs) -> Identity:
    return identify(answered(pages, **kwargs))


def mixed_case(page: Page) -> Page:
    return replace(page, headers=tuple((name.swapcase(), value) for name, value in page.headers))


def other_versions(page: Page) -> Page:
    """Every version string another one, as also an Ollama built without its linker flags has it."""
    return replace(page, body=re.sub(rb"b?\d+\.\d+\.\d+|b0-unknown", b"0.0.0", page.body))


def behind_proxy(page: Page) -> Page:
    """A reverse proxy puts its own name in place of the server's."""
    return page.without("server").adding(("Server", "nginx"), ("Via", "1.1 proxy"), ("X-Envoy-Upstream-Service-Time", "3"))


def through_litellm(page: Page) -> Page:
    return page.adding(("x-litellm-version", "1.106.10"), ("x-litellm-call-id", "8f9b"), ("x-litellm-model-id", "abc"))


@named
def test_recorded_servers(pages, provider):
    found = told(pages)
    assert (found.provider, found.source, found.gateway) == (provider, semconv.SOURCE_SERVER, None)


@named
@pytest.mark.parametrize("change", [mixed_case, other_versions], ids=lambda change: change.__name__)
def test_changed_servers(pages, provider, change):
    assert told(changed(pages, change)).provider == provider


@named
def test_behind_a_proxy(pages, provider):
    found = told(changed(pages, behind_proxy))
    closed = pages in (servers.LLAMA_SERVER_WITH_KEY, servers.LLAMA_SERVER_LOADING)  # nothing but the replaced header named them
    assert found.provider == (semconv.PROVIDER_UNKNOWN if closed else provider)


@named
def test_with_a_gateways_headers(pages, provider):
    found = told(changed(pages, through_litellm))
    assert (found.provider, found.gateway) == (provider, "litellm")


@pytest.mark.parametrize(
    ("pages", "version"),
    [(servers.OLLAMA, "0.17.4"), (servers.VLLM, "0.32.0"), (servers.VLLM_WITH_KEY, "0.32.0"), (servers.LLAMA_SERVER, None)],
)
def test_versions(pages, version):
    assert told(pages).version == version


@nobody
def test_nobody_is_unknown_and_never_openai(pages):
    assert told(pages) == UNKNOWN


@nobody
def test_a_gateways_headers_name_no_provider(pages):
    found = told(changed(pages, through_litellm))
    assert (found.provider, found.source, found.gateway) == (semconv.PROVIDER_UNKNOWN, semconv.SOURCE_UNKNOWN, "litellm")


@pytest.mark.parametrize(
    ("pages", "gateway"),
    [
        (servers.LITELLM, "litellm"),
        (hiding(servers.LITELLM, "/health/liveliness"), "litellm"),
        (hiding(servers.LITELLM, "/openapi.json"), "litellm"),
        (servers.LLAMA_SWAP, "llama-swap"),
    ],
)
def test_gateways_by_their_own_pages(pages, gateway):
    assert told(pages) == Identity(gateway=gateway)


VERSION = page({"version": "1.0"})
OLLAMA_ROOT = Page(body=b"Ollama is running")


@pytest.mark.parametrize(
    "pages",
    [
        {"/": OLLAMA_ROOT},
        {"/api/version": VERSION},
        {"/": OLLAMA_ROOT, "/api/version": page({"version": 7})},
        {"/": OLLAMA_ROOT, "/api/version": page([])},
        {"/": OLLAMA_ROOT, "/api/version": page({"version": "1"}, status="404 Not Found")},
        {"/": Page(body=b"Is Ollama is running?"), "/api/version": VERSION},
        {"/": Page("404 Not Found", body=b"Ollama is running"), "/api/version": VERSION},
        {"/version": VERSION},
        {"/version": VERSION, "/v1/models": page(models(model("someone", max_model_len=1)))},
        {"/version": VERSION, "/v1/models": page(models(model("vllm"), model("openai")))},
        {"/version": VERSION, "/metrics": Page(body=b"other:metric 1\n# HELP x about vllm: nothing\n")},
        {"/version": VERSION, "/v1/models": page(models(model("openai"))), "/metrics": Page(body=b"vllm:num_requests_running 0\n")},
        {"/metrics": Page(body=b"vllm:num_requests_running 0\n")},
        {"/v1/models": page(models(model("vllm")))},
        {"/v1/models": page(models(model("VLLM-like", max_model_len=1)))},
        {"/v1/models": page(models(model("llamacpp")))},
        {"/v1/models": page(models(model("openai", meta={})))},
        {"/v1/models": page(models(model("me")))},
        {"/v1/models": page(models({"id": "m", "owned_by": "me", "permissions": []}))},
        {"/v1/models": page(models({"id": "m", "owned_by": "me", "permissions": [], "created": 1}), ("openai-processing-ms", "1"))},
        {"/v1/models": page(models({"id": "m", "owned_by": "me"}), ("openai-processing-ms", "1"))},
        {"/v1/models": page(models(model("sglang")))},
        {"/v1/models": page(models(model("library")))},
        {"/v1/models": page({"data": "vllm"})},
        {"/v1/models": page({"data": ["vllm"]}), "/version": VERSION},
        {"/v1/models": page([model("vllm", max_model_len=1)])},
        {"/props": page({"role": "router"})},
        {"/props": page({"build_info": "b1"})},
        {"/health": page({"status": "ok"}, UVICORN)},
        {"/health/liveliness": page("alive")},
        {"/openapi.json": page({"openapi": "3.1.0", "info": {"title": "vLLM, Ollama and LiteLLM API"}})},
        {"/openapi.json": page({"openapi": "3.1.0", "info": {"title": "x"}, "paths": {"/load_model": {}, "/v1/chat/completions": {}}})},
        {"/openapi.json": page({"openapi": "3.1.0", "info": {"title": "x"}, "paths": ["/load_model", "/reset", "/v1/chat/completions"]})},
        {"/": page({}, ("Server", "llama.cpp-like"))},
        {"/": page({}, ("Server", "my llama.cpp"))},
        {"/": page({}, ("X-Powered-By", "llama.cpp"))},
        {"/": page({}, ("Server", "vllm"))},
        {"/v1/models": Page(body=b"[" * 100_000)},
        {"/v1/models": Page(body=b"\xff\xfe{")},
    ],
)
def test_half_a_proof_is_none(pages):
    assert told(pages).provider == semconv.PROVIDER_UNKNOWN


@pytest.mark.parametrize("server", ["llama.cpp", "LLAMA.CPP", "llama.cpp/b4567", "llama.cpp (build 1)"])
def test_llama_server_by_its_header_alone(server):
    assert told({"/": page({}, ("sErVeR", server))}).provider == "llamacpp"


def test_llama_server_by_what_it_says_of_itself_alone():
    found = told({"/props": page({"build_info": "b4567-0123abc", "default_generation_settings": {}})})
    assert found == Identity("llamacpp", semconv.SOURCE_SERVER, version="b4567-0123abc")


def test_llama_cpp_python_by_its_documentation():
    document = {"openapi": "3.1.0", "info": {"title": "🦙 llama.cpp Python API", "version": "0.3.36"}, "paths": {}}
    for text in (json.dumps(document), json.dumps(document, ensure_ascii=False), json.dumps(document, indent=1)[:100]):
        assert told({"/openapi.json": Page(body=text.encode())}).provider == "llamacpp"


def test_the_api_counts_more_than_the_root():
    """A proxy that leads / to Ollama and /v1 to vLLM."""
    both = servers.OLLAMA | {path: servers.VLLM[path] for path in ("/v1/models", "/version")}
    assert told(both).provider == "vllm"


@pytest.mark.parametrize("name", ["ollama", "vllm", "llama-server", "llama-cpp-python"])
def test_most_servers_are_asked_four_questions(name):
    assert set(answered(servers.RECORDED[name])) == {"/", "/v1/models", "/version", "/api/version"}


def test_an_unknown_public_host_is_asked_no_more_than_that():
    assert set(answered(servers.GENERIC, public=True)) == {"/", "/v1/models", "/version", "/api/version"}
    assert "/openapi.json" in answered(servers.GENERIC)


def test_metrics_are_asked_only_where_there_is_a_version():
    assert "/metrics" not in answered(servers.GENERIC)
    assert "/metrics" in answered(servers.VLLM_WITH_KEY)


def test_nobody_there_is_asked_no_more():
    assert questions(dict.fromkeys(["/", "/v1/models", "/version", "/api/version"]), public=False) == ()


@pytest.mark.parametrize(
    ("pages", "last_word", "wants_key"),
    [
        (servers.GENERIC, True, False),
        (servers.WEB_SITE, True, False),
        (servers.EMPTY_LIST, True, False),
        (servers.ALL_REFUSED, False, True),
        (servers.ALL_FAILING, False, False),
        (servers.VLLM_WITH_KEY, True, True),
    ],
)
def test_what_an_answer_is_worth(pages, last_word, wants_key):
    replies = answered(pages)
    assert conclusive(replies) is last_word
    assert refused(replies) is wants_key
    for nothing in (None, reply(Page("502 Bad Gateway")), reply(Page("429 Too Many Requests"))):
        assert not conclusive({**replies, "/props": nothing})


def test_no_reply_is_no_word():
    assert identify({}) == UNKNOWN
    assert not conclusive({})
