"""A process that is killed while it deletes leaves a store in which everything agrees with everything."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys

from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.otlp import SECOND, chat, log_record, log_records, metric_points, traces
from support.patience import WAIT_S

from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Dimension, LogFilter, MetricFilter, RequestFilter, Signal

PURGE = """
import asyncio, pathlib, sys
from venom_otel.store.embedded import EmbeddedStore, removal
removal.STEP_ITEMS = 8
store = EmbeddedStore(pathlib.Path(sys.argv[1]), min_free_bytes=0)
remove = store._writer.remove
def told(**arguments):
    removed = remove(**arguments)
    print(removed.blocks, flush=True)
    sys.stdin.readline()
    return removed
store._writer.remove = told
asyncio.run(store.purge(None))
"""
ROUNDS = 3


def gauge(number):
    points = [NumberDataPoint(time_unix_nano=number * SECOND, as_int=number)]
    return metric_points(Metric(name=f"gauge {number % 7}", gauge=Gauge(data_points=points)))


def fill(store, count):
    for number in range(1, count + 1):
        one = chat(model=f"model {number % 5}", start_ns=number * 20 * SECOND)
        for name, raw in ((Signal.TRACES, traces(one)), (Signal.METRICS, gauge(number)), (Signal.LOGS, log_records(log_record(of=one)))):
            store.write(name, raw).result(WAIT_S)


async def agrees(store):
    """How many requests there are, as everything in the store says."""
    usage = await store.usage()
    listed = await store.requests(RequestFilter(), 10_000)
    records = (await store.logs(LogFilter(), 10_000)).items
    series = await store.metric_series(MetricFilter(), 100)
    points = [point for one in series for point in await store.metric_points(one.id, 0, 2**62, 10_000)]
    summed = await store.aggregates(RequestFilter(), by=[Dimension.MODEL])
    assert usage.requests == usage.items[Signal.TRACES] == len(listed) == sum(one.requests for one in summed)
    assert usage.items[Signal.LOGS] == len(records)
    assert usage.items[Signal.METRICS] == len(points)
    for item in listed[:20]:
        assert len(await store.trace(item.trace_id)) == 1
        assert {record.trace_id for record in (await store.logs(LogFilter(trace_id=item.trace_id), 10)).items} <= {item.trace_id}
    return len(listed)


def delete_and_be_killed(path, steps):
    """Killed in its last step or right after it: it goes no further than it is let, however long the killer takes."""
    command = [sys.executable, "-c", PURGE, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for _ in range(steps):
            assert int(process.stdout.readline()) > 0
            process.stdin.write("\n")
            process.stdin.flush()
        os.kill(process.pid, signal.SIGKILL)


async def test_everything_agrees_after_kill_9(tmp_path):
    path = tmp_path / "t.db"
    dice = random.Random(os.urandom(8))
    with EmbeddedStore(path, min_free_bytes=0) as store:
        fill(store, 150)
        before = await agrees(store)
    for _ in range(ROUNDS):
        delete_and_be_killed(path, dice.randrange(1, 8))
        with EmbeddedStore(path, min_free_bytes=0) as store:
            left = await agrees(store)
            assert 0 < left < before
            before = left
    with EmbeddedStore(path, min_free_bytes=0) as store:
        fill(store, 5)
        assert await agrees(store) == before + 5
        assert (await store.purge(None)).requests == before + 5
    with contextlib.closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
