// Sends telemetry by the OpenTelemetry SDK's own OTLP exporters with their default settings; only the standard variables say where to.
//
//   node main.js json|proto|grpc SPANS
//
// It prints the trace's id and ends with status 1 where anything could not be delivered.
import { SpanKind, context, diag, trace, DiagLogLevel, SeverityNumber } from "@opentelemetry/api";
import { BatchLogRecordProcessor, LoggerProvider } from "@opentelemetry/sdk-logs";
import { MeterProvider, PeriodicExportingMetricReader } from "@opentelemetry/sdk-metrics";
import { BatchSpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace";

const failed = (...words) => {
  console.error(...words);
  process.exitCode = 1;
};
const quiet = () => {};
diag.setLogger({ error: failed, warn: failed, info: quiet, debug: quiet, verbose: quiet }, DiagLogLevel.WARN);

const [protocol, spans] = process.argv.slice(2);
const packaged = { json: "http", proto: "proto", grpc: "grpc" }[protocol];
const { OTLPTraceExporter } = await import(`@opentelemetry/exporter-trace-otlp-${packaged}`);
const { OTLPMetricExporter } = await import(`@opentelemetry/exporter-metrics-otlp-${packaged}`);
const { OTLPLogExporter } = await import(`@opentelemetry/exporter-logs-otlp-${packaged}`);

const tracers = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter: new OTLPTraceExporter() })] });
const tracer = tracers.getTracer("exporters");
const whole = tracer.startSpan("whole");
const inside = trace.setSpan(context.active(), whole);
for (let number = 0; number < Number(spans); number++) {
  const attributes = { "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": `gpt-${number % 3}` };
  tracer.startSpan("chat", { kind: SpanKind.CLIENT, attributes }, inside).end();
}

const meters = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter: new OTLPMetricExporter() })] });
const meter = meters.getMeter("exporters");
meter.createCounter("js.calls").add(Number(spans));
meter.createHistogram("js.seconds").record(0.5);

const loggers = new LoggerProvider({ processors: [new BatchLogRecordProcessor({ exporter: new OTLPLogExporter() })] });
loggers.getLogger("exporters").emit({ severityNumber: SeverityNumber.WARN, body: "a line from JavaScript", context: inside });

whole.end();
await Promise.all([tracers.shutdown(), meters.shutdown(), loggers.shutdown()]);
console.log(whole.spanContext().traceId);
