"""What is written is found again, whole and once."""

import asyncio
import sqlite3
import time
from contextlib import closing

import pytest
import zstandard
from support.otlp import SECOND, chat, logs, metrics, new_trace_id, span, traces
from support.patience import WAIT_S

from venom_otel.errors import PayloadError, StoreBusyError, StoreError
from venom_otel.store.embedded import EmbeddedStore, reads
from venom_otel.store.embedded.sql import statement
from venom_otel.store.protocol import Dimension, RequestFilter, RequestStatus, RequestSummary, Signal, Written

EVERYTHING = {
    "text": "häß\x00lich", "yes": True, "int": -(2**63), "float": 0.1, "bytes": b"\x00\xff", "none": None,
    "list": ["a", 1, [True]], "map": {"a": {"b": [None, 2.5]}},
}  # fmt: skip


def blocks(path, signal):
    """What was kept of a signal, oldest first: compressed requests, number of items, first and last time, arrival."""
    query = "SELECT zstd, items, first_ns, last_ns, arrived_ns FROM blocks JOIN payloads ON block = id WHERE signal = ? ORDER BY id"
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(query, [signal]).fetchall()


async def test_a_span_comes_back_whole(store):
    parent = span(name="parent")
    child = span(EVERYTHING, parent=parent, name="child", kind=4, status=2, message="broken", events={"exception": EVERYTHING, "b": {}})
    assert store.write(Signal.TRACES, traces(parent, child)).result(WAIT_S) == Written(2)
    first, second = await store.trace(parent.trace_id.hex())
    assert (first.name, first.parent_span_id) == ("parent", None)
    assert (second.name, second.kind, second.status_code, second.status_message) == ("child", 4, 2, "broken")
    assert (second.trace_id, second.span_id, second.parent_span_id) == (child.trace_id.hex(), child.span_id.hex(), parent.span_id.hex())
    assert (second.start_ns, second.end_ns) == (child.start_time_unix_nano, child.end_time_unix_nano)
    assert (second.service, second.scope, second.resource) == ("chat-api", "tests", {"service.name": "chat-api"})
    assert second.attributes == EVERYTHING
    assert [(event.name, event.attributes) for event in second.events] == [("exception", EVERYTHING), ("b", {})]


async def test_a_trace_is_put_together_from_several_requests_and_nothing_else(store):
    root, other = chat(), chat()
    late = span(parent=root, name="late", start_ns=root.start_time_unix_nano + 1)
    store.write(Signal.TRACES, traces(root, other)).result(WAIT_S)
    store.write(Signal.TRACES, traces(*(chat() for _ in range(50)))).result(WAIT_S)
    store.write(Signal.TRACES, traces(late)).result(WAIT_S)
    assert [found.name for found in await store.trace(root.trace_id.hex())] == [root.name, "late"]
    assert [found.span_id for found in await store.trace(other.trace_id.hex())] == [other.span_id.hex()]
    assert await store.trace(new_trace_id().hex()) == []


async def test_traces_whose_index_keys_are_equal_are_told_apart(store):
    tail = new_trace_id()[-8:]
    one, two = (span(trace_id=head + tail, name=head.decode()) for head in (b"one~~~~~", b"two~~~~~"))
    store.write(Signal.TRACES, traces(one, two)).result(WAIT_S)
    assert [found.name for found in await store.trace(one.trace_id.hex())] == ["one~~~~~"]
    assert [found.name for found in await store.trace(two.trace_id.hex())] == ["two~~~~~"]


async def test_one_request_by_its_identifiers(store):
    sent = [chat(start_ns=day * 86_400 * SECOND) for day in (0, 1, 20_000, 20_001, 100_000)]
    store.write(Signal.TRACES, traces(*sent)).result(WAIT_S)
    for one in sent:
        found = await store.request(one.trace_id.hex(), one.span_id.hex())
        assert found is not None
        assert found.start_ns == one.start_time_unix_nano
    assert await store.request(sent[0].trace_id.hex(), sent[1].span_id.hex()) is None


async def test_every_field_of_a_request_is_told(store):
    said = {
        "gen_ai.response.model": "answers", "gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": 0.25,
        "gen_ai.usage.input_tokens": 3, "gen_ai.usage.output_tokens": 0, "llm.outcome": "error", "llm.error.kind": "timeout",
        "error.type": "T", "llm.timing.queue": 0.5, "llm.timing.load": 0.0, "llm.timing.prompt": 0.125, "llm.timing.generation": 2,
    }  # fmt: skip
    one, plain = chat("vllm", "m", more=said, start_ns=5, duration_ns=7, message="too late"), chat(start_ns=9, duration_ns=1)
    store.write(Signal.TRACES, traces(one, plain, service="app")).result(WAIT_S)
    (endpoint,) = [item.value.string_value for item in one.attributes if item.key == "llm.endpoint"]
    assert await store.request(one.trace_id.hex(), one.span_id.hex()) == RequestSummary(
        sequence=1, trace_id=one.trace_id.hex(), span_id=one.span_id.hex(), service="app", status=RequestStatus.FAILED, provider="vllm",
        model="m", response_model="answers", endpoint=endpoint, start_ns=5, duration_ns=7, first_chunk_ns=250_000_000, streaming=True,
        input_tokens=3, output_tokens=0, error_kind="timeout", error_type="T", error_message="too late",
        queue_ns=500_000_000, load_ns=0, prompt_ns=125_000_000, generation_ns=2_000_000_000,
    )  # fmt: skip
    other = await store.request(plain.trace_id.hex(), plain.span_id.hex())
    assert (other.status, other.streaming, other.first_chunk_ns, other.error_kind) == (RequestStatus.COMPLETED, False, None, None)
    assert (other.queue_ns, other.load_ns, other.prompt_ns, other.generation_ns) == (None, None, None, None)


async def test_of_the_runtimes_times_each_may_be_told_alone(store):
    names = ("queue", "load", "prompt", "generation")
    sent = [chat(more={f"llm.timing.{name}": 0.25}, start_ns=1) for name in names] + [chat(more={"llm.timing.load": -1.0}, start_ns=1)]
    store.write(Signal.TRACES, traces(*sent)).result(WAIT_S)
    told = [[getattr(found, f"{name}_ns") for name in names] for found in await store.requests(RequestFilter(after=0), 10)]
    quarter = 250_000_000
    assert told == [[quarter if at == place else None for at in range(4)] for place in range(4)] + [[None] * 4]


async def test_cold_starts_are_told_apart(store):
    said = {"cold": {"llm.cold_start": True}, "warm": {"llm.cold_start": False}, "not told": {}, "no flag": {"llm.cold_start": "yes"}}
    store.write(Signal.TRACES, traces(*(chat("ollama", model, more=more, start_ns=5) for model, more in said.items()))).result(WAIT_S)
    listed = {found.model: found.cold_start for found in await store.requests(RequestFilter(), 10)}
    assert listed == {"cold": True, "warm": False, "not told": None, "no flag": None}
    counted = await store.aggregates(RequestFilter(), by=[Dimension.COLD_START])
    assert {one.group[Dimension.COLD_START]: one.requests for one in counted} == {"true": 1, "false": 1, None: 2}


async def test_attempts_of_routed_calls_are_told_apart(store):
    def attempt(model, *, fallback, **more):
        return chat("vllm", model, more={"llm.route.fallback": fallback, "llm.route.attempt": 1, **more}, start_ns=5)

    failed = {"llm.outcome": "error", "llm.error.kind": "timeout"}
    sent = [
        attempt("first", fallback=False),
        attempt("failed", fallback=False, **failed),
        attempt("instead", fallback=True),
        attempt("instead, failed", fallback=True, **failed),
        chat("vllm", "alone", start_ns=5),
        chat("vllm", "alone, failed", more=failed, start_ns=5),
    ]
    store.write(Signal.TRACES, traces(*sent)).result(WAIT_S)

    async def models(**which):
        return {found.model: found.fallback for found in await store.requests(RequestFilter(after=0, **which), 10)}

    everything = {"first": False, "failed": False, "instead": True, "instead, failed": True, "alone": None, "alone, failed": None}
    assert await models() == everything
    assert await models(fallback=True) == {"instead": True, "instead, failed": True}
    assert await models(fallback=False, status=RequestStatus.COMPLETED) == {"first": False}
    assert await models(error_kind="timeout") == {"failed": False, "instead, failed": True, "alone, failed": None}
    by_kind = await store.aggregates(RequestFilter(), by=(Dimension.STATUS, Dimension.ERROR_KIND))
    counts = {tuple(part.group.values()): part.requests for part in by_kind}
    assert counts == {("COMPLETED", None): 3, ("FAILED", "timeout"): 3}, "figures count each as a request"


def test_a_row_of_the_list_has_the_fields_in_their_order(path, store):
    with closing(sqlite3.connect(path)) as connection:
        columns = connection.execute(statement("requests_by_id"), {"ids": "[]"}).description
    assert tuple(name for name, *_ in columns) == reads.FIELDS


async def test_requests_can_be_asked_of_an_empty_store(store):
    assert await store.requests(RequestFilter(), 10) == []
    assert await store.requests(RequestFilter(provider="x", since_ns=1, until_ns=2), 10) == []
    assert await store.request("0" * 32, "0" * 16) is None
    assert await store.trace("0" * 32) == []


async def test_the_same_request_sent_again_is_stored_once(store, path):
    sent = traces(chat(), span())
    assert store.write(Signal.TRACES, sent).result(WAIT_S) == Written(2)
    assert store.write(Signal.TRACES, sent).result(WAIT_S) == Written(0)
    together = [store.write(Signal.TRACES, traces(span()) if again is None else again) for again in (None, sent, sent)]
    assert [written.result(WAIT_S).items for written in together] == [1, 0, 0]
    assert len(await store.requests(RequestFilter(), 10)) == 1
    assert sum(items for _, items, *_ in blocks(path, "traces")) == 3


async def test_a_request_whose_answer_was_lost_is_known_after_a_restart(path):
    sent = [traces(chat()) for _ in range(20)]
    with EmbeddedStore(path, min_free_bytes=0) as store:
        for one in sent:
            store.write(Signal.TRACES, one).result(WAIT_S)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert [store.write(Signal.TRACES, one).result(WAIT_S).items for one in sent] == [0] * 20
        assert [store.write(Signal.TRACES, traces(chat())).result(WAIT_S).items] == [1]
        assert [found.sequence for found in await store.requests(RequestFilter(), 50)] == list(range(21, 0, -1))


async def test_a_span_that_comes_twice_in_different_requests_is_listed_and_shown_once(store):
    one = chat()
    store.write(Signal.TRACES, traces(one)).result(WAIT_S)
    store.write(Signal.TRACES, traces(one, chat())).result(WAIT_S)
    store.write(Signal.TRACES, traces(one, service="by another way")).result(WAIT_S)
    listed = await store.requests(RequestFilter(), 10)
    assert len(listed) == 2
    assert [found.service for found in listed] == ["chat-api", "chat-api"]
    assert len(await store.trace(one.trace_id.hex())) == 1


async def test_spans_that_cannot_be_found_again_are_rejected_and_their_neighbours_kept(store):
    good, short, zero, no_span = chat(), chat(trace_id=b"short"), chat(trace_id=bytes(16)), chat(span_id=bytes(8))
    written = store.write(Signal.TRACES, traces(short, good, zero, no_span)).result(WAIT_S)
    assert (written.items, written.rejected) == (1, 3)
    assert "trace id of 16 bytes" in written.reason
    assert [found.span_id for found in await store.requests(RequestFilter(), 10)] == [good.span_id.hex()]


async def test_metrics_and_logs_are_kept_whole_with_their_times(store, path):
    began = time.time_ns()
    some_metrics, more_metrics, some_logs = metrics(5 * SECOND, 3 * SECOND), metrics(9 * SECOND), logs(7 * SECOND, 2**64 - 1)
    assert store.write(Signal.METRICS, some_metrics).result(WAIT_S) == Written(2)
    assert store.write(Signal.METRICS, more_metrics).result(WAIT_S) == Written(1)
    assert store.write(Signal.LOGS, some_logs).result(WAIT_S) == Written(2)
    assert store.write(Signal.LOGS, some_logs).result(WAIT_S) == Written(0)
    (first, second), (third,) = blocks(path, "metrics"), blocks(path, "logs")
    unpack = zstandard.ZstdDecompressor().decompress
    assert (unpack(first[0]), *first[1:4]) == (some_metrics, 2, 3 * SECOND, 5 * SECOND)
    assert (unpack(second[0]), *second[1:4]) == (more_metrics, 1, 9 * SECOND, 9 * SECOND)
    assert (unpack(third[0]), *third[1:4]) == (some_logs, 2, 7 * SECOND, 2**63 - 1)
    assert began <= first[4] <= second[4] <= third[4] <= time.time_ns()


async def test_log_records_of_a_trace_are_filed_under_it_and_are_no_spans(store):
    one = chat()
    store.write(Signal.LOGS, logs(1, trace_id=one.trace_id)).result(WAIT_S)
    store.write(Signal.TRACES, traces(one)).result(WAIT_S)
    assert [found.span_id for found in await store.trace(one.trace_id.hex())] == [one.span_id.hex()]


@pytest.mark.parametrize("signal", list(Signal))
async def test_an_empty_request_is_fine_and_leaves_nothing(store, path, signal):
    assert store.write(signal, b"").result(WAIT_S) == Written(0)
    assert blocks(path, signal) == []


@pytest.mark.parametrize("signal", list(Signal))
async def test_what_is_no_otlp_is_refused_and_the_rest_of_its_group_is_not(store, signal):
    sent = [chat() for _ in range(4)]
    writes = [store.write(Signal.TRACES, traces(one)) for one in sent[:2]]
    bad = store.write(signal, b"\x0a\xff\xff")
    writes += [store.write(Signal.TRACES, traces(one)) for one in sent[2:]]
    with pytest.raises(PayloadError, match=f"no OTLP {signal} request"):
        bad.result(WAIT_S)
    assert [written.result(WAIT_S).items for written in writes] == [1] * 4
    assert len(await store.requests(RequestFilter(), 10)) == 4


async def test_more_than_may_wait_is_refused_until_there_is_room(path):
    big = traces(chat(more={"x": "y" * 4_000}))
    with EmbeddedStore(path, min_free_bytes=0, max_queue_bytes=3 * len(big)) as store:
        sent = [traces(chat(more={"x": "y" * 4_000})) for _ in range(2_000)]
        writes = [store.write(Signal.TRACES, one) for one in sent]
        outcomes = [written.exception(WAIT_S) for written in writes]
        assert {type(outcome) for outcome in outcomes} == {type(None), StoreBusyError}
        assert len(await store.requests(RequestFilter(), 5_000)) == outcomes.count(None)
        assert store.write(Signal.TRACES, big).result(WAIT_S).items == 1
        larger_than_the_queue = traces(*(chat(more={"x": "y" * 4_000}) for _ in range(5)))
        assert store.write(Signal.TRACES, larger_than_the_queue).result(WAIT_S).items == 5


async def test_a_sender_that_no_longer_waits_harms_nobody(store):
    writes = [store.write(Signal.TRACES, traces(chat())) for _ in range(100)]
    given_up = [written for written in writes[::2] if written.cancel()]
    others = [written for written in writes if written not in given_up]
    assert {written.result(WAIT_S).items for written in others} == {1}
    assert store.write(Signal.TRACES, traces(chat())).result(WAIT_S).items == 1


async def test_what_waits_when_the_store_is_closed_is_stored_first(path):
    store = EmbeddedStore(path, min_free_bytes=0)
    writes = [store.write(Signal.TRACES, traces(chat())) for _ in range(50)]
    store.close()
    store.close()
    assert [written.result(0).items for written in writes] == [1] * 50
    with pytest.raises(StoreError, match="closed"):
        store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
    with pytest.raises(StoreError, match="closed"):
        await store.requests(RequestFilter(), 1)
    with EmbeddedStore(path, min_free_bytes=0) as store:
        assert len(await store.requests(RequestFilter(), 100)) == 50


async def test_listeners_hear_of_spans_after_they_can_be_read(store):
    heard: asyncio.Queue[int] = asyncio.Queue()
    loop = asyncio.get_running_loop()

    def listen(newest: int) -> None:
        loop.call_soon_threadsafe(heard.put_nowait, newest)

    def fail(_: int) -> None:
        raise RuntimeError("a listener's own mistake")

    end = store.subscribe(listen)
    store.subscribe(fail)
    store.write(Signal.METRICS, metrics(1)).result(WAIT_S)
    store.write(Signal.TRACES, traces(chat(), span())).result(WAIT_S)
    assert await asyncio.wait_for(heard.get(), WAIT_S) == 1
    assert (await store.requests(RequestFilter(), 1))[0].sequence == 1
    store.write(Signal.TRACES, traces(span())).result(WAIT_S)
    assert await asyncio.wait_for(heard.get(), WAIT_S) == 1
    end()
    end()
    store.write(Signal.TRACES, traces(chat())).result(WAIT_S)
    store.close()  # whatever was to be said has been said
    await asyncio.sleep(0)
    assert heard.empty()


async def test_many_requests_of_one_commit_become_few_blocks(store, path):
    sent = [traces(chat()) for _ in range(3_000)]
    writes = [store.write(Signal.TRACES, one) for one in sent]
    assert {written.result(WAIT_S).items for written in writes} == {1}
    assert len(blocks(path, "traces")) < 300
    assert len(await store.requests(RequestFilter(), 5_000)) == 3_000


async def test_a_request_that_cannot_be_stored_costs_its_group_nothing(store, path, caplog):
    with sqlite3.connect(path) as other:
        other.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON requests WHEN NEW.input_tokens = 13 BEGIN SELECT raise(ABORT, 'unlucky'); END"
        )
    other.close()
    sent = [traces(chat(more={"gen_ai.usage.input_tokens": number})) for number in range(10, 20)]
    writes = [store.write(Signal.TRACES, one) for one in sent]
    errors = [written.exception(WAIT_S) for written in writes]
    assert [type(error) for error in errors] == [type(None)] * 3 + [PayloadError] + [type(None)] * 6
    assert sorted(found.input_tokens for found in await store.requests(RequestFilter(), 20)) == [10, 11, 12, *range(14, 20)]
    assert "unlucky" in caplog.text
    assert store.write(Signal.TRACES, traces(chat())).result(WAIT_S).items == 1
