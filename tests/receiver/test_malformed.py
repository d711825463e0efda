"""Payloads that were damaged on the way, 10,000 of them: always an OTLP answer, never a crash, never a neighbour lost."""

import asyncio
import itertools
import json
import os
import random
import secrets
import sys
from collections import Counter

import grpc
import pytest
from google.rpc.status_pb2 import Status
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.mutated import as_json, mutated, mutated_json, originals
from support.otlp import chat, log_record, log_records, metric_points, traces
from support.patience import WAIT_S
from support.poster import poster
from support.store_check import check_store

from venom_otel.receiver.grpc import SERVICES
from venom_otel.receiver.http import PATHS
from venom_otel.settings import CockpitSettings
from venom_otel.store.protocol import LogFilter, MetricFilter, RequestFilter, Search, Signal

BATCH = 100


@pytest.fixture
def settings():
    return CockpitSettings(min_free_bytes=0, max_series=1_000_000)


@pytest.fixture
def dice():
    """Other damage each time; `MUTATION_SEED` repeats a run, whose output says which it was."""
    seed = int(os.environ.get("MUTATION_SEED") or secrets.randbits(32))
    sys.stdout.write(f"MUTATION_SEED={seed}\n")
    return random.Random(seed)


class Neighbours:
    """Good requests among the damaged ones, one of each kind a batch."""

    def __init__(self):
        self.sent = []

    def another(self):
        name = f"neighbour {len(self.sent)}"
        one = chat()
        gauge = Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=one.start_time_unix_nano, as_int=1)]))
        self.sent.append((one, name))
        yield Signal.TRACES, traces(one)
        yield Signal.LOGS, log_records(log_record(name, of=one))
        yield Signal.METRICS, metric_points(gauge)

    async def are_there(self, store):
        for one, name in self.sent:
            assert await store.request(one.trace_id.hex(), one.span_id.hex()) is not None
            # In, not equal: one changed bit makes another's identifier of a damaged record's.
            assert name in [record.body for record in (await store.logs(LogFilter(trace_id=one.trace_id.hex()), 100)).items]
            (series,) = await store.metric_series(MetricFilter(name=name), 10)
            (point,) = await store.metric_points(series.id, 0, 2**63 - 1, 10)
            assert point.value == 1


async def what_was_accepted_can_be_read(store, dice):
    requests, before = [], None
    while page := await store.requests(RequestFilter(before=before), 500):
        requests += page
        before = page[-1].sequence
    for item in dice.sample(requests, min(200, len(requests))):
        assert item.span_id in {found.span_id for found in await store.trace(item.trace_id)}
    assert sum(group.requests for group in await store.aggregates(RequestFilter())) == len(requests)
    await store.search(RequestFilter(), Search(text="häß"), 500)
    records = await store.logs(LogFilter(), 10_000)
    assert len({record.sequence for record in records.items}) == len(records.items)
    for series in dice.sample(found := list(await store.metric_series(MetricFilter(), 100_000)), min(200, len(found))):
        await store.metric_points(series.id, 0, 2**63 - 1, 100)


async def test_over_http(receiver, dice, tmp_path):
    neighbours, codes = Neighbours(), Counter()

    async with poster(receiver.url) as http:

        async def protobuf(signal, body):
            answer = await http.post(PATHS[signal], body, "application/x-protobuf")
            assert answer.headers["content-type"] == "application/x-protobuf"
            assert answer.status == 200 or Status.FromString(answer.body).message
            return answer.status

        async def in_json(signal, body):
            answer = await http.post(PATHS[signal], body, "application/json")
            assert answer.headers["content-type"] == "application/json"
            assert answer.status == 200 or json.loads(answer.body)["message"]
            return answer.status

        for _ in range(70):
            sources = list(originals().items())
            readable = [(signal, as_json(signal, body)) for signal, body in sources]
            half = BATCH // 2
            damaged = [
                *((protobuf, signal, mutated(body, dice)) for signal, body in itertools.islice(itertools.cycle(sources), half)),
                *((in_json, signal, mutated_json(body, dice)) for signal, body in itertools.islice(itertools.cycle(readable), half)),
            ]
            dice.shuffle(damaged)
            good = [
                (protobuf, signal, body) if dice.random() < 0.5 else (in_json, signal, json.dumps(as_json(signal, body)).encode())
                for signal, body in neighbours.another()
            ]
            sends = (send(signal, body) for send, signal, body in (*damaged[:half], *good, *damaged[half:]))
            answers = await asyncio.gather(*sends)
            assert answers[half : half + 3] == [200] * 3
            codes.update(answers)
    assert set(codes) == {200, 400}, codes
    await neighbours.are_there(receiver.store)
    await what_was_accepted_can_be_read(receiver.store, dice)
    check_store(tmp_path / "t.db")


async def test_over_grpc(receiver, rpc, dice, tmp_path):
    neighbours, codes = Neighbours(), Counter()
    async with grpc.aio.insecure_channel(rpc.address) as channel:
        exports = {signal: channel.unary_unary(f"/{service}/Export") for signal, service in SERVICES.items()}

        async def send(signal, body):
            call = exports[signal](body, timeout=WAIT_S)
            if await call.code() is grpc.StatusCode.OK:
                await call
            else:
                assert await call.details()
            return await call.code()

        for _ in range(30):
            half = BATCH // 2
            damaged = [(signal, mutated(body, dice)) for signal, body in itertools.islice(itertools.cycle(originals().items()), BATCH)]
            sends = itertools.starmap(send, (*damaged[:half], *neighbours.another(), *damaged[half:]))
            answers = await asyncio.gather(*sends)
            assert answers[half : half + 3] == [grpc.StatusCode.OK] * 3
            codes.update(answers)
    assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.INVALID_ARGUMENT}, codes
    await neighbours.are_there(receiver.store)
    await what_was_accepted_can_be_read(receiver.store, dice)
    check_store(tmp_path / "t.db")
