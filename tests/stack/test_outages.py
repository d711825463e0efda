"""What the Collector answered with 200 arrives, whatever is down, is killed or is full meanwhile; what it cannot keep it refuses."""

import itertools
import socket
import threading
import time

import pytest
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Metric, NumberDataPoint
from support import otlp
from support.collector import NOWHERE, Collector
from support.otlp_sink import OtlpSink
from support.program import eventually
from support.prometheus_server import PrometheusServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PROTOBUF = {"Content-Type": "application/x-protobuf"}
SMALL = str(1024 * 1024)  # of a queue: as large as a batch, of which there is one beside it
ARRIVES_S = 60.0  # a backend that comes back is asked again after ten seconds at most


def post(collector, path, body):
    """The status; None where nothing answered, so that nobody knows whether it was taken."""
    head = f"POST /v1/{path} HTTP/1.0\r\nContent-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
    try:
        with socket.create_connection(("127.0.0.1", collector.port)) as connection:
            connection.sendall(head.encode() + body)
            answer = connection.makefile("rb").read()
    except OSError:
        return None
    return int(answer.split()[1]) if answer else None


def send_spans(collector, count, size=0):
    """Send spans of `size` bytes more, one in each request; the identifiers of those acknowledged, and the statuses of the others."""
    acknowledged, others = set(), []
    for _ in range(count):
        span = otlp.chat(more={"size": "x" * size})
        status = post(collector, "traces", otlp.traces(span))
        if status == 200:
            acknowledged.add(span.span_id)
        else:
            others.append(status)
    return acknowledged, others


def arrived(sink):
    return {span.span_id for span in sink.spans}


def test_an_outage_of_both_backends_loses_nothing(collector_program, prometheus_program, tmp_path):
    """The Collector is killed in its midst."""
    points = itertools.count()
    begin = time.time() - 100

    def send_points(count):
        for number in itertools.islice(points, count):
            point = NumberDataPoint(time_unix_nano=int((begin + number) * 1e9), as_int=number)
            assert post(collector, "metrics", otlp.metric_points(Metric(name="counted", gauge=Gauge(data_points=[point])))) == 200

    with (
        OtlpSink("refuse") as tempo,
        OtlpSink("refuse") as copy,
        PrometheusServer(tmp_path / "prometheus") as prometheus,
        Collector(tmp_path / "collector", tempo=tempo.url, prometheus=prometheus.otlp, cockpit=copy.url) as collector,
    ):
        send_points(20)
        eventually(lambda: prometheus.value("count_over_time(counted[10m])") == 20)
        prometheus.stop()
        send_points(20)
        before, refused = send_spans(collector, 50)
        assert refused == []
        collector.kill()
        collector.start()
        send_points(20)
        after, refused = send_spans(collector, 50)
        assert refused == []

        prometheus.start()
        tempo.listen()
        copy.listen()
        tempo.wait_for(lambda sink: arrived(sink) >= before | after, ARRIVES_S)
        assert arrived(tempo) == before | after
        assert len(before | after) == 100
        eventually(
            lambda: prometheus.value("count_over_time(counted[10m])") == 60,
            ARRIVES_S,
            of=lambda: f"{prometheus.query('count_over_time(counted[10m])')} {collector.log[-2000:]}",
        )
        assert prometheus.value("sum_over_time(counted[10m])") == sum(range(60))
        # What was in its batch, a tenth of a second, when the Collector was killed is what the copy may lack.
        copy.wait_for(lambda sink: arrived(sink) >= after, ARRIVES_S)


def test_samples_that_prometheus_refuses_take_no_others_with_them(collector_program, prometheus_program, tmp_path):
    """It refuses the whole of a request for one that is too old; each sender has its own."""
    with (
        PrometheusServer(tmp_path / "prometheus") as prometheus,
        Collector(tmp_path / "collector", prometheus=prometheus.otlp) as collector,
    ):
        prometheus.stop()
        for number in range(10):
            for name, age_s in (("fresh", 60 - number), ("ancient", 3 * 3600)):
                point = NumberDataPoint(time_unix_nano=int((time.time() - age_s) * 1e9), as_int=number)
                assert post(collector, "metrics", otlp.metric_points(Metric(name=name, gauge=Gauge(data_points=[point])))) == 200
        prometheus.start()
        eventually(lambda: prometheus.value("count_over_time(fresh[10m])") == 10, ARRIVES_S, of=lambda: collector.log[-2000:])
        assert prometheus.query("count_over_time(ancient[1d])") == []


def test_a_collector_that_is_killed_again_and_again_loses_nothing(collector_program, tmp_path):
    acknowledged = set()
    with OtlpSink() as tempo, Collector(tmp_path, tempo=tempo.url) as collector:
        for kill_after_s in (0.05, 0.2, 0.4, 0.8, 1.1):
            timer = threading.Timer(kill_after_s, collector.kill)
            timer.start()
            unanswered = []
            while not unanswered:
                taken, unanswered = send_spans(collector, 1)
                acknowledged |= taken
            assert unanswered == [None]
            timer.join()
            collector.start()
        tempo.wait_for(lambda sink: arrived(sink) >= acknowledged, ARRIVES_S)
    assert len(acknowledged) > 20


def test_a_full_queue_refuses_so_that_senders_try_again(collector_program, tmp_path):
    with OtlpSink("refuse") as tempo, Collector(tmp_path, tempo=tempo.url, COLLECTOR_QUEUE_BYTES=SMALL) as collector:
        acknowledged, refused = send_spans(collector, 100, size=20_000)
        assert set(refused) == {503}
        assert len(acknowledged) > 40
        assert collector.measured("otelcol_exporter_enqueue_failed_spans", "otlp_http/tempo") == len(refused)
        tempo.listen()
        tempo.wait_for(lambda sink: arrived(sink) >= acknowledged, ARRIVES_S)
        eventually(lambda: post(collector, "traces", otlp.traces(otlp.chat())) == 200)


def test_a_cockpit_that_is_gone_stops_nobody(collector_program, tmp_path):
    """Its queue is full, and the backends still get everything."""
    with OtlpSink() as tempo, Collector(tmp_path, tempo=tempo.url, cockpit=NOWHERE, COLLECTOR_QUEUE_BYTES=SMALL) as collector:
        acknowledged = set()

        def cockpits_queue_is_full():
            taken, refused = send_spans(collector, 20, size=20_000)
            assert refused == []
            acknowledged.update(taken)
            tempo.wait_for(lambda sink: arrived(sink) >= acknowledged, ARRIVES_S)  # so that its queue, as small, has room
            return collector.measured("otelcol_exporter_enqueue_failed_spans", "otlp_http/cockpit") > 0

        eventually(cockpits_queue_is_full, ARRIVES_S)
        assert len(acknowledged) > 40


def test_a_restart_in_order_loses_nothing_of_the_copy_either(collector_program, tmp_path):
    with OtlpSink() as tempo, OtlpSink("refuse") as copy, Collector(tmp_path, tempo=tempo.url, cockpit=copy.url) as collector:
        acknowledged, refused = send_spans(collector, 50)
        assert refused == []
        collector.stop()
        collector.start()
        copy.listen()
        copy.wait_for(lambda sink: arrived(sink) == acknowledged, ARRIVES_S)
        assert arrived(tempo) == acknowledged
