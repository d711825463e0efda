"""What is sent and what becomes of it when the collector is slow, busy, silent, gone or not there yet."""

import errno
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import grpc
import pytest
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceServicer, add_TraceServiceServicer_to_server
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF
from opentelemetry.trace import StatusCode
from support.otlp_sink import OtlpSink
from support.patience import WAIT_S
from support.program import eventually
from support.unhurried import growing

from venom_otel.instrumentation.sdk import notice, outlet, owned, quiet
from venom_otel.instrumentation.sdk.owned import OwnedSdk


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch):
    monkeypatch.setattr(notice, "_said", set())


@pytest.fixture(autouse=True)
def unhurried(monkeypatch):
    """Where somebody listens, that is found out and what there is goes out, however long the machine stands still."""
    monkeypatch.setattr(outlet, "KNOCK_TIMEOUT_S", WAIT_S)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", str(WAIT_S))


@pytest.fixture
def sdk(monkeypatch):
    """Sets an SDK up that sends to a sink; nothing global but the environment. `sdk.threads` are its own."""
    made, before = [], set(threading.enumerate())

    def threads():
        return [thread for thread in threading.enumerate() if thread.name.startswith("venom-otel") and thread not in before]

    def set_up(sink, **environment):
        for name, value in {"OTEL_EXPORTER_OTLP_ENDPOINT": sink.url, **environment}.items():
            monkeypatch.setenv(name, value)
        sdk = OwnedSdk(threading.RLock())
        sdk.use()
        made.append(sdk)
        return sdk

    set_up.threads = threads
    yield set_up
    for sdk in made:
        sdk.release()
    # One that was left in an export says so when the collector is gone, which is no affair of the next test.
    eventually(lambda: not threads())


def spans(sdk, *names):
    tracer = sdk.tracer_provider.get_tracer("test")
    for name in names:
        tracer.start_span(name).end()


def within(seconds):
    return time.monotonic() + seconds


def names(sink):
    return [span.name for span in sink.spans]


def test_spans_metrics_and_records_arrive_with_the_resource(sink, sdk):
    ours = sdk(
        sink,
        OTEL_RESOURCE_ATTRIBUTES="deployment.environment.name=test",
        OTEL_SERVICE_NAME="shop",
        OTEL_EXPORTER_OTLP_HEADERS="x-tenant=blue",
    )
    with ours.tracer_provider.get_tracer("scope").start_as_current_span("work", attributes={"n": 1}) as span:
        span.set_status(StatusCode.ERROR, "no")
        ours.logger_provider.get_logger("scope").emit(LogRecord(body="said", severity_number=SeverityNumber.WARN, attributes={"k": [1, 2]}))
    ours.meter_provider.get_meter("scope").create_histogram("seconds").record(0.5, {"a": "b"})
    assert ours.flush(within(WAIT_S))

    (span,), (record,), (metric,) = sink.spans, sink.logs, sink.metrics
    assert (span.name, span.attributes, span.status.message) == ("work", {"n": 1}, "no")
    assert (record.body.string_value, record.attributes) == ("said", {"k": [1, 2]})
    assert (record.trace_id, record.span_id) == (span.trace_id, span.span_id)
    assert (metric.name, metric.histogram.data_points[0].sum) == ("seconds", 0.5)
    for item in (span, record, metric):
        assert item.scope == "scope"
        assert item.resource["service.name"] == "shop"
        assert item.resource["deployment.environment.name"] == "test"
    assert {export.headers["x-tenant"] for export in sink.exports} == {"blue"}


def test_they_are_sent_by_themselves(sink, sdk):
    ours = sdk(sink, OTEL_METRIC_EXPORT_INTERVAL="200")
    ours.meter_provider.get_meter("m").create_counter("calls").add(2)
    spans(ours, "by itself")
    ours.logger_provider.get_logger("l").emit(LogRecord(body="by itself"))
    sink.wait_for(lambda sink: sink.spans and sink.logs and sink.metrics)


def test_a_full_batch_does_not_wait_for_its_time(sink, sdk):
    ours = sdk(sink, OTEL_BSP_SCHEDULE_DELAY="600000", OTEL_BSP_MAX_EXPORT_BATCH_SIZE="10")
    spans(ours, *(str(number) for number in range(25)))
    sink.wait_for_spans(16)  # fewer than ten may wait for their time
    assert ours.flush(within(WAIT_S))
    assert names(sink) == [str(number) for number in range(25)]
    assert max(len(export.message.resource_spans[0].scope_spans[0].spans) for export in sink.exports if export.path == "/v1/traces") == 10


def test_compression_and_temporality_are_the_exporters_to_read(sink, sdk):
    ours = sdk(sink, OTEL_EXPORTER_OTLP_COMPRESSION="gzip", OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE="delta")
    counter = ours.meter_provider.get_meter("m").create_counter("calls")
    for amount in (2, 3):
        counter.add(amount)
        assert ours.flush(within(WAIT_S))
    assert [metric.sum.data_points[0].as_int for metric in sink.metrics] == [2, 3]
    assert {export.headers["content-encoding"] for export in sink.exports} == {"gzip"}


@pytest.mark.parametrize(
    ("sampler", "argument", "expected"), [("always_off", "", 0), ("traceidratio", "0", 0), ("traceidratio", "1", 3), ("", "", 3)]
)
def test_the_sampler_of_the_environment(sink, sdk, sampler, argument, expected):
    ours = sdk(sink, OTEL_TRACES_SAMPLER=sampler or "parentbased_always_on", OTEL_TRACES_SAMPLER_ARG=argument)
    spans(ours, "a", "b", "c")
    assert ours.flush(within(WAIT_S))
    assert len(sink.spans) == expected


def test_a_sampler_that_a_package_brings(sink, sdk, monkeypatch):
    asked_for = []

    def make(argument):
        asked_for.append(argument)
        return ALWAYS_OFF

    def installed(*, group, name):
        assert group == "opentelemetry_traces_sampler"
        return [SimpleNamespace(value="somebody:make", load=lambda: make)] if name == "theirs" else []

    monkeypatch.setattr(owned, "entry_points", installed)
    ours = sdk(sink, OTEL_TRACES_SAMPLER="theirs", OTEL_TRACES_SAMPLER_ARG="half")
    spans(ours, "not sampled")
    assert ours.flush(within(WAIT_S))
    assert (sink.spans, asked_for) == ([], ["half"])


def test_exporters_by_name(sink, sdk):
    ours = sdk(sink, OTEL_TRACES_EXPORTER="otlp,console", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
    spans(ours, "once")
    ours.meter_provider.get_meter("m").create_counter("calls").add(1)
    ours.logger_provider.get_logger("l").emit(LogRecord(body="said"))
    assert ours.flush(within(WAIT_S))
    assert names(sink) == ["once"]
    assert {export.path for export in sink.exports} == {"/v1/traces"}
    assert [thread.name for thread in sdk.threads()] == ["venom-otel-traces-otlp_proto_http", "venom-otel-traces-console"]


@pytest.fixture
def grpc_collector():
    """A collector over gRPC: (URL, the names of the spans it got)."""
    got = []

    class Service(TraceServiceServicer):
        def Export(self, request, context):  # noqa: N802 - gRPC's name
            got.extend(span.name for group in request.resource_spans for scope in group.scope_spans for span in scope.spans)
            return ExportTraceServiceResponse()

    with ThreadPoolExecutor(2) as pool:
        server = grpc.server(pool)
        add_TraceServiceServicer_to_server(Service(), server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        yield SimpleNamespace(url=f"http://127.0.0.1:{port}"), got
        server.stop(None).wait()


def test_grpc_where_its_exporter_is_installed(grpc_collector, sdk):
    collector, got = grpc_collector
    ours = sdk(collector, OTEL_EXPORTER_OTLP_PROTOCOL="grpc", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
    spans(ours, "over grpc")
    assert ours.flush(within(WAIT_S))
    assert got == ["over grpc"]


@pytest.mark.parametrize(
    ("variable", "advice"),
    [
        ("OTEL_TRACES_EXPORTER=carrier-pigeon", "Known are otlp"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL=http/json", "pip install opentelemetry-exporter-otlp-json-http"),
    ],
)
def test_an_exporter_that_is_not_installed_is_said_once(sink, sdk, caplog, variable, advice):
    ours = sdk(sink, **dict([variable.split("=")]))
    spans(ours, "nowhere")
    assert ours.flush(within(WAIT_S))
    assert sink.spans == []
    (record,) = caplog.records
    assert variable in record.getMessage()
    assert advice in record.getMessage()


def test_what_waits_is_delivered_when_the_collector_comes(sdk, caplog):
    with OtlpSink("refuse") as sink:
        ours = sdk(sink)
        counter = ours.meter_provider.get_meter("m").create_counter("calls")
        for number in range(3):
            spans(ours, str(number))
            counter.add(1)
            assert not ours.flush(within(WAIT_S)), "nobody listens, and that is known at once"
        sink.listen()
        sink.wait_for_spans(3)
        assert ours.flush(within(WAIT_S))
        assert names(sink) == ["0", "1", "2"]
        assert sink.metrics[-1].sum.data_points[0].as_int == 3
        (record,) = caplog.records
        for words in (sink.url, "Connection refused", "venom-otel up", "OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_SDK_DISABLED"):
            assert words in record.getMessage()


def test_a_collector_that_goes_away_and_comes_back(sdk, kept):
    with OtlpSink(port=kept) as first:
        ours = sdk(first, OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
        spans(ours, "before")
        assert ours.flush(within(WAIT_S))
    spans(ours, "while away")
    assert not ours.flush(within(WAIT_S))
    with OtlpSink("refuse", port=kept) as second:
        second.listen()
        spans(ours, "after")
        second.wait_for_spans(2)
        assert names(second) == ["while away", "after"]


def test_memory_is_bounded_and_the_newest_stay(sdk, caplog, monkeypatch):
    """Nor does anybody who records wait while the collector is tried."""
    tried, go_on = threading.Event(), threading.Event()

    def connect(*_):
        tried.set()
        assert go_on.wait(WAIT_S)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    with OtlpSink("refuse") as sink:
        ours = sdk(sink, OTEL_BSP_MAX_QUEUE_SIZE="100")
        with monkeypatch.context() as until_recorded:
            until_recorded.setattr(outlet, "socket", SimpleNamespace(create_connection=connect))
            spans(ours, "first")
            assert tried.wait(WAIT_S)
            spans(ours, *(str(number) for number in range(5000)))
            go_on.set()
        assert not ours.flush(within(WAIT_S))
        sink.listen()
        sink.wait_for_spans(100)
        assert ours.flush(within(WAIT_S))
        assert names(sink) == [str(number) for number in range(4900, 5000)]
        assert len(caplog.records) == 1, "no line for each span that is lost"


def test_a_silent_collector_holds_nobody_up(sdk):
    """An export would be waited for until after the test's own time is over."""
    with OtlpSink("hang") as sink:
        ours = sdk(sink, OTEL_EXPORTER_OTLP_TIMEOUT="3600")
        spans(ours, "unanswered")
        sink.wait_for_request()
        spans(ours, *(str(number) for number in range(2000)))
        assert not ours.flush(within(0.2))
        assert sink.exports == []


def test_what_waits_for_a_silent_collector_is_delivered_when_it_speaks(sdk, caplog):
    with OtlpSink("hang") as sink:
        ours = sdk(sink, OTEL_EXPORTER_OTLP_TIMEOUT="2")
        spans(ours, "unanswered")
        sink.wait_for_request()
        spans(ours, *(str(number) for number in range(2000)))
        sink.mode = "ok"
        sink.wait_for_spans(2000)
        assert "no answer" in caplog.text
        assert len(caplog.records) == 1


def test_a_busy_collector_is_asked_again_when_it_says(sdk, caplog):
    with OtlpSink("busy") as sink:
        ours = sdk(sink)
        spans(ours, "patient")
        assert ours.flush(within(WAIT_S))
        assert names(sink) == ["patient"]
        assert caplog.records == []


def test_a_refused_batch_is_lost_alone(sdk, caplog):
    with OtlpSink("reject") as sink:
        ours = sdk(sink, OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
        spans(ours, "refused")
        assert ours.flush(within(WAIT_S)), "nothing is left"
        sink.mode = "ok"
        spans(ours, "taken")
        assert ours.flush(within(WAIT_S))
        assert names(sink) == ["taken"]
        (record,) = caplog.records
        assert "HTTP 400" in record.getMessage()


def test_the_kind_of_failure_is_said_without_the_address_as_it_was_given(sink, sdk, caplog):
    endpoint = f"https://user:hunter22@127.0.0.1:{sink.port}"
    for limit_s in growing(2.0):
        caplog.clear()
        notice._said.clear()
        ours = sdk(sink, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, OTEL_EXPORTER_OTLP_TIMEOUT=str(limit_s), OTEL_METRICS_EXPORTER="none")
        spans(ours, "not in the clear")
        ours.flush(within(WAIT_S))
        (record,) = caplog.records
        assert "hunter22" not in caplog.text
        if "(SSLError)" in record.getMessage():
            break
    assert f"https://127.0.0.1:{sink.port} (SSLError)" in record.getMessage()


def test_release_ends_what_it_can_within_its_time(sdk):
    """The export would be waited for until after the test's own time is over."""
    assert owned.CLOSE_TIMEOUT_S <= 2.0
    with OtlpSink("hang") as sink:
        ours = sdk(sink, OTEL_EXPORTER_OTLP_TIMEOUT="3600")
        spans(ours, "unanswered")
        sink.wait_for_request()
        ours.use()
        ours.release()
        ours.release()
        ours.use()  # for the fixture's release
        sink.mode = "ok"
        spans(ours, "again")
        sink.wait_for_spans(1)
        assert names(sink) == ["again"]


def test_no_thread_stays_after_release(sink, sdk):
    ours = sdk(sink)
    assert len(sdk.threads()) == 3
    ours.use()
    ours.release()
    assert len(sdk.threads()) == 3
    ours.release()
    eventually(lambda: not sdk.threads())
    ours.use()


def test_the_applications_own_exporters_are_heard(sdk, caplog):
    with OtlpSink("refuse") as sink, OtlpSink("reject") as theirs:
        ours = sdk(sink)
        span = ours.tracer_provider.get_tracer("t").start_span("x")
        span.end()
        assert not ours.flush(within(WAIT_S))
        assert len(caplog.records) == 1
        OTLPSpanExporter(endpoint=f"{theirs.url}/v1/traces").export([span])
        assert [record.name for record in caplog.records] == ["venom_otel", "opentelemetry.exporter.otlp.proto.http.trace_exporter"]


def test_a_muted_thread_is_heard_again():
    logger = logging.getLogger(quiet.LOGGERS[0])
    with quiet.muted("somebody.else"):
        assert not logger.filter(logging.makeLogRecord({}))
        assert not logging.getLogger("somebody.else").filter(logging.makeLogRecord({}))
        heard = []
        thread = threading.Thread(target=lambda: heard.append(logger.filter(logging.makeLogRecord({}))))
        thread.start()
        thread.join()
        assert heard == [True]
    assert logger.filters == logging.getLogger("somebody.else").filters == []


def test_a_proxy_is_not_asked_for_this_machines_own_address(sink, sdk, monkeypatch):
    with OtlpSink("reject") as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        monkeypatch.delenv("no_proxy", raising=False)
        monkeypatch.delenv("NO_PROXY", raising=False)
        ours = sdk(sink)
        spans(ours, "direct")
        assert ours.flush(within(WAIT_S))
        assert names(sink) == ["direct"]


def test_a_proxy_stands_before_other_addresses(sink, sdk, monkeypatch):
    monkeypatch.setenv("http_proxy", sink.url)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    ours = sdk(sink, OTEL_EXPORTER_OTLP_ENDPOINT="http://collector.invalid:4318", OTEL_METRICS_EXPORTER="none", OTEL_LOGS_EXPORTER="none")
    spans(ours, "through the proxy")
    sink.wait_for(lambda sink: "http://collector.invalid:4318/v1/traces" in sink.refused)
    ours.flush(within(WAIT_S))


def test_a_span_of_somebody_elses_trace_that_is_not_sampled_is_not_sent(sink, sdk):
    ours = sdk(sink)
    parent = trace.NonRecordingSpan(trace.SpanContext(1, 2, is_remote=True, trace_flags=trace.TraceFlags(0)))
    ours.tracer_provider.get_tracer("t").start_span("child", trace.set_span_in_context(parent)).end()
    assert ours.flush(within(WAIT_S))
    assert sink.spans == []
