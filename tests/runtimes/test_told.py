"""What a reading tells and what it keeps to itself: load, models, a server's own words, keys, and nothing left open."""

from __future__ import annotations

import json
import logging

import pytest
from pydantic import SecretStr
from runtimes.conftest import look
from support import servers
from support.program import eventually
from support.replay import ANYTHING_ELSE, Page, ReplayServer, hangs

from venom_otel.identity import wire
from venom_otel.runtimes.model import Reason, ServedModel, State
from venom_otel.runtimes.registry import adapter

KEY = "Zx9-planted.KEY~42"


def page(status: str, body: bytes = b"", *headers: tuple[str, str]) -> Page:
    return Page(status, headers, body)


GEMMA = {"size_bytes": 1837568, "context_tokens": 256, "parameters": "459K", "quantization": "all F32"}
RECORDED = {
    "ollama": (
        servers.OLLAMA,
        "0.17.4",
        ServedModel("gemma3:tiny", True, 1855293, 1640960, 256, "459K", "unknown"),
        ["1 installed: ready", "1 in memory", "answered", "answered"],
    ),
    "vllm": (
        servers.VLLM,
        "0.32.0",
        ServedModel("gemma-3", True, context_tokens=256, root="./model/tiny-hf"),
        ["answered", "as it should be", "the engine is healthy", "0 requests run, 0 wait"],
    ),
    "llamacpp": (
        servers.LLAMA_SERVER,
        "b0-unknown",
        ServedModel("gemma-3", True, **GEMMA),
        ["answered", "as it should be", "answered", "answered", "0 requests run, 0 wait"],
    ),
    "openai": (servers.VLLM, None, ServedModel("gemma-3", None, context_tokens=256), ["answered", "1 models: ready"]),
}


@pytest.mark.parametrize("provider", RECORDED)
def test_all_that_a_recorded_server_tells(provider):
    pages, version, model, verdicts = RECORDED[provider]
    with ReplayServer(pages) as server:
        reading = look(provider, server.url)
    assert (reading.version, reading.models) == (version, (model,))
    assert reading.memory_bytes == model.memory_bytes
    assert reading.cache_usage == (0.0 if provider == "vllm" else None)
    assert [exchange.verdict for exchange in reading.exchanges] == verdicts


def ollama(tags, ps):
    """An Ollama whose `/api/ps` is `ps`; None where it has none."""
    asked = {"/api/tags": {"models": tags}} | ({"/api/ps": {"models": ps}} if ps is not None else {})
    pages = servers.OLLAMA | {"/api/ps": page("404 Not Found")}
    with ReplayServer(pages | {path: page("200 OK", json.dumps(body).encode()) for path, body in asked.items()}) as server:
        return look("ollama", server.url)


def test_ollama_s_models_in_memory_and_on_the_disk():
    tags = [{"name": "old:1", "size": 10}, {"model": "new:1", "name": "other", "size": 20, "details": {"parameter_size": "1B"}}]
    ps = [{"model": "new:1", "size": 5, "context_length": 64}, {"model": "gone:1", "size": 7, "details": {"quantization_level": "Q4_0"}}]
    old, new = ServedModel("old:1", False, 10), ServedModel("new:1", True, 20, 5, 64, "1B")
    gone = ServedModel("gone:1", True, None, 7, quantization="Q4_0")
    reading = ollama(tags, ps)
    assert {model.name: model for model in reading.models} == {"old:1": old, "new:1": new, "gone:1": gone}
    assert reading.memory_bytes == 12
    assert ollama(tags, [{"model": "new:1"}]).memory_bytes == 0
    assert ollama(tags, []).memory_bytes == 0
    untold = ollama(tags, None)
    assert (untold.state, untold.reason, untold.memory_bytes) == (State.DEGRADED, Reason.INCOMPLETE, None)
    assert untold.cause == "it lists its models, but does not say which are in memory (404 at /api/ps)"
    assert [(model.name, model.loaded, model.size_bytes) for model in untold.models] == [("old:1", None, 10), ("new:1", None, 20)]


def vllm(metrics, status="200 OK"):
    with ReplayServer(servers.VLLM | {"/metrics": page(status, metrics)}) as server:
        return look("vllm", server.url)


def test_vllm_sleeps_where_every_engine_does():
    """As vLLM 0.32 says it: one line for each state, of which one is 1."""
    awake = (
        b'vllm:engine_sleep_state{engine="0",sleep_state="awake"} %b\nvllm:engine_sleep_state{engine="0",sleep_state="discard_all"} %b\n'
    )
    sleeping, waking = awake % (b"0.0", b"1.0"), awake % (b"1.0", b"0.0")
    assert vllm(sleeping).reason is Reason.ASLEEP
    assert vllm(sleeping + sleeping.replace(b'engine="0"', b'engine="1"')).reason is Reason.ASLEEP
    assert vllm(waking).reason is None
    assert vllm(sleeping + waking.replace(b'engine="0"', b'engine="1"')).reason is None
    assert vllm(sleeping, "404 Not Found").reason is None
    assert vllm(b"").reason is None


@pytest.mark.parametrize(("said", "told"), [(b"1.5", 1.0), (b"-0.5", 0.0), (b"0.25", 0.25), (b"NaN", None)])
@pytest.mark.parametrize("name", [b"vllm:kv_cache_usage_perc", b"vllm:gpu_cache_usage_perc"])
def test_the_part_of_the_cache_that_is_used(name, said, told):
    assert vllm(name + b" " + said + b"\n").cache_usage == told


def test_a_dead_engine_s_own_words():
    with ReplayServer(servers.VLLM | {"/health": page("500 Internal Server Error", b"EngineDeadError: out of memory")}) as server:
        reading = look("vllm", server.url)
    assert reading.cause == "its engine is dead (500 at /health: EngineDeadError: out of memory): restart it"
    assert "the engine has died" in [exchange.verdict for exchange in reading.exchanges]


@pytest.mark.parametrize("key", ["max_model_len", "context_window", "context_length"])
def test_any_server_s_context(key):
    body = json.dumps({"data": [{"id": "m", key: 4096}, {"id": "n"}, {"id": 5}, {}]}).encode()
    with ReplayServer({"/v1/models": page("200 OK", body)}) as server:
        reading = look("openai", server.url)
    assert reading.models == (ServedModel("m", None, context_tokens=4096), ServedModel("n", None))
    assert adapter("openai").label == "OpenAI"


@pytest.mark.parametrize(
    ("base", "path"),
    [("", "/v1/models"), ("/v1", "/v1/models"), ("/api/v1", "/api/v1/models"), ("/v1beta/openai", "/v1beta/openai/models")],
)
def test_models_are_listed_beside_the_chats(base, path):
    with ReplayServer({path: page("200 OK", b'{"data": [{"id": "m"}]}')}) as server:
        assert [model.name for model in look("openai", server.url + base).models] == ["m"]
        assert server.paths[-1] == path


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
    busy = page("200 OK", json.dumps([{"id": number, "is_processing": number != 1} for number in range(4)]).encode())
    with ReplayServer(servers.LLAMA_SERVER | {"/metrics": off, "/slots": busy}) as server:
        reading = look("llamacpp", server.url)
    assert (reading.state, reading.requests_running, reading.requests_waiting) == (State.READY, 3, None)
    assert "3 of 4 slots work" in [exchange.verdict for exchange in reading.exchanges]


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
