"""The correctness matrix: each case runs bare and then recorded, in one process.

The application notices no difference, and what is sent is, whole, what the contract says.
"""

import asyncio
import contextlib
import gc
import logging
from collections import Counter
from dataclasses import replace

import pytest
from semantic_kernel import Kernel
from support import expected, personas
from support.app import OLLAMA, OPENAI, flushed, service_for, watch
from support.cases import CASES, COMBINATIONS, POSSIBLE, STREAM
from support.chat_server import WAIT_S
from support.drive import Target
from support.expected import Trip

import venom_otel

MODELS = {OPENAI: personas.VLLM_MODEL, OLLAMA: personas.OLLAMA_MODEL}
PROVIDERS = {OPENAI: "vllm", OLLAMA: "ollama"}


@pytest.mark.parametrize("cell", POSSIBLE, ids=str)
async def test_matrix(cell, servers, closed_port, capture, caplog):
    server = servers[cell.connector] if cell.case.server else None
    url = server.url if server else closed_port.url
    async with target_for(cell, url, server) as target:
        bare = await run(cell.case, target)
    gc.collect()  # a left stream of bare Semantic Kernel is closed by the collector alone
    bare_warnings = warnings_of(caplog)
    async with target_for(cell, url, server) as target:
        with venom_otel.instrument(target.kernel, **capture.telemetry) as handle:
            recorded = await run(cell.case, target)
            await asyncio.to_thread(capture.wait_for_spans, sum(1 + len(trip.get("http", (200,))) for trip in cell.trips), WAIT_S)
            await flushed(handle)
    assert recorded == bare
    assert warnings_of(caplog) <= bare_warnings
    trips = trips_of(cell, url, bare)
    assert without_http_stacks(capture.span_dicts()) == expected.spans(trips)
    sent = capture.metrics()
    assert {name: sent[name] for name in sent if name.startswith("gen_ai.")} == expected.metrics(trips)
    assert {name for name in sent if not name.startswith("gen_ai.")} <= {"http.client.duration"}
    assert capture.logs() == expected.logs(trips)
    if server:
        children = [span for span in capture.span_dicts() if span["name"] == "POST"]
        assert [headers_of(request) for request in server.requests] == [expected.trace_headers(span["id"]) for span in children]


def test_each_impossible_combination_has_its_reason():
    reasons = {(case.name, *where): why for case in CASES for where, why in case.impossible.items()}
    assert all(reasons.values())
    assert len(POSSIBLE) + len(reasons) == len(COMBINATIONS) == 4 * len(CASES)


@contextlib.asynccontextmanager
async def target_for(cell, url, server):
    case, connector = cell.case, cell.connector
    async with service_for(connector, url, model=MODELS[connector], retries=case.retries, read_s=case.read_s) as service:
        yield Target(connector, service, Kernel(services=[service]), server, cell.mode == STREAM, case.override)


async def run(case, target):
    """What the application sees of one case, with the server's side of it."""
    if target.server is not None:
        target.server.play(*case.script)
    seen = await watch(lambda seen: case.act(target, seen))
    if target.server is not None:
        seen.received(target.server.requests)
    return seen


def trips_of(cell, url, bare):
    """The round trips of one cell, whose exception is the one that the bare run saw."""
    identity = (
        {"provider": PROVIDERS[cell.connector], "source": "server"} if cell.case.server else {"provider": "unknown", "source": "unknown"}
    )
    whole = Trip(cell.connector, cell.mode == STREAM, url, model=MODELS[cell.connector], exception=true_cause(bare), **identity)
    return [replace(whole, **trip) for trip in cell.trips]


def headers_of(request):
    return {name: request.headers.get(name) for name in ("traceparent", "baggage")}


def warnings_of(caplog):
    """What anything logged as a warning or worse since the last look; "asyncio" speaks of exceptions that nobody saw."""
    found = Counter((record.name, record.levelname, record.msg) for record in caplog.records if record.levelno >= logging.WARNING)
    caplog.clear()
    return found


def without_http_stacks(spans):
    """OpenTelemetry's HTTP instrumentation records stack traces; only the `chat` spans must have none."""
    for span in spans:
        if span["scope"] == "opentelemetry.instrumentation.httpx":
            for event in span["events"]:
                assert event["attributes"].pop("exception.stacktrace").startswith("Traceback")
    return spans


def true_cause(seen):
    """The class and words of what the client raised, below Semantic Kernel's wrapper."""
    for kind, words, *_ in seen.error:
        if kind.__module__.partition(".")[0] != "semantic_kernel":
            return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}", words
    return None
