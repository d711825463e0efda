"""Requests that were stored before cold starts were told apart are told apart after the upgrade, wherever they are counted."""

import random
import sqlite3
from contextlib import closing

import pytest
from support.otlp import SECOND, chat, span, traces
from support.patience import WAIT_S
from support.store_check import check_store

from venom_otel import semconv
from venom_otel.errors import StoreError
from venom_otel.store.embedded import EmbeddedStore, rejudging
from venom_otel.store.mapping import HOT
from venom_otel.store.protocol import Dimension, RequestFilter, Signal

HOUR = 3_600 * SECOND
START = 1_790_000_000 * SECOND
BEFORE = """
CREATE TABLE before(
    id INTEGER PRIMARY KEY, status TEXT NOT NULL, error_kind TEXT NOT NULL, routed INTEGER NOT NULL, UNIQUE(status, error_kind, routed)
);
INSERT INTO before SELECT id, status, error_kind, routed FROM endings;
DROP TABLE endings;
ALTER TABLE before RENAME TO endings;
DELETE FROM counters WHERE name = 'unjudged';
ALTER TABLE rollups DROP COLUMN generations;
ALTER TABLE rollups DROP COLUMN generated_tokens;
ALTER TABLE rollups DROP COLUMN generation_ns;
PRAGMA user_version = 5;
"""


def some(dice, number, told=(None, False, True)):
    """Requests of one provider over six hours, of some of which the runtime says whether they were cold starts."""
    for _ in range(number):
        more = {"llm.outcome": dice.choice(["ok", "ok", "error"]), "gen_ai.usage.output_tokens": dice.randrange(100)}
        if (cold := dice.choice(told)) is not None:
            more["llm.cold_start"] = cold
        yield chat("ollama", dice.choice("ab"), more=more, start_ns=START + dice.randrange(6 * HOUR), duration_ns=dice.randrange(1, 10**10))


@pytest.fixture
def old_store(path, monkeypatch):
    """A store as version 5 wrote it, with so many requests, and how often each model was cold or not."""

    def make(*blocks):
        with monkeypatch.context() as older:
            older.delitem(HOT, semconv.LLM_COLD_START)
            for block in blocks:  # each in a process of its own: else what waits is written together
                with EmbeddedStore(path, min_free_bytes=0) as store:
                    store.write(Signal.TRACES, traces(*block)).result(WAIT_S)
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(BEFORE)
        return path

    return make


def told(spans):
    """What the spans say, counted by model and cold start, in the store's words."""
    counts = {}
    for one in spans:
        said = {item.key: item.value for item in one.attributes}
        cold = {True: "true", False: "false"}[said["llm.cold_start"].bool_value] if "llm.cold_start" in said else None
        key = said["llm.model"].string_value, cold
        counts[key] = counts.get(key, 0) + 1
    return counts


async def counted(store, **which):
    found = await store.aggregates(RequestFilter(**which), by=[Dimension.MODEL, Dimension.COLD_START])
    return {tuple(aggregate.group.values()): aggregate.requests for aggregate in found}


async def test_what_was_stored_before_is_counted_and_listed(old_store):
    dice = random.Random(7)
    blocks = [list(some(dice, 200)), list(some(dice, 100, told=[None])), [span({"http.request.method": "POST"}), *some(dice, 50)]]
    path = old_store(*blocks)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        sent = [one for block in blocks for one in block if one.name.startswith("chat")]
        assert await counted(store) == told(sent)
        early = {"since_ns": START, "until_ns": START + HOUR}
        assert sum((await counted(store, **early)).values()) == len(await store.requests(RequestFilter(**early), 1_000))
        listed = {found.span_id: found.cold_start for found in await store.requests(RequestFilter(), 1_000)}
        said = {one.span_id.hex(): [item.value.bool_value for item in one.attributes if item.key == "llm.cold_start"] for one in sent}
        assert listed == {span_id: cold[0] if cold else None for span_id, cold in said.items()}
        store.write(Signal.TRACES, traces(chat("ollama", "a", more={"llm.cold_start": True}, start_ns=START))).result(WAIT_S)
        assert sum((await counted(store)).values()) == len(sent) + 1
    check_store(path)


async def test_an_upgrade_that_was_cut_off_goes_on(old_store, monkeypatch):
    dice = random.Random(8)
    blocks = [list(some(dice, 10)) for _ in range(6)]
    path = old_store(*blocks)
    monkeypatch.setattr(rejudging, "_REQUESTS", 15)
    judged, left = rejudging.Rejudging._endings_of, iter(range(5))

    def gone_after_five(self, block, zstd):
        if next(left, None) is None:
            error = sqlite3.OperationalError("the disk went away")
            error.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise error
        return judged(self, block, zstd)

    with monkeypatch.context() as failing:
        failing.setattr(rejudging.Rejudging, "_endings_of", gone_after_five)
        with pytest.raises(StoreError, match="the disk went away"):
            EmbeddedStore(path, min_free_bytes=0)
    check_store(path)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert await counted(store) == told(one for block in blocks for one in block)
    check_store(path)


async def test_a_block_that_cannot_be_read_costs_the_others_nothing(old_store, caplog):
    dice = random.Random(9)
    blocks = [list(some(dice, 5, told=[True])) for _ in range(2)]
    path = old_store(*blocks)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE payloads SET zstd = x'00' WHERE block = 1")
        connection.commit()
    with EmbeddedStore(path, min_free_bytes=0) as store:
        counts = {}
        for (_, cold), requests in (await counted(store)).items():
            counts[cold] = counts.get(cold, 0) + requests
        assert counts == {None: 5, "true": 5}
    assert "block 1" in caplog.text
