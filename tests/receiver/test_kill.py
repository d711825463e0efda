"""What was answered with 200 survives `kill -9` of the receiver at any moment."""

import asyncio
import contextlib
import os
import random
import signal
import sqlite3
import sys

import httpx
from support.otlp import chat, request_id, span, traces

from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import RequestFilter, Signal

SERVE = """
import pathlib, socket, sys, uvicorn
from venom_otel.receiver import AllowedHosts, IngestService, create_receiver
from venom_otel.settings import CockpitSettings
from venom_otel.store.embedded import EmbeddedStore
settings = CockpitSettings(min_free_bytes=0)
with EmbeddedStore(pathlib.Path(sys.argv[1]), min_free_bytes=0) as store, socket.create_server(("127.0.0.1", 0)) as listening:
    print(listening.getsockname()[1], flush=True)
    application = create_receiver(IngestService.from_settings(store, settings), AllowedHosts.from_settings(settings))
    uvicorn.Server(uvicorn.Config(application, log_config=None, access_log=False)).run(sockets=[listening])
"""
ROUNDS = 4
SENDERS = 8


async def send(client, process, acknowledged, enough):
    """Send requests until the receiver is gone; each has a request to a model and a step of it."""
    while True:
        one = chat(more={"text": "x" * 2_000})
        body = traces(one, span(parent=one, name="step"))
        try:
            answer = await client.post("/v1/traces", content=body)
        except httpx.TransportError:
            return body
        assert answer.status_code == 200
        acknowledged.append((one, body))
        if len(acknowledged) == enough:
            os.kill(process.pid, signal.SIGKILL)


async def test_every_acknowledged_span_is_there_after_kill_9(tmp_path):
    path = tmp_path / "t.db"
    dice = random.Random(os.urandom(8))
    acknowledged, unanswered = [], []
    for _ in range(ROUNDS):
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVE, str(path), stdout=asyncio.subprocess.PIPE)
        try:
            url = f"http://127.0.0.1:{int(await process.stdout.readline())}"
            headers = {"Content-Type": "application/x-protobuf"}
            enough = len(acknowledged) + dice.randrange(50, 300)
            async with asyncio.timeout(60), httpx.AsyncClient(base_url=url, headers=headers, timeout=30, verify=False) as client:
                unanswered += await asyncio.gather(*(send(client, process, acknowledged, enough) for _ in range(SENDERS)))
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGKILL)
            await process.wait()
    assert len(acknowledged) >= ROUNDS * 50
    with EmbeddedStore(path, min_free_bytes=0) as store:
        found = await store.requests(RequestFilter(), 1_000_000)
        listed = [item.request_id for item in found]
        assert len(listed) == len(set(listed))
        assert {request_id(one) for one, _ in acknowledged} <= set(listed)
        for one, _ in acknowledged:
            assert [step.name for step in await store.trace(one.trace_id.hex())] == [one.name, "step"]
        # Exporters send again what got no answer, whether it was stored or not; and what did, it is known.
        for body in unanswered:
            store.write(Signal.TRACES, body).result(10)
        assert {store.write(Signal.TRACES, body).result(10).items for _, body in acknowledged} == {0}
        listed = [item.request_id for item in await store.requests(RequestFilter(), 1_000_000)]
        assert len(listed) == len(set(listed)) == len(acknowledged) + len(unanswered)
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert connection.execute("SELECT sum(items) FROM blocks").fetchone() == (2 * len(listed),)
