"""From a point in a histogram to the call that made it: exemplars carry its trace."""

from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider, TraceBasedExemplarFilter
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from support.app import history
from support.custom import Parrot

import venom_otel


def exemplars(reader):
    """Metric name to the span ids of its exemplars."""
    return {
        metric.name: {exemplar.span_id for point in metric.data.data_points for exemplar in point.exemplars}
        for resource in reader.get_metrics_data().resource_metrics
        for scope in resource.scope_metrics
        for metric in scope.metrics
    }


async def test_points_lead_to_the_span_they_came_from(capture):
    reader = InMemoryMetricReader()
    meter_provider = MeterProvider([reader], exemplar_filter=TraceBasedExemplarFilter(), shutdown_on_exit=False)
    service = Parrot(ai_model_id="parrot", service_id="parrot")
    with (
        venom_otel.instrument(**{**capture.telemetry, "meter_provider": meter_provider}),
        capture.tracer_provider.get_tracer("app").start_as_current_span("around"),
    ):
        async for _ in service.get_streaming_chat_message_contents(history("a parrot says"), PromptExecutionSettings()):
            pass
        assert trace.get_current_span().is_recording()
    (call,) = [span for span in capture.spans() if span.name == "chat parrot"]
    assert exemplars(reader) == {
        "gen_ai.client.operation.duration": {call.context.span_id},
        "gen_ai.client.operation.time_to_first_chunk": {call.context.span_id},
        "gen_ai.client.operation.time_per_output_chunk": set(),
    }
    meter_provider.shutdown()
