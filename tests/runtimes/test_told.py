"""What a reading tells and what it keeps to itself: load, models, a server's own words, keys, and nothing left open."""

from __future__ import annotations

import logging

from pydantic import SecretStr
from runtimes.conftest import look
from support import servers
from support.program import eventually
from support.replay import ANYTHING_ELSE, Page, ReplayServer, hangs

from venom_otel.identity import wire
from venom_otel.runtimes.model import State

KEY = "Zx9-planted.KEY~42"


def page(status: str, body: bytes = b"", *headers: tuple[str, str]) -> Page:
    return Page(status, headers, body)


def test_requests_under_load():
    """The lines are those of a vLLM with `--max-num-seqs 2` and of a llama-server with `-np 2`, each asked six times at once."""
    vllm = b'vllm:num_requests_running{engine="0",model_name="a} b"} 2.0\nvllm:num_requests_waiting{engine="0",model_name="a} b"} 4.0\n'
    second = vllm.replace(b'"0"', b'"1"') + b'vllm:kv_cache_usage_perc{engine="0"} 0.25\nvllm:kv_cache_usage_perc{engine="1"} 0.5\n'
    with ReplayServer(servers.VLLM | {"/metrics": page("200 OK", vllm + second)}) as server:
        reading = look("vllm", server.url)
    assert (reading.requests_running, reading.requests_waiting, reading.cache_usage) == (4, 8, 0.5)
    llama = b"llamacpp:requests_processing 2\nllamacpp:requests_deferred 4\n"
    with ReplayServer(servers.LLAMA_SERVER | {"/metrics": page("200 OK", llama)}) as server:
        reading = look("llamacpp", server.url)
    assert (reading.requests_running, reading.requests_waiting) == (2, 4)


def test_llama_server_without_metrics_tells_by_its_slots():
    off = page("501 Not Implemented", b'{"error":{"code":501}}', ("Server", "llama.cpp"))
    slots = servers.LLAMA_SERVER["/slots"]
    busy = Page(slots.status, slots.headers, slots.body.replace(b'"is_processing":false', b'"is_processing":true', 1))
    with ReplayServer(servers.LLAMA_SERVER | {"/metrics": off, "/slots": busy}) as server:
        reading = look("llamacpp", server.url)
    assert (reading.state, reading.requests_running, reading.requests_waiting) == (State.READY, 1, None)


def test_a_router_tells_what_is_loaded():
    with ReplayServer(servers.LLAMA_SERVER_ROUTER) as server:
        reading = look("llamacpp", server.url)
    assert (reading.state, [model.loaded for model in reading.models]) == (State.READY, [False])


def test_what_a_server_says_cannot_steer_a_terminal():
    with ReplayServer({ANYTHING_ELSE: page("500 Internal Server Error", b"\x1b[2J\r\nAuthorization: Bearer hidden-word\x07")}) as server:
        reading = look("vllm", server.url, SecretStr(KEY))
    assert repr(reading).isprintable()
    assert "\x1b" not in reading.cause
    assert "hidden-word" not in repr(reading)


def test_no_spans_and_no_log_lines(capture, caplog):
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    caplog.set_level(logging.INFO)
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=capture.telemetry["tracer_provider"], meter_provider=capture.telemetry["meter_provider"])
    try:
        with ReplayServer(servers.OLLAMA) as server:
            assert look("ollama", server.url).state is State.READY
    finally:
        instrumentor.uninstrument()
    assert capture.tree() == []
    assert caplog.records == []


def test_a_long_list_of_models():
    item = b'{"id": "%d", "description": "' + b"x" * 400 + b'"}'
    body = b'{"object": "list", "data": [' + b",".join(item % number for number in range(3000)) + b"]}"
    assert len(body) > 2 * wire.MAX_BODY_BYTES
    with ReplayServer({"/v1/models": page("200 OK", body)}) as server:
        assert len(look("openai", f"{server.url}/v1").models) == 3000


def test_nothing_is_left_open():
    with ReplayServer(servers.VLLM | {"/metrics": hangs}) as server:
        look("vllm", server.url, deadline_s=0.6)
        eventually(lambda: not server.connections)


def test_a_key_far_into_a_reply_is_not_shown_in_part():
    words = b" " * 16_360 + KEY.encode() + b" and more" * 1000
    with ReplayServer({ANYTHING_ELSE: page("500 Internal Server Error", words)}) as server:
        reading = look("vllm", server.url, SecretStr(KEY))
    assert KEY[:8] not in repr(reading)


def test_of_a_long_reply_the_beginning_is_shown():
    with ReplayServer({"/v1/models": page("200 OK", b'{"data":[' + b",".join([b'{"id":"m"}'] * 4000) + b"]}")}) as server:
        reading = look("openai", f"{server.url}/v1")
    assert reading.exchanges[-1].reply.startswith('{"data":[{"id":"m"},')
    assert len(reading.exchanges[-1].reply) == 300
    assert reading.exchanges[-1].reply.endswith("…")
