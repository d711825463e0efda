"""OpenTelemetry's exporters for Python, Go and JavaScript deliver with their default settings, and come back when they are told to."""

import asyncio
import contextlib
import os
import sys
from pathlib import Path

import pytest
from support.patience import WAIT_S

from tools import exporters
from venom_otel.receiver import grpc, http
from venom_otel.receiver.service import refusal
from venom_otel.settings import CockpitSettings
from venom_otel.store.protocol import LogFilter, MetricFilter, RequestFilter, Signal

SPANS = 700
"""More than one batch."""
LIMIT = 4_000_000
LANGUAGES = {
    "python": [sys.executable, str(Path(__file__).parent / "exporters" / "python" / "main.py")],
    "go": exporters.go_command(),
    "js": exporters.js_command(),
}
PROTOCOLS = [("python", "http"), ("python", "grpc"), ("go", "http"), ("go", "grpc"), ("js", "json"), ("js", "proto"), ("js", "grpc")]
COME_BACK = [one for one in PROTOCOLS if one != ("js", "grpc")]
"""JavaScript's exporter for gRPC (0.301) sends nothing twice, whatever it is told."""


@pytest.fixture
def settings():
    return CockpitSettings(min_free_bytes=0, max_queue_bytes=LIMIT)


@pytest.fixture(params=PROTOCOLS, ids="-".join)
def program(request, receiver, rpc, tmp_path):
    """Starts the exporters of one language and protocol; nothing is said but where to send."""
    language, protocol = request.param
    command = LANGUAGES[language]
    if not Path(command[-1]).is_file():
        pytest.skip("the exporters are not built: run `make exporters`")
    endpoint = f"http://{rpc.address}" if protocol == "grpc" else receiver.url
    environment = {"PATH": os.defpath, "HOME": str(tmp_path), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}

    async def start():
        pipe = asyncio.subprocess.PIPE
        return await asyncio.create_subprocess_exec(*command, protocol, str(SPANS), env=environment, stdout=pipe, stderr=pipe)

    return start


async def ended_well(process):
    """The id of the trace that it sent."""
    async with asyncio.timeout(WAIT_S):
        out, words = await process.communicate()
    assert process.returncode == 0, words.decode()
    return out.decode().strip()


async def everything_is_there(receiver, trace_id):
    found = await receiver.store.requests(RequestFilter(), 2 * SPANS)
    assert len(found) == SPANS
    assert {(item.trace_id, item.provider) for item in found} == {(trace_id, "openai")}
    spans = await receiver.store.trace(trace_id)
    assert sorted({span.name for span in spans}) == ["chat", "whole"]
    assert len(spans) == SPANS + 1
    (record,) = (await receiver.store.logs(LogFilter(trace_id=trace_id), 10)).items
    assert record.body.startswith("a line from ")
    series = await receiver.store.metric_series(MetricFilter(), 10)
    assert sorted((one.name.partition(".")[2], one.kind) for one in series) == [("calls", "sum"), ("seconds", "histogram")]
    assert (await receiver.store.usage()).items == {Signal.TRACES: SPANS + 1, Signal.METRICS: 2, Signal.LOGS: 1}


async def test_delivers(program, receiver):
    await everything_is_there(receiver, await ended_well(await program()))


@pytest.mark.parametrize("program", COME_BACK, ids="-".join, indirect=True)
async def test_comes_back_when_too_much_was_on_its_way(program, receiver, monkeypatch):
    refused = []
    with contextlib.ExitStack() as others:
        others.enter_context(receiver.service.flight()).admit(LIMIT)

        def refuse(error):  # and let in what comes next: an exporter gives up when some seconds have passed
            refused.append(refusal(error))
            others.close()
            return refused[-1]

        for protocol in (http, grpc):
            monkeypatch.setattr(protocol, "refusal", refuse)
        trace_id = await ended_well(await program())
    await everything_is_there(receiver, trace_id)
    assert {(one.code, one.retry_after_s) for one in refused} == {(14, 1)}
