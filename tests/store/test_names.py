"""A sender that makes names up costs lists their words, and nothing else."""

import sqlite3
from contextlib import closing

from support.otlp import chat, log_record, log_records, traces
from support.patience import WAIT_S

from venom_otel.store.embedded import EmbeddedStore, writer
from venom_otel.store.protocol import Dimension, LogFilter, RequestFilter, Signal


def send(store, *spans, service="chat-api"):
    store.write(Signal.TRACES, traces(*spans, service=service)).result(WAIT_S)


def rows(path, table):
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


async def test_parties_beyond_the_limit_are_stored_but_not_told_apart(path, caplog):
    sent = [chat(model=f"model {number}") for number in range(10)]
    with EmbeddedStore(path, min_free_bytes=0, max_series=3) as store:
        for one in sent:
            send(store, one)
        send(store, chat(model="model 1"))
        listed = await store.requests(RequestFilter(), 100)
        assert [item.model for item in listed] == ["model 1", *[None] * 7, "model 2", "model 1", "model 0"]
        assert await store.requests(RequestFilter(model="model 7"), 10) == []
        (whole,) = await store.trace(sent[7].trace_id.hex())
        assert whole.attributes["llm.model"] == "model 7"
        figures = await store.aggregates(RequestFilter(), by=[Dimension.MODEL])
        assert {one.group[Dimension.MODEL]: one.requests for one in figures} == {"model 0": 1, "model 1": 2, "model 2": 1, None: 7}
        assert rows(path, "series") == 4
        assert caplog.text.count("VENOM_OTEL_MAX_SERIES") == 1
        await store.purge(None)
        send(store, chat(model="model 9"))
        assert [item.model for item in await store.requests(RequestFilter(), 100)] == ["model 9"]


async def test_kinds_of_errors_are_bounded(path, monkeypatch):
    monkeypatch.setattr(writer, "MAX_ENDINGS", 2)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        send(store, *(chat(more={"llm.outcome": "error", "llm.error.kind": f"kind {number}"}) for number in range(5)))
        listed = await store.requests(RequestFilter(), 100)
        assert {item.status for item in listed} == {"FAILED"}
        assert [item.error_kind for item in listed].count(None) == 3
        assert rows(path, "endings") == 3


async def test_writers_of_logs_are_bounded(path):
    with EmbeddedStore(path, min_free_bytes=0, max_series=2) as store:
        for number in range(6):
            store.write(Signal.LOGS, log_records(log_record(number), service=f"service {number}")).result(WAIT_S)
        listed = (await store.logs(LogFilter(), 10)).items
        assert [record.service for record in listed] == [f"service {number}" for number in range(5, -1, -1)]
        assert [record.body for record in (await store.logs(LogFilter(service="service 1"), 10)).items] == [1]
        assert rows(path, "log_kinds") == 3
