"""Log records are found again, whole and in order."""

import time

import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from support.otlp import SECOND, attributes, chat, log_record, log_records, new_trace_id, traces, value
from support.patience import WAIT_S

from venom_otel.store.embedded import logs
from venom_otel.store.protocol import Found, LogFilter, Signal, Written


def send(store, *records, **others):
    assert store.write(Signal.LOGS, log_records(*records, **others)).result(WAIT_S) == Written(len(records))


async def bodies(store, limit=100, **which):
    return [record.body for record in (await store.logs(LogFilter(**which), limit)).items]


async def test_a_record_comes_back_whole(store):
    one = chat()
    said = {"words": "häß", "count": 3, "share": 0.5, "yes": True, "none": None, "bytes": b"\x00", "list": [1, "a"], "map": {"a": {}}}
    record = LogRecord(
        time_unix_nano=5 * SECOND,
        observed_time_unix_nano=6 * SECOND,
        severity_number=13,
        severity_text="WARN",
        event_name="an.event",
        body=value(said),
        attributes=attributes(said),
        trace_id=one.trace_id,
        span_id=one.span_id,
    )
    send(store, record, service="support-bot")
    found = await store.logs(LogFilter(trace_id=one.trace_id.hex()), 10)
    assert found.reached is None
    (got,) = found.items
    assert (got.time_ns, got.severity, got.severity_text, got.event_name) == (5 * SECOND, 13, "WARN", "an.event")
    assert (got.trace_id, got.span_id) == (one.trace_id.hex(), one.span_id.hex())
    assert (got.body, got.attributes) == (said, said)
    assert (got.service, got.scope, got.resource) == ("support-bot", "tests", {"service.name": "support-bot"})


async def test_a_trace_s_records_come_from_every_block_and_nothing_else_does(store):
    one, other = chat(), chat()
    send(store, log_record("first", of=one), log_record("another's", of=other), log_record("nobody's"))
    store.write(Signal.TRACES, traces(one, other)).result(WAIT_S)
    send(store, *(log_record(f"noise {number}") for number in range(100)))
    send(store, log_record("second", of=one), log_record("third", of=one))
    trace_id = one.trace_id.hex()
    assert await bodies(store, trace_id=trace_id) == ["third", "second", "first"]
    assert await bodies(store, trace_id=trace_id, after=0) == ["first", "second", "third"]
    assert await bodies(store, trace_id=new_trace_id().hex()) == []


async def test_a_trace_s_records_come_in_pages(store):
    one = chat()
    for number in range(5):
        send(store, log_record(2 * number, of=one), log_record(2 * number + 1, of=one))
    seen, cursor = [], None
    while True:
        found = await store.logs(LogFilter(trace_id=one.trace_id.hex(), before=cursor), 3)
        seen += [record.body for record in found.items]
        if found.reached is None:
            break
        cursor = found.reached
    assert seen == list(range(9, -1, -1))


async def test_a_record_without_a_time_has_the_next_best(store):
    began = time.time_ns()
    one = chat()
    send(store, log_record("none", of=one, time_ns=0), log_record("observed", of=one, time_ns=0, observed_ns=7 * SECOND))
    observed, none = (await store.logs(LogFilter(trace_id=one.trace_id.hex()), 10)).items
    assert observed.time_ns == 7 * SECOND
    assert began <= none.time_ns <= time.time_ns()
    assert (none.severity_text, none.event_name, none.attributes) == ("", "", {})


async def test_a_trace_s_records_can_be_narrowed(store):
    one = chat()
    send(store, log_record("Loaded MODEL", of=one, severity=9), log_record("broken", of=one, severity=17, said={"code": 404}))
    send(store, log_record("elsewhere", trace_id=one.trace_id, severity=21), service="another")
    trace_id = one.trace_id.hex()
    assert await bodies(store, trace_id=trace_id, span_id=one.span_id.hex()) == ["broken", "Loaded MODEL"]
    assert await bodies(store, trace_id=trace_id, severity=17) == ["elsewhere", "broken"]
    assert await bodies(store, trace_id=trace_id, service="another") == ["elsewhere"]
    assert await bodies(store, trace_id=trace_id, text="loaded model") == ["Loaded MODEL"]
    assert await bodies(store, trace_id=trace_id, text="404") == ["broken"]


async def test_records_are_found_by_service_severity_and_time(store):
    send(store, log_record("a1", severity=9, time_ns=1 * SECOND), log_record("a2", severity=17, time_ns=5 * SECOND), service="a")
    send(store, log_record("b1", severity=17, time_ns=2 * SECOND), log_record("b2", severity=0, time_ns=4 * SECOND), service="b")
    send(store, log_record("a3", severity=21, time_ns=3 * SECOND), service="a")
    assert await bodies(store) == ["a3", "b2", "b1", "a2", "a1"]
    assert await bodies(store, service="a") == ["a3", "a2", "a1"]
    assert await bodies(store, severity=17) == ["a3", "b1", "a2"]
    assert await bodies(store, severity=17, service="b") == ["b1"]
    assert await bodies(store, severity=22) == []
    assert await bodies(store, since_ns=3 * SECOND) == ["a3", "b2", "a2"]
    assert await bodies(store, until_ns=3 * SECOND) == ["a3", "b1", "a1"]
    assert await bodies(store, since_ns=2 * SECOND, until_ns=4 * SECOND, service="b") == ["b2", "b1"]
    assert await bodies(store, since_ns=6 * SECOND) == []
    assert await bodies(store, until_ns=0) == []


async def test_records_are_found_by_what_they_say(store):
    send(
        store,
        log_record("Model LOADED"),
        log_record(404),
        log_record({"error": ["Broken pipe"]}),
        log_record("x", said={"http.url": "/v1/É"}),
    )
    send(store, log_record("quiet"), service="the loader")
    assert await bodies(store, text="loaded") == ["Model LOADED"]
    assert await bodies(store, text="04") == [404]
    assert await bodies(store, text="broken PIPE") == [{"error": ["Broken pipe"]}]
    assert await bodies(store, text="http.url") == ["x"]
    assert await bodies(store, text="/v1/é") == ["x"]
    assert await bodies(store, text="the loader") == ["quiet"]
    assert await bodies(store, text="not there") == []


async def test_records_are_found_by_span_without_its_trace(store):
    one = chat()
    send(store, log_record("inside", of=one), log_record("outside"))
    assert await bodies(store, span_id=one.span_id.hex()) == ["inside"]


@pytest.mark.parametrize("which", [{}, {"service": "chat-api"}, {"text": "line"}, {"text": "line", "severity": 9}, {"since_ns": 1}])
async def test_pages_hold_every_record_once_in_both_directions(store, which):
    for begin in range(0, 60, 6):
        send(store, *(log_record(f"line {number}") for number in range(begin, begin + 6)))
    everything = [f"line {number}" for number in range(60)]
    for direction, start, expected in (("before", None, everything[::-1]), ("after", 0, everything)):
        seen, cursor, more = [], start, True
        while more:
            found = await store.logs(LogFilter(**which, **{direction: cursor}), 7)
            seen += [record.body for record in found.items]
            cursor = found.reached
            more = cursor is not None
        assert seen == expected


async def test_a_search_looks_at_a_bounded_part_at_once_and_says_how_far(store, monkeypatch):
    monkeypatch.setattr(logs, "CANDIDATES", 10)
    send(store, log_record("needle"), *(log_record(f"hay {number}") for number in range(25)))
    seen, cursor, calls = [], None, 0
    while True:
        found = await store.logs(LogFilter(text="needle", before=cursor), 5)
        seen += [record.body for record in found.items]
        calls += 1
        if found.reached is None:
            break
        cursor = found.reached
    assert (seen, calls) == (["needle"], 3)


async def test_an_empty_store_has_no_records(store):
    for which in (LogFilter(), LogFilter(service="x", severity=1), LogFilter(text="x", since_ns=1), LogFilter(until_ns=1)):
        assert await store.logs(which, 10) == Found([], None)
