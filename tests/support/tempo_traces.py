"""The sixty traces behind recordings/tempo: chats that went well, streams, 404, 500, and fallbacks from vLLM to Ollama.

As they were sent for the recordings, with the same ids; the times as well where they begin at `RECORDED_NS`.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.id_generator import IdGenerator
from opentelemetry.trace import SpanKind, Status, StatusCode, Tracer, set_span_in_context

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

RECORDED_NS = 1_795_344_829_348_904_562
"""When the first of them began in the recordings."""
TRACES = 60
REQUESTS = 69
APART_NS = 900_000_000
"""From one trace to the next."""
RESOURCE = {
    "deployment.environment.name": "local",
    "service.instance.id": "b8a4f29b-9d0c-4ccc-9062-8766c74c0118",
    "service.version": "1.4.0",
    "telemetry.sdk.language": "python",
    "telemetry.sdk.name": "opentelemetry",
    "telemetry.sdk.version": "1.45.2",
    "service.name": "orders-assistant",
}
_PLACES = {
    "vllm": ("http://127.0.0.1:8001/v1", 8001, "gemma-3"),
    "ollama": ("http://127.0.0.1:11434/v1", 11434, "phi3:mini"),
    "openai": ("https://api.openai.com/v1", 443, "gpt-4o-mini"),
}


def traces(begin_ns: int = RECORDED_NS) -> ExportTraceServiceRequest:
    """All of them in one request."""
    chance = random.Random(57)
    exporter = InMemorySpanExporter()
    provider = TracerProvider(resource=Resource(RESOURCE), id_generator=_Ids(chance))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("venom_otel", "0.1.0", "https://opentelemetry.io/schemas/1.41.0")
    for number in range(TRACES):
        _trace(tracer, chance, begin_ns + number * APART_NS)
    provider.shutdown()
    return encode_spans(exporter.get_finished_spans())


class _Ids(IdGenerator):
    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def generate_span_id(self) -> int:
        return self._chance.getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        return self._chance.getrandbits(128) or 1


def _trace(tracer: Tracer, chance: random.Random, start: int) -> None:
    # Every draw stands in the order of the recordings: the ids depend on it.
    duration = chance.randint(80, 2500) * 10**6
    (kind,) = chance.choices(["ok", "stream", "404", "500", "fallback"], [5, 4, 1, 1, 2])
    if kind == "fallback":
        root = tracer.start_span("route orders", kind=SpanKind.INTERNAL, start_time=start)
    else:
        asked = {"http.request.method": "POST", "http.route": "/ask"}
        root = tracer.start_span("POST /ask", kind=SpanKind.SERVER, start_time=start, attributes=asked)
    context = set_span_in_context(root)
    if kind == "fallback":
        _chat(tracer, chance, context, "vllm", start, 40 * 10**6, error=500)
        _chat(tracer, chance, context, "ollama", start + 41 * 10**6, duration)
        root.set_attributes(
            {"llm.route.attempts": 2, "llm.route.chosen": "ollama", "llm.route.reason": "server_error", "llm.route.fallback": True}
        )
    elif kind in ("404", "500"):
        _chat(tracer, chance, context, chance.choice(["vllm", "ollama"]), start, duration // 8, error=int(kind))
        root.set_status(Status(StatusCode.ERROR))
    else:
        _chat(tracer, chance, context, chance.choice(["vllm", "vllm", "ollama", "openai"]), start, duration, stream=kind == "stream")
    root.end(end_time=start + duration + 50 * 10**6)


def _chat(
    tracer: Tracer,
    chance: random.Random,
    context: Context,
    provider: str,
    start: int,
    duration: int,
    *,
    error: int | None = None,
    stream: bool = False,
) -> None:
    endpoint, port, model = _PLACES[provider]
    attributes = {
        "llm.provider": provider,
        "gen_ai.provider.name": provider,
        "llm.model": model,
        "llm.model_name": model,
        "gen_ai.request.model": model,
        "gen_ai.operation.name": "chat",
        "llm.endpoint": endpoint,
        "server.address": endpoint.split("//")[1].split(":")[0].split("/")[0],
        "server.port": port,
        "llm.service_id": f"{provider}-chat",
        "llm.identity.source": "server" if provider != "openai" else "host",
        "gen_ai.request.temperature": 0.2,
        "gen_ai.request.max_tokens": 256,
    }
    if stream:
        attributes["gen_ai.request.stream"] = True
    span = tracer.start_span(f"chat {model}", context=context, kind=SpanKind.CLIENT, start_time=start, attributes=attributes)
    if error:
        unknown = error == 404
        words = f"The model `{model}` does not exist." if unknown else "EngineDeadError"
        span.set_attributes(
            {
                "llm.outcome": "error",
                "llm.error.kind": "model_not_found" if unknown else "server_error",
                "error.type": str(error),
                "http.response.status_code": error,
            }
        )
        said = {
            "exception.type": "openai.NotFoundError" if unknown else "openai.InternalServerError",
            "exception.message": f"Error code: {error} - {words}",
        }
        span.add_event("exception", said, timestamp=start + duration)
        span.set_status(Status(StatusCode.ERROR, f"{error} from {endpoint}"))
    else:
        span.set_attributes({"llm.outcome": "ok", "gen_ai.response.model": model, "gen_ai.response.finish_reasons": ["stop"]})
        span.set_attribute("gen_ai.usage.input_tokens", chance.randint(20, 400))
        span.set_attribute("gen_ai.usage.output_tokens", chance.randint(5, 200))
        span.set_attribute("gen_ai.response.id", f"chatcmpl-{chance.randint(1, 999)}")
        if stream:
            span.set_attribute("gen_ai.response.time_to_first_chunk", round(duration / 1e9 / 4, 4))
    span.end(end_time=start + duration)
