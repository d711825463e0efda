"""Sends telemetry by the OpenTelemetry SDK's own OTLP exporters with their default settings; only the standard variables say where to.

python main.py http|grpc SPANS

It prints the trace's id and ends with status 1 where anything could not be delivered.
"""

import importlib
import logging
import sys

from opentelemetry._logs import SeverityNumber
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, set_span_in_context

failed = []


class Failures(logging.Handler):
    """What is logged as an error could not be delivered."""

    def emit(self, record: logging.LogRecord) -> None:
        failed.append(record)
        sys.stderr.write(f"{record.getMessage()}\n")


logging.getLogger("opentelemetry").addHandler(Failures(logging.ERROR))
protocol, spans = sys.argv[1], int(sys.argv[2])


def exporter(module: str, name: str) -> object:
    return getattr(importlib.import_module(f"opentelemetry.exporter.otlp.proto.{protocol}.{module}"), name)()


tracers = TracerProvider()
tracers.add_span_processor(BatchSpanProcessor(exporter("trace_exporter", "OTLPSpanExporter")))
tracer = tracers.get_tracer("exporters")
whole = tracer.start_span("whole")
inside = set_span_in_context(whole)
for number in range(spans):
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": f"gpt-{number % 3}"}
    tracer.start_span("chat", inside, SpanKind.CLIENT, attributes).end()

meters = MeterProvider([PeriodicExportingMetricReader(exporter("metric_exporter", "OTLPMetricExporter"))])
meter = meters.get_meter("exporters")
meter.create_counter("python.calls").add(spans)
meter.create_histogram("python.seconds").record(0.5)

loggers = LoggerProvider()
loggers.add_log_record_processor(BatchLogRecordProcessor(exporter("_log_exporter", "OTLPLogExporter")))
loggers.get_logger("exporters").emit(context=inside, severity_number=SeverityNumber.WARN, body="a line from Python")

whole.end()
for provider in (tracers, meters, loggers):
    provider.shutdown()
sys.stdout.write(f"{whole.get_span_context().trace_id:032x}\n")
sys.exit(bool(failed))
