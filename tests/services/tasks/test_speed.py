"""How fast a task's answer was written is what the history says of its request."""

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from support.otlp import SECOND
from support.patience import WAIT_S

from venom_otel.services.tasks.telemetry import request_of
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import RequestFilter, Signal

FIRST, TOLD, TOKENS = "gen_ai.response.time_to_first_chunk", "llm.timing.generation", "gen_ai.usage.output_tokens"


@pytest.mark.parametrize(
    ("said", "speed"),
    [
        ({FIRST: 0.5, TOKENS: 101}, 40),
        ({FIRST: 0.5, TOLD: 2.0, TOKENS: 101}, 50),
        ({TOLD: 2.0, TOKENS: 101}, 50),
        ({TOKENS: 101}, None),
        ({FIRST: 0.5, TOLD: 2.0}, None),
        ({FIRST: 0.0, TOKENS: 2}, 1 / 3),
    ],
    ids=str,
)
async def test_as_the_store_says_it(tmp_path, said, speed):
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    attributes = {"llm.provider": "vllm", "llm.outcome": "ok"} | said
    provider.get_tracer("test").start_span("chat m", kind=SpanKind.CLIENT, start_time=SECOND, attributes=attributes).end(4 * SECOND)
    (span,) = exporter.get_finished_spans()
    with EmbeddedStore(tmp_path / "telemetry.db", min_free_bytes=0) as store:
        store.write(Signal.TRACES, encode_spans([span]).SerializeToString()).result(WAIT_S)
        (listed,) = await store.requests(RequestFilter(), 1)
    assert request_of(span).speed == listed.speed == (None if speed is None else pytest.approx(speed))
