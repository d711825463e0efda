"""Asking real sockets: the recorded servers are recognised, hostile ones do no harm, and keys go nowhere else."""

from __future__ import annotations

import logging
import subprocess
import sys
import threading

import pytest
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from support import servers
from support.replay import ANYTHING_ELSE, Page, ReplayServer, changed, drips, floods, hangs, hangs_up, needs
from support.unhurried import growing

from venom_otel import semconv
from venom_otel.identity import asking, wire
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import UNKNOWN, Identity

from .conftest import eventually

KEY = "Zx9-planted.KEY~42"


def shouting(page: Page) -> Page:
    return Page(page.status, tuple((name.upper(), value) for name, value in page.headers), page.body)


@pytest.mark.parametrize(
    ("pages", "expected"),
    [
        (servers.OLLAMA, Identity("ollama", semconv.SOURCE_SERVER, None, "0.17.4")),
        (changed(servers.OLLAMA, shouting), Identity("ollama", semconv.SOURCE_SERVER, None, "0.17.4")),
        (servers.VLLM, Identity("vllm", semconv.SOURCE_SERVER, None, "0.32.0")),
        (servers.VLLM_WITH_KEY, Identity("vllm", semconv.SOURCE_SERVER, None, "0.32.0")),
        (servers.LLAMA_SERVER, Identity("llamacpp", semconv.SOURCE_SERVER)),
        (servers.LLAMA_SERVER_WITH_KEY, Identity("llamacpp", semconv.SOURCE_SERVER)),
        (servers.LLAMA_SERVER_ROUTER, Identity("llamacpp", semconv.SOURCE_SERVER)),
        (servers.LLAMA_CPP_PYTHON, Identity("llamacpp", semconv.SOURCE_SERVER)),
        (servers.TRANSFORMERS, Identity("transformers", semconv.SOURCE_SERVER)),
        (servers.LITELLM, Identity(gateway="litellm")),
        (servers.GENERIC, UNKNOWN),
        (servers.WEB_SITE, UNKNOWN),
        (servers.ALL_REFUSED, UNKNOWN),
        (servers.ALL_FAILING, UNKNOWN),
        (servers.EMPTY_LIST, UNKNOWN),
    ],
)
def test_who_is_there(resolver, pages, expected):
    with ReplayServer(pages) as server:
        endpoint = parse(f"{server.url}/v1")
        assert resolver.ask(endpoint) == expected
        assert resolver.known(endpoint) == expected


def test_ports_are_no_names(make_resolver):
    """Two servers change places: each is named by its own word."""
    with ReplayServer(servers.OLLAMA) as first, ReplayServer(servers.VLLM) as second:
        for _ in range(2):
            resolver = make_resolver()
            named = {resolver.ask(parse(server.url)).provider: server.pages for server in (first, second)}
            assert named == {"ollama": servers.OLLAMA, "vllm": servers.VLLM}
            first.pages, second.pages = second.pages, first.pages


def test_a_path_leads_to_a_server_of_its_own(resolver):
    """One address with two servers under it; the root is never asked on behalf of one of them."""
    pages = {f"/left{path}": page for path, page in servers.OLLAMA.items() if path != ANYTHING_ELSE}
    pages |= {f"/right{path}": page for path, page in servers.VLLM.items() if path != ANYTHING_ELSE}
    with ReplayServer(pages | {"/": servers.OLLAMA["/"], "/api/version": servers.OLLAMA["/api/version"]}) as server:
        assert resolver.ask(parse(f"{server.url}/left/v1")).provider == "ollama"
        assert resolver.ask(parse(f"{server.url}/right/v1")).provider == "vllm"
        assert resolver.ask(parse(f"{server.url}/neither/v1")) == UNKNOWN
        assert "/" not in server.paths


def test_only_get_and_the_headers_of_no_browser(resolver):
    with ReplayServer(servers.LITELLM) as server:
        resolver.ask(parse(server.url))
        assert {request.method for request in server.asked} == {"GET"}
        for request in server.asked:
            assert request.headers["host"] == f"127.0.0.1:{server.port}"
            assert request.headers["user-agent"] == "venom-otel"
            assert not {"origin", "cookie", "referer", "traceparent", "authorization"} & request.headers.keys()


def test_the_service_shows_its_own_key(resolver):
    pages = {
        path: needs(KEY, page, servers.ALL_REFUSED[ANYTHING_ELSE]) for path, page in (servers.OLLAMA | {"*": servers.OLLAMA["*"]}).items()
    }
    with ReplayServer(pages) as server:
        endpoint = parse(server.url)
        assert resolver.ask(endpoint) == UNKNOWN
        assert resolver.known(endpoint) == UNKNOWN
        # Another service at the same address has the key.
        resolver.start(endpoint, lambda: {"Authorization": f"Bearer {KEY}", "Host": "elsewhere", "Origin": "x", "Content-Length": "5"})
        eventually(lambda: resolver.known(endpoint).provider == "ollama")
        assert server.asked[-1].headers["host"] == f"127.0.0.1:{server.port}"
        assert not {"origin", "content-length"} & server.asked[-1].headers.keys()


def test_redirects_are_not_followed(resolver):
    with ReplayServer(servers.OLLAMA) as elsewhere:
        moved = Page("307 Temporary Redirect", (("Location", f"{elsewhere.url}/v1/models"),), b"")
        with ReplayServer({ANYTHING_ELSE: moved}) as server:
            assert resolver.ask(parse(server.url), lambda: {"Authorization": f"Bearer {KEY}"}) == UNKNOWN
        assert elsewhere.asked == []


def test_a_token_provider_that_raises_costs_only_the_key(resolver):
    def fail() -> dict[str, str]:
        raise RuntimeError(KEY)

    with ReplayServer(servers.VLLM) as server:
        assert resolver.ask(parse(server.url), fail).provider == "vllm"


def test_a_token_provider_that_hangs_costs_only_the_key(resolver, monkeypatch):
    monkeypatch.setattr(asking, "CREDENTIALS_LIMIT_S", 0.1)
    let_go = threading.Event()

    def hang() -> dict[str, str]:
        let_go.wait()
        return {}

    with ReplayServer(servers.VLLM) as server:
        assert resolver.ask(parse(server.url), hang).provider == "vllm"
    let_go.set()


@pytest.mark.parametrize("headers", [{"Authorization": "Bearer \n"}, {"bad name": "x"}, {"Authorization": "Bearer schlüssel"}])
def test_a_key_that_cannot_be_sent_does_no_harm(resolver, headers):
    with ReplayServer(servers.VLLM) as server:
        assert resolver.ask(parse(server.url), lambda: headers).provider in {"unknown", "vllm"}


@pytest.mark.parametrize("behaviour", [hangs, drips, floods], ids=lambda behaviour: behaviour.__name__)
@pytest.mark.parametrize("paths", [(ANYTHING_ELSE,), ("/version", "/api/version")], ids=["everywhere", "somewhere"])
def test_slow_and_endless_servers_are_left_in_time(resolver, behaviour, paths, monkeypatch):
    monkeypatch.setattr(asking, "LIMIT_S", 0.2)
    monkeypatch.setattr(asking, "FIRST_S", 0.05)
    pages = servers.GENERIC | dict.fromkeys(paths, behaviour)
    with ReplayServer(pages if len(paths) > 1 else {ANYTHING_ELSE: behaviour}) as server:
        assert resolver.ask(parse(server.url)) == UNKNOWN
        eventually(lambda: not server.connections)  # each GET is cancelled, not left hanging


def test_the_time_for_everything_is_less_than_what_is_promised():
    """The limits as users have them: `unhurried` changes them for the tests alone."""
    known = subprocess.run(
        [sys.executable, "-c", "from venom_otel.identity import asking as a, resolver as r; print(a.FIRST_S, a.LIMIT_S, r.GUESS_AFTER_S)"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()
    first_s, limit_s, guess_s = map(float, known)
    assert first_s < limit_s < guess_s < 2.0


def test_one_page_that_hangs_hides_no_other(make_resolver, monkeypatch):
    with ReplayServer({**servers.VLLM, "/api/version": hangs, "/": hangs}) as server:
        for limit_s in growing(1.0):
            monkeypatch.setattr(asking, "LIMIT_S", limit_s)
            if (provider := make_resolver().ask(parse(server.url)).provider) == "vllm":
                break
    assert provider == "vllm"


def test_many_hanging_servers_do_not_wait_for_one_another(resolver):
    """All are asked while none has answered yet."""
    with ReplayServer({ANYTHING_ELSE: hangs}) as server:
        endpoints = [parse(f"{server.url}/{number}/v1") for number in range(8)]
        for endpoint in endpoints:
            resolver.start(endpoint)
        eventually(lambda: {path.split("/")[1] for path in server.paths} == set("01234567"))
        assert [resolver.known(endpoint) for endpoint in endpoints] == [None] * 8


@pytest.mark.parametrize(
    "behaviour",
    [
        hangs_up,
        lambda exchange: exchange.send(b"SSH-2.0-OpenSSH_9.2\r\n"),
        lambda exchange: exchange.send(b"\x00\xff" * 1000),
        lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
        lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
        lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd"),
        lambda exchange: exchange.send(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000 + b"\r\n"),
    ],
    ids=["hangs up", "another protocol", "noise", "cut short", "broken chunks", "not gzip", "endless headers"],
)
def test_broken_servers_are_unknown(resolver, behaviour):
    with ReplayServer({ANYTHING_ELSE: behaviour}) as server:
        assert resolver.ask(parse(server.url)) == UNKNOWN


def test_a_long_body_is_read_in_part():
    """The metrics of a busy vLLM may be longer than what is read; its names come early."""
    long = servers.VLLM["/metrics"]
    body = long.body + b'vllm:x{a="b"} 1\n' * 200_000
    pages = servers.VLLM_WITH_KEY | {"/metrics": Page(long.status, long.headers, body)}
    import asyncio

    with ReplayServer(pages) as server:
        answer = asyncio.run(asking.ask(parse(server.url), None))
    assert answer.identity.provider == "vllm"
    assert len(body) > 4 * wire.MAX_BODY_BYTES


def test_questions_make_no_spans_and_no_log_lines(resolver, capture, caplog):
    caplog.set_level(logging.INFO)
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=capture.telemetry["tracer_provider"], meter_provider=capture.telemetry["meter_provider"])
    try:
        with ReplayServer(servers.OLLAMA) as server:
            assert resolver.ask(parse(server.url)).provider == "ollama"
            assert "traceparent" not in server.asked[0].headers
    finally:
        instrumentor.uninstrument()
    assert capture.tree() == []
    assert caplog.records == []


def test_the_applications_proxy_is_used(resolver, monkeypatch):
    """For the proxy every URL is a path; it leads to vLLM."""
    with ReplayServer({f"http://gpu.invalid:8000{path}": page for path, page in servers.VLLM.items()}) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        assert resolver.ask(parse("http://gpu.invalid:8000/v1")).provider == "vllm"
    with ReplayServer(servers.OLLAMA) as server:
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert resolver.ask(parse(server.url)).provider == "ollama"


def test_an_unusable_proxy_means_not_reached(resolver, monkeypatch):
    monkeypatch.setenv("http_proxy", "gopher://proxy:70")
    monkeypatch.delenv("no_proxy", raising=False)
    assert resolver.ask(parse("http://gpu.invalid:8000/v1")) == UNKNOWN


def test_tls_that_cannot_be_trusted_is_not_asked(resolver):
    """Plain HTTP where TLS is expected: no question, and so no key, gets through."""
    with ReplayServer(servers.VLLM) as server:
        endpoint = parse(server.url.replace("http:", "https:"))
        assert resolver.ask(endpoint, lambda: {"Authorization": f"Bearer {KEY}"}) == UNKNOWN
        assert server.asked == []
