"""What an older version wrote can be asked for as if this one had written it."""

import random
import sqlite3
from contextlib import closing

import pytest
import zstandard
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.otlp import SECOND, chat, log_record, log_records, metric_points, traces
from support.patience import WAIT_S
from support.store_check import check_store

from venom_otel.errors import StoreError
from venom_otel.store.embedded import EmbeddedStore, backfill
from venom_otel.store.embedded.schema import APPLICATION_ID
from venom_otel.store.embedded.sql import versions
from venom_otel.store.protocol import Dimension, LogFilter, MetricFilter, RequestFilter, Signal

ARRIVED = 1_000 * SECOND


def gauge(second, name="up"):
    return Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=second * SECOND, as_int=second)]))


def first_version(path, *blocks):
    """A store as the first version made it: `blocks` of signal, raw request and number of items."""
    path.parent.mkdir(parents=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(versions()[0].ddl)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute("PRAGMA user_version = 1")
        for number, (signal, raw, items) in enumerate(blocks, 1):
            connection.execute("INSERT INTO blocks VALUES(?, ?, ?, 0, 0, ?, NULL, NULL)", (number, signal, ARRIVED + number, items))
            connection.execute("INSERT INTO payloads VALUES(?, x'', ?)", (number, zstandard.compress(raw)))
        connection.execute("UPDATE counters SET value = ? WHERE name = 'block'", [len(blocks) + 1])
        connection.commit()


def records(*bodies):
    return ("logs", log_records(*(log_record(body, time_ns=SECOND) for body in bodies)), len(bodies))


async def everything(store):
    names = {series.name: series.id for series in await store.metric_series(MetricFilter(), 100)}
    points = {name: [point.value for point in await store.metric_points(number, 0, 2**62, 100)] for name, number in names.items()}
    return points, [record.body for record in (await store.logs(LogFilter(), 100)).items]


async def test_metrics_and_logs_of_the_first_version_can_be_asked_for(path):
    first_version(
        path,
        ("metrics", metric_points(gauge(1), gauge(2, "down")), 2),
        records("one", "two"),
        ("traces", traces(chat()), 1),
        ("metrics", metric_points(gauge(3)), 1),
        ("logs", log_records(log_record("undated", time_ns=0)), 1),
    )
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert await everything(store) == ({"up": [1, 3], "down": [2]}, ["undated", "two", "one"])
        assert (await store.logs(LogFilter(since_ns=ARRIVED), 10)).items[0].time_ns == ARRIVED + 5
        usage = await store.usage()
        assert (usage.items, usage.oldest_ns) == ({Signal.TRACES: 1, Signal.METRICS: 3, Signal.LOGS: 3}, ARRIVED + 1)
        store.write(Signal.METRICS, metric_points(gauge(9))).result(WAIT_S)
        store.write(Signal.LOGS, log_records(log_record("new"))).result(WAIT_S)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert await everything(store) == ({"up": [1, 3, 9], "down": [2]}, ["new", "undated", "two", "one"])
        await store.purge(None)
        assert await everything(store) == ({}, [])
        assert (await store.usage()).items == dict.fromkeys(Signal, 0)


async def test_an_upgrade_that_was_cut_off_goes_on(path, monkeypatch):
    first_version(path, *(records(f"line {number}") for number in range(10)))
    monkeypatch.setattr(backfill, "_ITEMS", 3)
    decode, left = backfill.Decoder.decode, iter(range(7))

    def full_after_seven(self, signal, raw):
        if next(left, None) is None:
            error = sqlite3.OperationalError("the disk went away")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return decode(self, signal, raw)

    monkeypatch.setattr(backfill.Decoder, "decode", full_after_seven)
    with pytest.raises(StoreError, match="the disk went away"):
        EmbeddedStore(path, min_free_bytes=0)
    monkeypatch.setattr(backfill.Decoder, "decode", decode)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert (await everything(store))[1] == [f"line {number}" for number in range(9, -1, -1)]


async def test_how_fast_answers_were_written_counts_of_older_requests_too(path):
    dice = random.Random(7)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        for _ in range(40):
            more = {"gen_ai.usage.output_tokens": dice.choice((0, 1, 2, 50, 900, 2**63 - 1))}
            more |= {"gen_ai.response.time_to_first_chunk": dice.choice((0.0, 0.2, 4.999, 5.0, 9.0))} if dice.random() < 0.7 else {}
            more |= {"llm.timing.generation": dice.choice((0.0, 0.001, 3.0))} if dice.random() < 0.5 else {}
            more |= {"llm.outcome": "error"} if dice.random() < 0.1 else {}
            start_ns = ARRIVED + dice.randrange(3 * 86_400) * SECOND
            store.write(Signal.TRACES, traces(chat(dice.choice("ab"), more=more, start_ns=start_ns, duration_ns=5 * SECOND))).result(WAIT_S)
        of_then = await store.aggregates(RequestFilter(), by=(Dimension.PROVIDER,))
    with closing(sqlite3.connect(path)) as connection:
        for column in ("generations", "generated_tokens", "generation_ns"):
            connection.execute(f"ALTER TABLE rollups DROP COLUMN {column}")
        connection.execute("PRAGMA user_version = 6")
    with EmbeddedStore(path, min_free_bytes=0) as store:
        check_store(path)
        assert await store.aggregates(RequestFilter(), by=(Dimension.PROVIDER,)) == of_then
        assert all(one.generation.speed for one in of_then)


async def test_a_block_that_cannot_be_read_costs_the_others_nothing(path, caplog):
    first_version(path, records("before"), ("logs", b"\xff\xff", 1), records("after"))
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert (await everything(store))[1] == ["after", "before"]
    assert "block 2" in caplog.text
