// Sends telemetry by the OpenTelemetry SDK's own OTLP exporters with their default settings; only the standard variables say where to.
//
//	exporters http|grpc SPANS
//
// It prints the trace's id and exits with status 1 where anything could not be delivered.
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetricgrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

func main() {
	otel.SetErrorHandler(otel.ErrorHandlerFunc(check))
	spans, err := strconv.Atoi(os.Args[2])
	check(err)
	ctx := context.Background()
	traces, metrics, logs := exporters(ctx, os.Args[1])

	tracers := sdktrace.NewTracerProvider(sdktrace.WithBatcher(traces))
	tracer := tracers.Tracer("exporters")
	ctx, whole := tracer.Start(ctx, "whole")
	for number := range spans {
		_, span := tracer.Start(ctx, "chat", trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(
			attribute.String("gen_ai.operation.name", "chat"),
			attribute.String("gen_ai.provider.name", "openai"),
			attribute.String("gen_ai.request.model", "gpt-"+strconv.Itoa(number%3)),
		))
		span.End()
	}

	meters := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewPeriodicReader(metrics)))
	calls, err := meters.Meter("exporters").Int64Counter("go.calls")
	check(err)
	calls.Add(ctx, int64(spans))
	seconds, err := meters.Meter("exporters").Float64Histogram("go.seconds")
	check(err)
	seconds.Record(ctx, 0.5)

	loggers := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(logs)))
	var record log.Record
	record.SetSeverity(log.SeverityWarn)
	record.SetBody(attribute.StringValue("a line from Go"))
	loggers.Logger("exporters").Emit(ctx, record)

	whole.End()
	check(tracers.Shutdown(context.Background()))
	check(meters.Shutdown(context.Background()))
	check(loggers.Shutdown(context.Background()))
	fmt.Println(whole.SpanContext().TraceID())
}

func exporters(ctx context.Context, protocol string) (traces sdktrace.SpanExporter, metrics sdkmetric.Exporter, logs sdklog.Exporter) {
	var failed [3]error
	switch protocol {
	case "http":
		traces, failed[0] = otlptracehttp.New(ctx)
		metrics, failed[1] = otlpmetrichttp.New(ctx)
		logs, failed[2] = otlploghttp.New(ctx)
	case "grpc":
		traces, failed[0] = otlptracegrpc.New(ctx)
		metrics, failed[1] = otlpmetricgrpc.New(ctx)
		logs, failed[2] = otlploggrpc.New(ctx)
	}
	for _, err := range failed {
		check(err)
	}
	return traces, metrics, logs
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
