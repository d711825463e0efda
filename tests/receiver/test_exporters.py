"""The SDK's own exporters deliver over HTTP, and get the answers they know what to do with."""

import logging

import pytest
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, StatusCode
from support.patience import WAIT_S

from venom_otel.store.protocol import RequestFilter, RequestStatus, Signal

RESOURCE = Resource.create({"service.name": "an-application"})


@pytest.mark.parametrize("compression", list(Compression))
async def test_spans(receiver, compression):
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{receiver.url}/v1/traces", timeout=WAIT_S, compression=compression)))
    tracer = provider.get_tracer("tests")
    with tracer.start_as_current_span("agent") as root:
        for number in range(700):  # more than one batch
            attributes = {"gen_ai.provider.name": "openai", "gen_ai.operation.name": "chat", "gen_ai.request.model": f"gpt-{number % 3}"}
            with tracer.start_as_current_span("chat", kind=SpanKind.CLIENT, attributes=attributes) as span:
                if number == 13:
                    span.set_status(StatusCode.ERROR, "no such model")
    provider.shutdown()
    found = await receiver.store.requests(RequestFilter(), 1_000)
    assert len(found) == 700
    assert {item.service for item in found} == {"an-application"}
    (failed,) = [item for item in found if item.status is RequestStatus.FAILED]
    assert failed.error_message == "no such model"
    spans = await receiver.store.trace(f"{root.get_span_context().trace_id:032x}")
    assert len(spans) == 701
    assert spans[0].name == "agent"


async def test_metrics_and_logs(receiver, caplog):
    meters = MeterProvider(
        [PeriodicExportingMetricReader(OTLPMetricExporter(f"{receiver.url}/v1/metrics", timeout=WAIT_S))], resource=RESOURCE
    )
    meter = meters.get_meter("tests")
    meter.create_counter("calls").add(1)
    meter.create_histogram("seconds").record(0.5)
    meter.create_up_down_counter("open").add(2)
    meters.shutdown()
    logs = LoggerProvider(resource=RESOURCE)
    logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(f"{receiver.url}/v1/logs", timeout=WAIT_S)))
    logs.get_logger("tests").emit(body="a line", severity_text="WARN")
    logs.shutdown()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert (await receiver.store.usage()).items == {Signal.TRACES: 0, Signal.METRICS: 3, Signal.LOGS: 1}


@pytest.mark.filterwarnings("default")
async def test_an_exporter_is_told_why_it_was_refused(receiver, caplog):
    exporter = OTLPSpanExporter(f"{receiver.url}/v1/trace", timeout=WAIT_S)  # the path is wrong
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("tests").start_span("x").end()
    provider.shutdown()
    assert "404" in caplog.text
