"""What was sent can be had back, byte by byte, beside a running writer."""

import pytest
import zstandard
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support.otlp import SECOND, chat, log_record, log_records, metric_points, span, traces
from support.patience import WAIT_S

from venom_otel.errors import StoreError, StoreFormatError
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.embedded.archive import Archive
from venom_otel.store.embedded.decode import digest
from venom_otel.store.protocol import RequestFilter, Signal


def gauge(second, name="up"):
    return metric_points(Metric(name=name, gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=second * SECOND, as_int=second)])))


def record(second):
    return log_records(log_record(f"at {second}", time_ns=second * SECOND))


def request(second):
    return traces(chat(start_ns=second * SECOND), span(start_ns=second * SECOND))


MAKE = {Signal.TRACES: request, Signal.METRICS: gauge, Signal.LOGS: record}


def fill(store):
    """Many requests of every signal, gathered in commits as they come; those that were sent."""
    sent = [(signal, make(second)) for second in range(1, 101) for signal, make in MAKE.items()]
    # Some senders put several resources into one request.
    sent += [(Signal.TRACES, request(200) + request(201)), (Signal.METRICS, gauge(300) + gauge(301, "another"))]
    for write in [store.write(signal, raw) for signal, raw in sent]:
        assert write.result(WAIT_S).items > 0
    return sent


def test_every_request_comes_back_as_it_was_sent(store, path):
    sent = fill(store)
    with Archive(path) as archive:
        stored = list(archive.requests())
        assert sorted(stored) == sorted(sent)
        for signal in Signal:
            assert [raw for of, raw in archive.requests([signal])] == [raw for of, raw in sent if of is signal]
        assert set(archive.digests()) == {digest(signal, raw) for signal, raw in sent}


def test_a_range_of_time(store, path):
    sent = fill(store)
    with Archive(path) as archive:
        some = list(archive.requests(since_ns=40 * SECOND, until_ns=50 * SECOND))
        spans_run_a_second = [(signal, raw) for signal, raw in sent if signal is Signal.TRACES and raw in sent_at(sent, 39)]
        expected = spans_run_a_second + [pair for second in range(40, 51) for pair in sent_pairs(sent, second)]
        assert sorted(some) == sorted(expected)
        assert list(archive.requests(since_ns=1_000 * SECOND)) == []


def sent_pairs(sent, second):
    return sent[3 * (second - 1) : 3 * second]


def sent_at(sent, second):
    return [raw for _, raw in sent_pairs(sent, second)]


def test_the_list_of_requests_oldest_first(store, path):
    spans = [chat(model=f"model {number}", provider=("ollama", "vllm")[number % 2]) for number in range(2_500)]
    store.write(Signal.TRACES, traces(*spans)).result(WAIT_S)
    with Archive(path) as archive:
        assert [found.model for found in archive.summaries(RequestFilter())] == [f"model {number}" for number in range(2_500)]
        assert len(list(archive.summaries(RequestFilter(provider="vllm")))) == 1_250


def test_a_request_without_its_refused_points_comes_without_them(path):
    with EmbeddedStore(path, min_free_bytes=0, max_series=1) as store:
        assert store.write(Signal.METRICS, gauge(1)).result(WAIT_S).rejected == 0
        assert store.write(Signal.METRICS, gauge(2, "one too many") + gauge(3)).result(WAIT_S).rejected == 1
    with Archive(path) as archive:
        stored = [raw for _, raw in archive.requests()]
    with EmbeddedStore(path.with_name("again.db"), min_free_bytes=0) as again:
        assert [again.write(Signal.METRICS, raw).result(WAIT_S).items for raw in stored] == [1, 1]


def test_an_import_is_exact(store, path, tmp_path):
    fill(store)
    with EmbeddedStore(tmp_path / "copy.db", min_free_bytes=0) as copy, Archive(path) as archive:
        for signal, raw in archive.requests():
            copy.write(signal, raw).result(WAIT_S)
    with Archive(tmp_path / "copy.db") as copied, Archive(path) as archive:
        assert sorted(copied.requests()) == sorted(archive.requests())


def test_no_store_yet(path):
    with pytest.raises(StoreError, match=r"no store at .* yet"):
        Archive(path)


def test_a_foreign_file(path):
    path.parent.mkdir()
    path.write_bytes(zstandard.compress(b"something else"))
    with pytest.raises(StoreFormatError, match="left untouched"):
        Archive(path)


def test_an_older_store_must_be_brought_up_to_date_first(store, path):
    store._writer._connection.execute("PRAGMA user_version = 1")
    with pytest.raises(StoreError, match=r"older venom-otel .* Start `venom-otel up` once"):
        Archive(path)
