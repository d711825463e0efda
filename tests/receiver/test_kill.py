"""What was acknowledged survives `kill -9` of the receiver at any moment: spans, data points and log records, by HTTP and gRPC."""

import asyncio
import contextlib
import itertools
import json
import os
import random
import signal
import sys
from dataclasses import dataclass

import grpc
import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.killable import SETTINGS
from support.otlp import chat, log_record, log_records, metric_points, request_id, span, traces
from support.patience import WAIT_S
from support.poster import poster
from support.repository import ROOT
from support.store_check import check_store

from venom_otel.receiver.grpc import SERVICES
from venom_otel.receiver.http import PATHS
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import LogFilter, MetricFilter, RequestFilter, Signal

ROUNDS = 50
SENDERS = 6
POINTS = [(second * 1_000_000_000, second) for second in range(1, 4)]


@dataclass(frozen=True)
class Sent:
    """A request and what is to be found of it."""

    signal: Signal
    body: bytes
    root: object
    name: str

    async def is_there(self, store):
        match self.signal:
            case Signal.TRACES:
                names = [step.name for step in await store.trace(self.root.trace_id.hex())]
                return names == [self.root.name, self.name]
            case Signal.LOGS:
                records = (await store.logs(LogFilter(trace_id=self.root.trace_id.hex()), 10)).items
                return sorted(record.body for record in records) == [f"{self.name} 0", f"{self.name} 1"]
            case Signal.METRICS:
                (series,) = await store.metric_series(MetricFilter(name=self.name), 2)
                points = await store.metric_points(series.id, 0, 2**63 - 1, 10)
                return [(point.time_ns, point.value) for point in points] == POINTS


def requests():
    """One after the other, of each kind in turn."""
    for number in itertools.count():
        name, root = f"step {number}", chat(more={"text": "x" * 2_000})
        yield Sent(Signal.TRACES, traces(root, span(parent=root, name=name)), root, name)
        root = chat()
        yield Sent(Signal.LOGS, log_records(*(log_record(f"{name} {line}", of=root) for line in range(2))), root, name)
        points = [NumberDataPoint(time_unix_nano=time_ns, as_int=value) for time_ns, value in POINTS]
        yield Sent(Signal.METRICS, metric_points(Metric(name=name, gauge=Gauge(data_points=points))), root, name)


async def one_life(launcher, sending, dice):
    """Start a receiver, send until it is killed in the midst of it; what it acknowledged, and what it did not."""
    launcher.stdin.write(b"\n")
    receiver = json.loads(await launcher.stdout.readline())
    acknowledged, unanswered = [], []
    enough = dice.randrange(10, 150)

    async def send(export):
        while True:
            one = next(sending)
            if not await export(one):
                unanswered.append(one)
                return
            acknowledged.append(one)
            if len(acknowledged) == enough:
                os.kill(receiver["pid"], signal.SIGKILL)

    async with (
        poster(f"http://127.0.0.1:{receiver['http']}") as http,
        grpc.aio.insecure_channel(f"127.0.0.1:{receiver['grpc']}") as channel,
    ):

        async def by_http(one):
            try:
                answer = await http.post(PATHS[one.signal], one.body, "application/x-protobuf")
            except (OSError, EOFError):
                return False
            assert answer.status == 200
            return True

        async def by_grpc(one):
            code = await channel.unary_unary(f"/{SERVICES[one.signal]}/Export")(one.body, timeout=WAIT_S).code()
            assert code in {grpc.StatusCode.OK, grpc.StatusCode.UNAVAILABLE}
            return code is grpc.StatusCode.OK

        await asyncio.gather(*(send(by_grpc if number % 2 else by_http) for number in range(SENDERS)))
    return acknowledged, unanswered


@pytest.mark.slow
@pytest.mark.timeout(ROUNDS * WAIT_S)
async def test_everything_acknowledged_is_there_after_fifty_kills(tmp_path):
    path = tmp_path / "t.db"
    dice, sending = random.Random(os.urandom(8)), requests()
    acknowledged, unanswered = [], []
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    pipe = asyncio.subprocess.PIPE
    command = [sys.executable, "-m", "support.killable", str(path)]
    launcher = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, env=environment, start_new_session=True)
    try:
        for _ in range(ROUNDS):
            async with asyncio.timeout(WAIT_S):
                known, unknown = await one_life(launcher, sending, dice)
            acknowledged += known
            unanswered += unknown
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(launcher.pid, signal.SIGKILL)  # it and the receiver, where one still runs
        await launcher.wait()
    assert len(acknowledged) >= ROUNDS * 10
    assert len(unanswered) == ROUNDS * SENDERS
    check_store(path)
    with EmbeddedStore.from_settings(path, SETTINGS) as store:
        assert [one for one in acknowledged if not await one.is_there(store)] == []
        # Exporters send again what got no answer, whether it was stored or not; and what was answered is known.
        for one in unanswered:
            store.write(one.signal, one.body).result(WAIT_S)
        assert {store.write(one.signal, one.body).result(WAIT_S).items for one in acknowledged} == {0}
        every = [*acknowledged, *unanswered]
        assert [one for one in every if not await one.is_there(store)] == []
        listed = [item.request_id for item in await store.requests(RequestFilter(), 1_000_000)]
        assert sorted(listed) == sorted(request_id(one.root) for one in every if one.signal is Signal.TRACES)
    check_store(path)
