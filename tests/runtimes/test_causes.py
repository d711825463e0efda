"""Each way in which a server can be in trouble has its own cause in words, found on real sockets."""

from __future__ import annotations

import re
import socket

import pytest
from pydantic import SecretStr
from runtimes.conftest import look, look_until
from support import servers
from support.replay import ANYTHING_ELSE, Page, ReplayServer, drips, floods, hangs, hangs_up, needs, recorded
from support.tls import TlsServer

from venom_otel.runtimes.model import Reason, State, Status

KEY = "Zx9-planted.KEY~42"
LOCAL = ("ollama", "vllm", "llamacpp")
HTML = servers.WEB_SITE[ANYTHING_ELSE]


def page(status: str, body: bytes = b"", *headers: tuple[str, str]) -> Page:
    return Page(status, headers, body)


# -- on the way there ----------------------------------------------------------------------------------------------------------------


def test_a_name_that_nobody_knows(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")  # a proxy would be asked for it
    reading = look("vllm", "http://no-such-host.invalid:8000/v1")
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.NAME)
    assert reading.cause.startswith("the name no-such-host.invalid is not found (")


def test_nobody_takes_the_connection():
    """A listener whose queue is full: the kernel answers no further connection, as a firewall that drops would."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        try:
            for one in waiting:
                one.setblocking(False)
                one.connect_ex(listener.getsockname())
            reading = look("ollama", f"http://127.0.0.1:{listener.getsockname()[1]}", deadline_s=0.5)
        finally:
            for one in waiting:
                one.close()
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.TIMEOUT)
    assert "does not answer within 0.5 s: the machine is off, a firewall drops what is sent" in reading.cause


@pytest.mark.parametrize("behaviour", [hangs_up, drips, floods], ids=lambda behaviour: behaviour.__name__)
def test_servers_that_never_end_a_reply(behaviour):
    expected = Reason.PROTOCOL if behaviour is hangs_up else Reason.TIMEOUT
    with ReplayServer({ANYTHING_ELSE: behaviour}) as server:
        reading = look_until(lambda reading: reading.reason is expected, "vllm", server.url, deadline_s=0.6)
    assert reading.state.status is Status.OFFLINE
    if behaviour is drips:
        assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.TIMEOUT)
    if behaviour is hangs_up:
        assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.PROTOCOL)
        assert "takes the connection and closes it without an HTTP answer: if it expects TLS, write https://" in reading.cause


def test_no_http():
    with ReplayServer({ANYTHING_ELSE: lambda exchange: exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n")}) as server:
        reading = look("llamacpp", server.url)
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.PROTOCOL)
    assert "is no HTTP" in reading.cause


def test_tls_where_plain_http_is():
    with ReplayServer(servers.VLLM) as server:
        url = server.url
        reading = look("vllm", url.replace("http:", "https:"), SecretStr(KEY))
        assert server.asked == []
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.TLS)
    assert reading.cause.endswith(f": if it is a plain HTTP server, write {url}")


def test_a_certificate_that_nobody_vouches_for(tmp_path):
    with TlsServer(tmp_path) as server:
        reading = look("vllm", f"https://localhost:{server.port}", SecretStr(KEY))
        assert server.requests == []
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.TLS)
    assert f"the certificate of localhost:{server.port} is not trusted: self-signed certificate" in reading.cause
    assert "SSL_CERT_FILE" in reading.cause


def test_plain_http_where_tls_is(tmp_path):
    with TlsServer(tmp_path) as server:
        reading = look("vllm", f"http://localhost:{server.port}")
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.PROTOCOL)
    assert "https://" in reading.cause


def test_a_proxy_that_is_not_there(monkeypatch):
    monkeypatch.setenv("http_proxy", "http://user:hidden-word@127.0.0.1:9")
    monkeypatch.delenv("no_proxy", raising=False)
    reading = look("vllm", "http://gpu.invalid:8000")
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.PROXY)
    assert "the proxy http://***@127.0.0.1:9, which the environment names for gpu.invalid:8000, cannot be used" in reading.cause
    assert "hidden-word" not in repr(reading)


@pytest.mark.parametrize("proxy", ["gopher://proxy:70", "http://[broken"])
def test_a_proxy_that_cannot_be_used(monkeypatch, proxy):
    monkeypatch.setenv("http_proxy", proxy)
    monkeypatch.delenv("no_proxy", raising=False)
    reading = look("vllm", "http://gpu.invalid:8000")
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.PROXY)


def test_a_key_that_cannot_be_sent():
    with ReplayServer(servers.VLLM) as server:
        reading = look("vllm", server.url, SecretStr("schlüssel\nwort"))
        assert server.asked == []
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.KEY)
    assert "schlüssel" not in repr(reading)


# -- somebody else in its place ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provider", "pages", "who"),
    [
        ("ollama", servers.VLLM, "vLLM 0.32.0"),
        ("ollama", servers.LLAMA_SERVER, "llama.cpp"),
        ("vllm", servers.OLLAMA, "Ollama 0.17.4"),
        ("vllm", servers.LLAMA_SERVER, "llama.cpp"),
        ("vllm", servers.LLAMA_CPP_PYTHON, "llama.cpp"),
        ("vllm", servers.LITELLM, "the gateway LiteLLM"),
        ("vllm", servers.TRANSFORMERS, "transformers serve"),
        ("llamacpp", servers.OLLAMA, "Ollama 0.17.4"),
        ("llamacpp", servers.VLLM, "vLLM"),
    ],
)
def test_a_wrong_server_is_named(provider, pages, who):
    with ReplayServer(pages) as server:
        where = f"127.0.0.1:{server.port}"
        reading = look(provider, server.url)
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
    assert reading.cause.startswith(f"{who} answers at {where}, not ")
    assert "_ENDPOINT" in reading.cause
    assert reading.version is None


@pytest.mark.parametrize("provider", [*LOCAL, "openai", "unknown"])
def test_a_web_page(provider):
    with ReplayServer({ANYTHING_ELSE: HTML}) as server:
        reading = look(provider, server.url)
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
    assert "a web page titled 'Log in' answers at" in reading.cause


@pytest.mark.parametrize("provider", LOCAL)
def test_something_that_knows_nothing(provider):
    with ReplayServer({}) as server:
        reading = look(provider, server.url)
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
    assert reading.cause.startswith("something answers at")
    assert f"correct {provider.upper()}_ENDPOINT" in reading.cause


def test_redirects_are_told_and_not_followed():
    with ReplayServer(servers.VLLM) as elsewhere:
        moved = page("307 Temporary Redirect", b"", ("Location", f"{elsewhere.url}/v1/models?token=hidden-word"))
        with ReplayServer({ANYTHING_ELSE: moved}) as server:
            reading = look("vllm", server.url, SecretStr(KEY))
        assert elsewhere.asked == []
        assert f"sends on to {elsewhere.url}/v1/models and is not followed" in reading.cause
    assert (reading.state, reading.reason) == (State.UNREACHABLE, Reason.WRONG_SERVER)
    assert "hidden-word" not in repr(reading)


@pytest.mark.parametrize(
    ("location", "target"),
    [("/login?token=hidden-word", "/login"), ("?token=hidden-word", "nowhere"), ("", "nowhere"), ("ftp://elsewhere", "another address")],
)
def test_redirects_that_lead_to_no_server(location, target):
    with ReplayServer({ANYTHING_ELSE: page("302 Found", b"", ("Location", location))}) as server:
        reading = look("vllm", server.url)
    assert f"sends on to {target} and is not followed" in reading.cause
    assert "hidden-word" not in repr(reading)


def test_a_web_page_without_a_title():
    with ReplayServer({ANYTHING_ELSE: page("200 OK", b"<!DOCTYPE html><p>Welcome")}) as server:
        where = f"127.0.0.1:{server.port}"
        reading = look("vllm", server.url)
        found = look("vllm", server.url, found=True)
    assert reading.cause == f"a web page answers at {where} (200 at /v1/models), not vLLM: correct VLLM_ENDPOINT"
    assert found.cause == f"a web page answers at {where} (200 at /v1/models), not vLLM: it may not be a model server"
    assert [exchange.verdict for exchange in reading.exchanges if exchange.request.endswith("/v1/models")] == [reading.cause]


def test_a_server_that_was_found_and_is_another_now():
    with ReplayServer(servers.OLLAMA) as server:
        reading = look("vllm", server.url, found=True)
    assert reading.cause == f"Ollama 0.17.4 answers at 127.0.0.1:{server.port}, not vLLM: it is gone"


# -- up, and refusing ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("provider", "pages"), [("vllm", servers.VLLM_WITH_KEY), ("llamacpp", servers.LLAMA_SERVER_WITH_KEY)])
def test_a_key_is_wanted(provider, pages):
    with ReplayServer(pages) as server:
        without, wrong = look(provider, server.url), look(provider, server.url, SecretStr(KEY))
        found = look(provider, server.url, found=True)
    for reading in (without, wrong, found):
        assert (reading.state, reading.reason) == (State.DEGRADED, Reason.KEY)
    variable = f"{provider.upper()}_API_KEY"
    assert re.match(r"it is up, but asks for a key \(401: (Unauthorized|Invalid API Key)\): ", without.cause)
    assert without.cause.endswith(f"set {variable}")
    assert wrong.cause.startswith("it is up, but refuses the key (401: ")
    assert wrong.cause.endswith(f"correct {variable}")
    assert found.cause.endswith(f"set {provider.upper()}_ENDPOINT to its address, and {variable}")
    assert without.identity.provider == provider


def test_what_stays_open_without_the_key_is_told():
    with ReplayServer(servers.VLLM_WITH_KEY) as server:
        reading = look("vllm", server.url)
    assert (reading.version, reading.requests_running, reading.models) == ("0.32.0", 0, ())


def test_a_cloud_refuses_the_key():
    words = b'{"error": {"message": "Incorrect API key provided: sk-ab****cd", "code": "invalid_api_key"}}'
    models = needs(KEY, servers.GENERIC["/v1/models"], page("401 Unauthorized", words))
    with ReplayServer({"/v1/models": models}) as server:
        assert look("openai", f"{server.url}/v1", SecretStr(KEY)).state is State.READY
        reading = look("openai", f"{server.url}/v1", SecretStr("another"))
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.KEY)
    assert reading.cause.endswith("correct OPENAI_API_KEY")
    assert "sk-ab" not in repr(reading)


def test_ollama_refuses_a_foreign_host():
    with ReplayServer({ANYTHING_ELSE: recorded("ollama-0.17.4", "GET_api_tags_foreign_host")}) as server:
        reading = look("ollama", server.url)
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.HOST)
    assert "start it with OLLAMA_HOST=0.0.0.0" in reading.cause


def test_too_many_requests():
    with ReplayServer({ANYTHING_ELSE: page("429 Too Many Requests", b"{}")}) as server:
        reading = look("openai", f"{server.url}/v1")
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.RATE_LIMITED)


def test_llama_server_that_lists_its_models_to_everybody():
    pages = servers.LLAMA_SERVER | dict.fromkeys(("/props", "/slots", "/metrics"), servers.LLAMA_SERVER_WITH_KEY[ANYTHING_ELSE])
    with ReplayServer(pages) as server:
        reading = look("llamacpp", server.url)
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.KEY)
    assert [model.name for model in reading.models] == ["gemma-3"]


def test_a_local_endpoint_that_wants_a_key():
    with ReplayServer(servers.ALL_REFUSED) as server:
        reading = look("unknown", server.url)
    assert reading.cause.endswith("set OPENAI_BASE_URL to its address, and OPENAI_API_KEY")


# -- up, and not well ----------------------------------------------------------------------------------------------------------------


def test_loading():
    with ReplayServer(servers.LLAMA_SERVER_LOADING) as server:
        reading = look("llamacpp", server.url)
    assert (reading.state, reading.reason) == (State.LOADING, Reason.LOADING)
    assert reading.cause == "it is loading its model (503 at /v1/models: Loading model)"
    assert reading.latency_s is not None
    with ReplayServer(servers.LLAMA_SERVER | {"/health": servers.LLAMA_SERVER_LOADING[ANYTHING_ELSE]}) as server:
        assert look("llamacpp", server.url).state is State.LOADING


def test_the_engine_of_vllm_is_dead():
    with ReplayServer(servers.VLLM | {"/health": page("503 Service Unavailable")}) as server:
        reading = look("vllm", server.url)
    assert (reading.state, reading.reason) == (State.FAILING, Reason.SERVER_ERROR)
    assert "its engine is dead (503 at /health): restart it" in reading.cause


def test_the_engine_of_vllm_hangs():
    with ReplayServer(servers.VLLM | {"/health": hangs}) as server:
        reading = look_until(lambda reading: reading.state is State.FAILING, "vllm", server.url, deadline_s=0.6)
    assert (reading.state, reading.reason) == (State.FAILING, Reason.TIMEOUT)
    assert "its API answers, but not to /health" in reading.cause


def test_vllm_sleeps():
    metrics = servers.VLLM["/metrics"]
    body = metrics.body.replace(b'sleep_state="awake"} 1.0', b'sleep_state="awake"} 0.0')
    assert body != metrics.body
    with ReplayServer(servers.VLLM | {"/metrics": Page(metrics.status, metrics.headers, body)}) as server:
        reading = look("vllm", server.url)
    assert (reading.state, reading.reason, reading.models_loaded) == (State.DEGRADED, Reason.ASLEEP, ())


@pytest.mark.parametrize("provider", [*LOCAL, "openai"])
def test_errors_only(provider):
    with ReplayServer(servers.ALL_FAILING) as server:
        reading = look(provider, server.url)
    assert (reading.state, reading.reason) == (State.FAILING, Reason.SERVER_ERROR)
    assert "500 at /" in reading.cause
    assert "Internal Server Error" in reading.cause


def test_a_proxy_with_nobody_behind_it():
    with ReplayServer({ANYTHING_ELSE: page("502 Bad Gateway", b"<html><title>502 Bad Gateway</title>")}) as server:
        reading = look("ollama", server.url)
    assert (reading.state, reading.reason) == (State.FAILING, Reason.SERVER_ERROR)
    assert "a proxy answers at" in reading.cause


def test_slow(monkeypatch):
    monkeypatch.setattr("venom_otel.runtimes.asking.SLOW_S", 0.2)

    def after_a_while(exchange):
        assert not exchange.closing.wait(0.3)
        exchange.send(servers.OLLAMA["/api/tags"].adding(("Connection", "close")).encode())

    with ReplayServer(servers.OLLAMA | {"/api/tags": after_a_while}) as server:
        reading = look("ollama", server.url)
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.SLOW)
    assert re.match(r"it answers slowly: \d+\.\d s for /api/tags, which is no work", reading.cause)
    assert reading.latency_s > 0.29
    assert reading.models


def test_a_part_that_hangs_hides_no_other():
    with ReplayServer(servers.OLLAMA | {"/api/ps": hangs}) as server:
        reading = look_until(lambda reading: reading.state is State.DEGRADED, "ollama", server.url, deadline_s=0.6)
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.INCOMPLETE)
    assert [model.loaded for model in reading.models] == [None]
    with ReplayServer(servers.OLLAMA | {"/api/tags": hangs}) as server:
        reading = look_until(lambda reading: reading.state is State.FAILING, "ollama", server.url, deadline_s=0.6)
    assert (reading.state, reading.reason) == (State.FAILING, Reason.TIMEOUT)
    assert reading.cause.startswith("it answers, but not to /api/tags: ")


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b'{"models": 3}', b'{"models": [', b"[" * 100_000], ids=lambda body: repr(body[:12]))
def test_replies_that_make_no_sense(body):
    with ReplayServer(servers.OLLAMA | {"/api/tags": page("200 OK", body)}) as server:
        reading = look("ollama", server.url)
    assert (reading.state, reading.reason) == (State.DEGRADED, Reason.INCOMPLETE)


def test_values_of_the_wrong_kind_are_left_out():
    body = b'{"models": [3, {"name": ""}, {"name": "a\\u001b[31m"}, {"name": "b", "size": -1, "details": []}, {"model": "c", "size": 1.5}]}'
    with ReplayServer(servers.OLLAMA | {"/api/tags": page("200 OK", body)}) as server:
        reading = look("ollama", server.url)
    assert [(model.name, model.size_bytes) for model in reading.models if not model.loaded] == [("b", None), ("c", None)]
