"""The correctness matrix: each case runs bare and then recorded, in one process.

The application notices no difference, and what is sent is, whole, what the contract says.
"""

import asyncio
import gc
import logging
from collections import Counter

import pytest
from support import expected
from support.app import flushed
from support.cases import CASES, COMBINATIONS, POSSIBLE
from support.cell import run, target_for, trips_of, without_http_stacks
from support.chat_server import WAIT_S

import venom_otel


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


def headers_of(request):
    return {name: request.headers.get(name) for name in ("traceparent", "baggage")}


def warnings_of(caplog):
    """What anything logged as a warning or worse since the last look; "asyncio" speaks of exceptions that nobody saw."""
    records = [record for record in caplog.records if record.levelno >= logging.WARNING]
    found = Counter((record.name, record.levelname, record.getMessage().partition("\n")[0]) for record in records)
    caplog.clear()
    return found
