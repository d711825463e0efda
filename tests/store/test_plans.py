"""Queries stay as fast at ten million spans as at ten: none of them walks a table that grows."""

import re
import sqlite3
from contextlib import closing
from importlib.resources import files

import pytest

from venom_otel.store.embedded import sql
from venom_otel.store.embedded.schema import upgrade
from venom_otel.store.embedded.sql import statement

QUERIES = sorted(entry.name.removesuffix(".sql") for entry in files(sql).iterdir() if re.match(r"(?!open_).*\.sql$", entry.name))
WALKS = {
    "last_request_until": "SCAN blocks",  # from the newest, to the first that is old enough
    "last_log_block_until": "SCAN blocks",
    "recent_digests": "SCAN payloads",  # from the newest, to as many as are remembered
}
BY_SHARD = ("trace_blocks", "find_request", "shard_of")


def plan(name):
    with closing(sqlite3.connect(":memory:")) as connection:
        upgrade(connection)
        text = statement(name)
        named = dict.fromkeys(re.findall(r":(\w+)", text), 1) | dict.fromkeys(("series", "endings", "ids", "kinds"), "[1]")
        arguments = [1] * text.count("?") or named
        return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {text}", arguments)]


def test_there_are_queries():
    assert len(QUERIES) > 15


@pytest.mark.parametrize("name", QUERIES)
def test_no_growing_table_is_walked(name):
    walks = [
        step for step in plan(name) if re.fullmatch(r"SCAN (TABLE )?(requests|traces|blocks|payloads|rollups|points|logs|r|found)", step)
    ]
    # The first shard of the trace index is the first entry of its key; LIMIT 1 ends that walk at once.
    walks = [step for step in walks if (name, step) not in {(by_shard, "SCAN traces") for by_shard in BY_SHARD}]
    assert walks == ([WALKS[name]] if name in WALKS else [])


@pytest.mark.parametrize("name", QUERIES)
def test_no_index_is_made_for_one_question(name):
    assert not any("AUTOMATIC" in step for step in plan(name))


@pytest.mark.parametrize("name", ["newest_by_series", "oldest_by_series"])
def test_filters_are_ranges_of_one_index(name):
    assert any("requests_by_series (series=? AND ending=? AND rowid>? AND rowid<?)" in step for step in plan(name))


def test_a_trace_is_not_sorted():
    assert not any("TEMP B-TREE" in step for step in plan("trace_blocks"))
