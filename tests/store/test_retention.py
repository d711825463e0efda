"""What is old or too much goes, with everything made of it; what stays is whole; space goes back to the disk."""

import asyncio
import itertools
import os
import sqlite3
import threading
import time
from contextlib import closing

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.otlp import SECOND, chat, log_record, log_records, metric_points, span, traces
from support.patience import WAIT_S

from venom_otel.errors import StoreError
from venom_otel.store.embedded import EmbeddedStore, upkeep
from venom_otel.store.embedded.schema import open_reader
from venom_otel.store.embedded.upkeep import Retention
from venom_otel.store.protocol import Dimension, LogFilter, MetricFilter, Purged, RequestFilter, Signal, Usage, Written

TABLES = ("blocks", "payloads", "requests", "rollups", "series", "traces", "points", "streams", "logs", "log_kinds")
MINUTE = 60 * SECOND


seconds = itertools.count(1)


def gauge(name="up"):
    second = next(seconds)
    return metric_points(Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=second * SECOND, as_int=second)])))


def send(store, *requests):
    return [store.write(signal, raw).result(WAIT_S) for signal, raw in requests]


def a_bit_of_everything(name="x", **of_span):
    one = chat(model=name, **of_span)
    return one, (
        (Signal.TRACES, traces(one, span(parent=one, name="step"))),
        (Signal.METRICS, gauge(name)),
        (Signal.LOGS, log_records(log_record(name, of=one), service=name)),
    )


def rows(path):
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in TABLES}


async def until(condition):
    async with asyncio.timeout(WAIT_S):
        while not await condition():  # noqa: ASYNC110 - the file says nothing when it has become smaller
            await asyncio.sleep(0.05)


async def test_what_is_too_old_goes_with_everything_made_of_it(path):
    one, sent = a_bit_of_everything()
    with EmbeddedStore(path, min_free_bytes=0) as store:
        send(store, *sent)
        assert len(await store.requests(RequestFilter(), 10)) == 1
    with EmbeddedStore(path, min_free_bytes=0, retention=Retention(age_s=0.5)) as store:
        send(store, *a_bit_of_everything()[1])  # not too old yet

        async def empty():
            return (await store.usage()).oldest_ns is None

        await until(empty)
        assert await store.requests(RequestFilter(), 10) == []
        assert await store.trace(one.trace_id.hex()) == []
        assert await store.metric_series(MetricFilter(), 10) == []
        assert (await store.logs(LogFilter(), 10)).items == []
        assert await store.aggregates(RequestFilter()) == []
        assert rows(path) == dict.fromkeys(TABLES, 0)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        send(store, *a_bit_of_everything()[1])
        assert [item.sequence for item in await store.requests(RequestFilter(), 10)] == [3]


async def test_what_stays_is_whole(path, tmp_path):
    begin = 1_000 * MINUTE
    old = [a_bit_of_everything("old", start_ns=begin + number * SECOND, duration_ns=SECOND * (number + 1)) for number in range(30)]
    new = [a_bit_of_everything("new", start_ns=begin + number * SECOND, duration_ns=SECOND * (number + 2)) for number in range(30)]
    both = [a_bit_of_everything("both", start_ns=begin + number * SECOND) for number in range(2)]
    with EmbeddedStore(path, min_free_bytes=0) as store, EmbeddedStore(tmp_path / "fresh.db", min_free_bytes=0) as fresh:
        for _, requests in (*old, both[0]):
            send(store, *requests)
        between = time.time_ns()
        for _, requests in (*new, both[1]):
            send(store, *requests)
            send(fresh, *requests)
        purged = await store.purge(between)
        assert (purged.items, purged.requests) == ({Signal.TRACES: 62, Signal.METRICS: 31, Signal.LOGS: 31}, 31)
        for by, step in (((), None), ((Dimension.MODEL,), MINUTE), ((Dimension.STATUS,), 60 * MINUTE)):
            left, expected = [await one.aggregates(RequestFilter(), by=by, step_ns=step) for one in (store, fresh)]
            assert sorted(left, key=repr) == sorted(expected, key=repr)
        left, expected = [await one.requests(RequestFilter(), 100) for one in (store, fresh)]
        assert [item.request_id for item in left] == [item.request_id for item in expected]
        assert await store.requests(RequestFilter(model="old"), 100) == []
        for one, _ in old:
            assert await store.trace(one.trace_id.hex()) == []
        for one, _ in new:
            assert [found.name for found in await store.trace(one.trace_id.hex())] == [one.name, "step"]
            assert [record.body for record in (await store.logs(LogFilter(trace_id=one.trace_id.hex()), 10)).items] == ["new"]
        assert [series.name for series in await store.metric_series(MetricFilter(), 10)] == ["both", "new"]
        assert {record.body for record in (await store.logs(LogFilter(), 100)).items} == {"new", "both"}
        assert (await store.usage()).items == (await fresh.usage()).items
    assert {name: count for name, count in rows(path).items() if name not in {"blocks", "payloads"}} == {
        name: count for name, count in rows(tmp_path / "fresh.db").items() if name not in {"blocks", "payloads"}
    }


async def test_more_than_may_be_kept_goes_oldest_first(path):
    limit = 3 * 1024 * 1024
    with EmbeddedStore(path, min_free_bytes=0, retention=Retention(size_bytes=limit)) as store:
        sent = [chat(more={"noise": os.urandom(40_000)}) for _ in range(200)]
        for one in sent:
            store.write(Signal.TRACES, traces(one)).result(WAIT_S)

        async def small():
            """And nothing was deleted meanwhile."""
            nonlocal kept
            kept = await store.requests(RequestFilter(), 500)
            return len(kept) == (await store.usage()).requests < 80

        kept = []
        await until(small)
        assert [item.span_id for item in kept] == [one.span_id.hex() for one in sent[: -len(kept) - 1 : -1]]
        assert len(kept) > 40
    assert path.stat().st_size < 1.5 * limit


async def test_all_can_be_deleted_and_sent_again_and_space_goes_back(store, path):
    noise = [(Signal.TRACES, traces(chat(more={"noise": os.urandom(100_000)}))) for _ in range(100)]
    _, sent = a_bit_of_everything()
    send(store, *noise, *sent)
    before = (await store.usage()).size_bytes
    purged = await store.purge(None)
    assert purged.items == {Signal.TRACES: 102, Signal.METRICS: 1, Signal.LOGS: 1}
    assert purged.requests == 101
    assert purged.freed_bytes > 9_000_000
    assert (await store.usage()).size_bytes < before / 10
    assert rows(path) == dict.fromkeys(TABLES, 0)
    assert send(store, *sent) == [Written(2), Written(1), Written(1)]
    assert await store.purge(0) == Purged(dict.fromkeys(Signal, 0), 0, 0)


async def test_what_comes_while_all_is_deleted_stays(store, monkeypatch):
    monkeypatch.setattr("venom_otel.store.embedded.removal.STEP_ITEMS", 1)
    for _ in range(300):
        store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
    remove, turns, come = store._writer.remove, iter(range(4)), threading.Semaphore(0)

    def in_turn(**arguments):
        if next(turns, None) is not None:
            assert come.acquire(timeout=WAIT_S)  # so that something does come meanwhile, on any machine
        return remove(**arguments)

    monkeypatch.setattr(store._writer, "remove", in_turn)
    ordered = asyncio.ensure_future(store.purge(None))
    await asyncio.sleep(0)
    later = []
    while not ordered.done():
        later.append(chat())
        written = store.write(Signal.TRACES, traces(later[-1]))
        come.release()
        await asyncio.wait_for(asyncio.wrap_future(written), WAIT_S)
    assert (await ordered).requests == 300
    assert [item.span_id for item in await store.requests(RequestFilter(), 5_000)] == [one.span_id.hex() for one in reversed(later)]
    assert len(later) > 3


async def test_a_page_that_is_being_read_stays_whole(store, path):
    for _ in range(50):
        send(store, (Signal.TRACES, traces(chat())))
    with closing(open_reader(path)) as reader:
        reader.execute("BEGIN")
        (first,) = reader.execute("SELECT id FROM requests ORDER BY id LIMIT 1").fetchone()
        assert (await store.purge(None)).requests == 50
        assert reader.execute("SELECT count(*) FROM requests WHERE id >= ?", [first]).fetchone() == (50,)
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM requests").fetchone() == (0,)


async def test_room_for_series_comes_back(path):
    with EmbeddedStore(path, min_free_bytes=0, max_series=1) as store:
        assert send(store, (Signal.METRICS, gauge("a")), (Signal.METRICS, gauge("b"))) == [
            Written(1), Written(0, 1, send(store, (Signal.METRICS, gauge("c")))[0].reason)
        ]  # fmt: skip
        await store.purge(None)
        assert send(store, (Signal.METRICS, gauge("b"))) == [Written(1)]
        assert [series.name for series in await store.metric_series(MetricFilter(), 10)] == ["b"]


async def test_much_free_space_goes_back_by_itself(path, monkeypatch):
    monkeypatch.setattr(upkeep, "_MUCH_BYTES", 1_000_000)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        for _ in range(100):
            store.write(Signal.TRACES, traces(chat(more={"noise": os.urandom(50_000)}))).result(WAIT_S)
    assert path.stat().st_size > 5_000_000
    # All are too old at once: of blocks that become so one by one the last may leave less than is worth a copy, which stays in the file.
    with EmbeddedStore(path, min_free_bytes=0, retention=Retention(age_s=1e-9)) as store:

        async def small():
            return (await store.usage()).size_bytes < 1_000_000

        await until(small)


async def test_a_disk_without_room_to_copy_keeps_its_file(store, path, monkeypatch):
    send(store, *[(Signal.TRACES, traces(chat(more={"noise": os.urandom(100_000)}))) for _ in range(30)])
    monkeypatch.setattr(upkeep, "_ROOM_TO_COPY", 1e12)
    assert await store.purge(None) == Purged({Signal.TRACES: 30, Signal.METRICS: 0, Signal.LOGS: 0}, 30, 0)
    assert send(store, (Signal.TRACES, traces(chat()))) == [Written(1)]


async def test_an_order_that_a_closing_store_cannot_do_fails_in_words(path):
    store = EmbeddedStore(path, min_free_bytes=0)
    store.close()
    with pytest.raises(StoreError, match="closed"):
        await store.purge(None)


async def test_usage_counts_what_is_kept(store, path):
    assert await store.usage() == Usage(dict.fromkeys(Signal, 0), 0, (await store.usage()).size_bytes, None)
    began = time.time_ns()
    one, sent = a_bit_of_everything()
    send(store, *sent, *sent)
    store.write(Signal.TRACES, traces(one, chat())).result(WAIT_S)
    usage = await store.usage()
    assert usage.items == {Signal.TRACES: 4, Signal.METRICS: 1, Signal.LOGS: 1}
    assert usage.requests == 2
    assert began <= usage.oldest_ns <= time.time_ns()
    assert usage.size_bytes >= path.stat().st_size


async def test_closing_does_not_wait_for_a_copy(path, monkeypatch, caplog):
    """The end of `venom-otel up` is not held up by what nobody needs."""
    store = EmbeddedStore(path, min_free_bytes=0)
    send(store, *[(Signal.TRACES, traces(chat(more={"noise": os.urandom(100_000)}))) for _ in range(20)])
    reached, vacuum = threading.Event(), store._writer.vacuum

    def slow():
        # A statement that would go on for minutes stands for the copy of a large file.
        store._writer._copying = True
        reached.set()
        try:
            store._writer._connection.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1e12) SELECT max(i) FROM n"
            ).fetchone()
        except sqlite3.Error as error:
            raise StoreError(str(error)) from error
        finally:
            store._writer._copying = False
        vacuum()

    monkeypatch.setattr(store._writer, "vacuum", slow)
    ordered = asyncio.ensure_future(store.purge(None))
    await asyncio.to_thread(reached.wait, WAIT_S)
    begin = time.monotonic()
    await asyncio.to_thread(store.close)
    assert time.monotonic() - begin < WAIT_S
    assert (await ordered).items[Signal.TRACES] == 20
    assert "free space stays in the store's file: interrupted" in caplog.text


async def test_a_failure_to_delete_stops_nothing_else(path, monkeypatch, caplog):
    with EmbeddedStore(path, min_free_bytes=0, retention=Retention(age_s=0.2)) as store:

        def fail(last, before_ns):
            raise sqlite3.OperationalError("a mistake")

        monkeypatch.setattr(store._writer._removal, "oldest", fail)
        monkeypatch.setattr(store._writer, "_in_words", lambda error: StoreError(f"in words: {error}"))
        send(store, (Signal.TRACES, traces(chat())))

        async def said():
            return "what is too old or too much cannot be deleted now: in words: a mistake" in caplog.text

        await until(said)
        assert send(store, (Signal.TRACES, traces(chat()))) == [Written(1)]
        with pytest.raises(StoreError, match="in words: a mistake"):
            await store.purge(None)
        monkeypatch.setattr(store._writer._removal, "oldest", lambda last, before_ns: 1 / 0)
        with pytest.raises(StoreError, match="log says why"):
            await store.purge(None)
        assert send(store, (Signal.TRACES, traces(chat()))) == [Written(1)]
        assert len(await store.requests(RequestFilter(), 10)) == 3


async def test_an_order_that_nobody_waits_for_any_more_harms_nobody(store, monkeypatch):
    monkeypatch.setattr("venom_otel.store.embedded.removal.STEP_ITEMS", 1)
    for _ in range(50):
        store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
    first, second = (asyncio.ensure_future(store.purge(None)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    await second
    assert await store.requests(RequestFilter(), 100) == []
    assert send(store, (Signal.TRACES, traces(chat()))) == [Written(1)]
