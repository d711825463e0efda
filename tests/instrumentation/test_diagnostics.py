"""Semantic Kernel's own diagnostics switched on as well: what we send stays what it is, and once.

Its span then lies between ours and the HTTP call. Bare, it leaks into the consumer of a stream as the current span; recorded, it does
not, so of what the matrix compares only the context differs, for the better.
"""

import asyncio
import gc

import pytest
from semantic_kernel import Kernel
from semantic_kernel.utils.telemetry.model_diagnostics import decorators
from support import behaviours, drive, expected
from support.app import MODELS, OPENAI, PARENT_ID, TRACE_ID, flushed, history, service_for, settings_for, watch
from support.cases import POSSIBLE
from support.cell import run, target_for, trips_of
from support.chat_server import WAIT_S

import venom_otel


@pytest.fixture
def diagnostics(monkeypatch, kernel_spans):
    """Switch all of them on; the variables are read when Semantic Kernel is imported."""
    monkeypatch.setattr(decorators.MODEL_DIAGNOSTICS_SETTINGS, "enable_otel_diagnostics", True)
    monkeypatch.setattr(decorators.MODEL_DIAGNOSTICS_SETTINGS, "enable_otel_diagnostics_sensitive", True)
    return kernel_spans


@pytest.mark.parametrize("cell", POSSIBLE, ids=str)
async def test_matrix_beside_semantic_kernels_own_spans(cell, servers, closed_port, diagnostics):
    capture = diagnostics
    server = servers[cell.connector] if cell.case.server else None
    url = server.url if server else closed_port.url
    async with target_for(cell, url, server) as target:
        bare = await run(cell.case, target)
    gc.collect()
    last = capture.tracer_provider.get_tracer("test").start_span("the bare run's spans end here, though some only when collected")
    async with target_for(cell, url, server) as target:
        with venom_otel.instrument(target.kernel, **capture.telemetry) as handle:
            recorded = await run(cell.case, target)
            await asyncio.to_thread(capture.wait_for_spans, len(cell.trips), WAIT_S, scope="venom_otel")
            await flushed(handle)
    assert without_context(recorded) == without_context(bare)
    spans = [span for span in capture.span_dicts() if span["id"] > last.get_span_context().span_id]
    ours = [span for span in spans if span["scope"] == "venom_otel"]
    if bare.error and all(trip.get("outcome", "ok") == "ok" for trip in cell.trips):
        # An empty stream, an overridden model: the diagnostics make what was well fail, and then it has failed.
        [span] = ours
        assert span["attributes"]["llm.outcome"] == "error"
        assert span["events"][0]["attributes"]["exception.type"].endswith(bare.error[0][0].__name__)
        return
    # The tool loop's own span Semantic Kernel leaks in any case; and of a stream that is collected as garbage, the diagnostics'
    # context manager is too, in whichever context that happens, where it brings back the context it began in.
    if cell.case.act not in {drive.tools, drive.garbage_collected}:
        assert {(trace_id, span_id, tuple(changed)) for trace_id, span_id, _, changed in recorded.contexts} == {(TRACE_ID, PARENT_ID, ())}
    trips = trips_of(cell, url, bare)
    wanted = [span for span in expected.spans(trips) if span["scope"] == "venom_otel"]
    assert [without_place(span) for span in ours] == [without_place(span) for span in wanted]
    theirs = [span for span in spans if span["scope"] == decorators.__name__]
    assert [span["parent"] for span in theirs] == [span["id"] for span in ours]
    assert {span["parent"] for span in spans if span["name"] == "POST"} <= {span["id"] for span in theirs}
    sent = capture.metrics()
    assert {name: sent[name] for name in sent if name.startswith("gen_ai.client")} == expected.metrics(trips)
    assert [without_span(record) for record in capture.logs()] == [without_span(record) for record in expected.logs(trips)]


def without_context(seen):
    return (seen.results, seen.error, seen.history, seen.sent)


def without_place(span):
    return {key: value for key, value in span.items() if key not in {"id", "parent"}}


def without_span(record):
    return {key: value for key, value in record.items() if key != "span"}


async def test_a_stream_closed_at_its_source_leaves_the_consumers_context(servers, diagnostics):
    """A service built on another one closes the other's inner stream itself, which ends the diagnostics' span in its own context."""

    async def consume(seen):
        server.play(behaviours.hangs(after=2))
        stream = service._inner_get_streaming_chat_message_contents(history(), settings_for(OPENAI))
        seen.take(await anext(stream))
        await stream.aclose()

    server = servers[OPENAI]
    async with service_for(OPENAI, server.url, model=MODELS[OPENAI]) as service:
        with venom_otel.instrument(Kernel(services=[service]), **diagnostics.telemetry):
            seen = await watch(consume)
    assert seen.error == []
    assert [(span_id, changed) for _, span_id, _, changed in seen.contexts] == [(PARENT_ID, [])] * 2
