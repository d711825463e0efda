"""Whatever looks like a key is gone before anything leaves the Collector or lies on its disk; what only sounds like one stays."""

import grpc
import httpx
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub
from opentelemetry.proto.metrics.v1.metrics_pb2 import Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint, Sum
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from support import otlp
from support.collector import NOWHERE, Collector
from support.otlp_sink import as_dict

PROTOBUF = {"Content-Type": "application/x-protobuf"}

# What stands in the text; the part of it that must not come out. Written in halves where a scanner for keys would take it for one.
KEYS = {
    "openai": ("Incorrect API key provided: sk-" + "proj-Ab12Cd34Ef56Gh78", "Ab12Cd34Ef56"),
    "anthropic": ("x sk-" + "ant-api03-QwErTy123456 y", "QwErTy123456"),
    "groq": ("gsk" + "_0123456789abcdefghij", "0123456789abcdefghij"),
    "huggingface": ("token is hf" + "_aBcDeFgHiJkLmNoP", "aBcDeFgHiJkLmNoP"),
    "github": ("ghp" + "_16C7e42F292c6912E7710c83", "16C7e42F292c6912"),
    "google": ("AIza" + "SyD-1234567890abcdefghijk", "SyD-1234567890"),
    "amazon": ("AKIA" + "IOSFODNN7EXAMPLE", "IOSFODNN7EXAMPLE"),
    "jwt": ("eyJ" + "hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.SflKxwRJSMeKKF2QT4", "SflKxwRJSMeKKF2QT4"),
    "bearer": ("Authorization: Bearer abcdefgh12345678", "abcdefgh12345678"),
    "basic": ("Proxy-Authorization: Basic dXNlcjpwYXNzd29yZA==", "dXNlcjpwYXNzd29yZA"),
    "cookie": ("Set-Cookie: session=s3cr3tsessionvalue; Path=/", "s3cr3tsessionvalue"),
    "url": ("http://user:hunter2secret@gpu:8000/v1", "hunter2secret"),
    "query": ("https://host/v1/models?api-version=1&subscription-key=0a1b2c3d4e5f", "0a1b2c3d4e5f"),
    "json": ('{"api_key": "plainwordsecret", "n": 1}', "plainwordsecret"),
    "assignment": ("OPENAI_API_KEY=quitesecretvalue", "quitesecretvalue"),
    "private key": ("-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA7bq\n-----END RSA PRIVATE KEY-----", "MIIEowIBAAKCAQEA7bq"),
}  # fmt: skip
# Attributes whose name says it, whatever stands in them.
NAMED = {
    "api_key": "openbook1",
    "http.request.header.authorization": ["openbook2"],
    "http.request.header.x-api-key": "openbook3",
    "db.password": "openbook4",
    "clientSecret": "openbook5",
    "user.access_token": "openbook6",
    "http.response.header.set-cookie": ["openbook7"],
    "azure.subscription_key": "openbook8",
    "aws.credentials": "openbook9",
}  # fmt: skip
HARMLESS = {
    "gen_ai.request.model": "gemma3:tiny",
    "llm.endpoint": "http://localhost:11434/v1",
    "gen_ai.usage.input_tokens": 31,
    "gen_ai.usage.output_tokens": 118,
    "gen_ai.token.type": "input",
    "gen_ai.response.finish_reasons": ["stop"],
    "gen_ai.response.time_to_first_chunk": 0.25,
    "gen_ai.request.stream": True,
    "llm.route.reason": "auth",
    "exception.message": "the key is missing, or a task-force of risk-takers; basic arithmetic; tokens: 12",
    "server.port": 8000,
}
SECRETS = [secret for _, secret in KEYS.values()] + [f"openbook{number}" for number in range(1, 10)]
EVERYWHERE = {f"said.{number}": text for number, (text, _) in enumerate(KEYS.values())} | NAMED | {
    "listed": [text for text, _ in KEYS.values()],
    "nested": {"in": {"a": "map", "password": "openbook1"}, "said": KEYS["openai"][0]},
}  # fmt: skip


def _spans():
    return [
        otlp.span(
            HARMLESS | EVERYWHERE,
            name=f"GET {text}",
            status=Status.STATUS_CODE_ERROR,
            message=f"failed: {text}",
            events={f"at {text}": EVERYWHERE, "exception": {"exception.message": text}},
        )
        for text, _ in KEYS.values()
    ]


def _points():
    said = otlp.attributes(HARMLESS | EVERYWHERE)
    return [
        Metric(name="a.gauge", gauge=Gauge(data_points=[NumberDataPoint(time_unix_nano=1, as_int=1, attributes=said)])),
        Metric(
            name="a.sum",
            sum=Sum(
                aggregation_temporality=2, is_monotonic=True, data_points=[NumberDataPoint(time_unix_nano=1, as_int=1, attributes=said)]
            ),
        ),
        Metric(
            name="a.histogram",
            histogram=Histogram(
                aggregation_temporality=2,
                data_points=[HistogramDataPoint(time_unix_nano=1, count=1, sum=1, bucket_counts=[1], attributes=said)],
            ),
        ),
    ]


def _records():
    for text, _ in KEYS.values():
        yield otlp.log_record(f"a line with {text}", said=HARMLESS | EVERYWHERE)
        yield otlp.log_record({"a": {"structured": text, "api_key": "openbook1"}, "list": [text]})


def _everything(sink):
    return b"".join(export.message.SerializeToString() for export in sink.exports)


@pytest.fixture
def sent(collector, tempo, copy):
    for path, body in (
        ("traces", otlp.traces(*_spans(), service="app " + KEYS["openai"][0])),
        ("metrics", otlp.metric_points(*_points(), service="app " + KEYS["openai"][0])),
        ("logs", otlp.log_records(*_records(), service="app " + KEYS["openai"][0])),
    ):
        httpx.post(f"{collector.url}/v1/{path}", content=body, headers=PROTOBUF).raise_for_status()
    tempo.wait_for_spans(len(KEYS))
    copy.wait_for(lambda sink: len(sink.spans) == len(KEYS) and len(sink.metrics) == 3 and len(sink.logs) == 2 * len(KEYS))
    return tempo, copy


def test_no_key_comes_out(sent):
    for sink in sent:
        everything = _everything(sink)
        assert len(everything) > 10_000
        assert [secret for secret in SECRETS if secret.encode() in everything] == []


def test_what_says_who_answered_and_how_comes_out_as_it_was(sent):
    _, copy = sent
    points = [
        as_dict(point.attributes)
        for metric in copy.metrics
        for point in getattr(metric.data, metric.data.WhichOneof("data")).data_points
    ]  # fmt: skip
    assert len(points) == 3
    records = [record.attributes for record in copy.logs if record.attributes]
    for attributes in [span.attributes for span in copy.spans] + points + records:
        assert {name: attributes[name] for name in HARMLESS} == HARMLESS
    for span in copy.spans:
        assert span.name.startswith("GET ")
        assert span.status.message.startswith("failed: ")
        assert span.status.code == Status.STATUS_CODE_ERROR
        assert [event.name[:3] for event in span.events] == ["at ", "exc"]
        assert [name for name in span.attributes if name.startswith("redaction")] == []


def test_a_span_without_anything_to_hide_comes_out_whole(collector, tempo):
    """To the byte, but for the order of attributes."""
    span = otlp.span(HARMLESS, name="chat gemma3:tiny", events={"a": {}, "b": {"n": 1}})
    with grpc.insecure_channel(collector.grpc) as channel:
        TraceServiceStub(channel).Export(ExportTraceServiceRequest.FromString(otlp.traces(span)))
    (item,) = tempo.wait_for_spans(1)
    assert item.attributes == HARMLESS
    for one in (item.data, span):
        one.ClearField("attributes")
    assert item.data == span


def test_no_key_lies_in_the_queue(collector_program, tmp_path):
    with Collector(tmp_path, tempo=NOWHERE, cockpit=NOWHERE) as collector:
        for path, body in (("traces", otlp.traces(*_spans())), ("logs", otlp.log_records(*_records()))):
            httpx.post(f"{collector.url}/v1/{path}", content=body, headers=PROTOBUF).raise_for_status()
        collector.stop()
    queued = b"".join(path.read_bytes() for path in (tmp_path / "queue").iterdir())
    assert b"gemma3:tiny" in queued
    assert [secret for secret in SECRETS if secret.encode() in queued] == []
