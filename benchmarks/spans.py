"""Export requests of chat spans, made fast enough that making them is never what is measured.

A request has 512 spans with 16 attributes each, of 42 combinations of service, provider, model and endpoint; 3 % failed. It is serialized once;
each copy gets identifiers, times and response ids of its own by writing them over the old ones, which have the same length.
"""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, ArrayValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

SPANS = 512
"""In one request."""
SECOND = 1_000_000_000
DAY = 86_400 * SECOND

_SERVICES = ("chat-api", "batch", "worker")
_PROVIDERS = {
    "ollama": (("llama3.1:8b", "qwen2.5:14b", "mistral:7b"), ("http://127.0.0.1:11434",)),
    "vllm": (("Qwen/Qwen2.5-32B-Instruct", "meta-llama/Llama-3.1-70B-Instruct"), ("http://10.0.0.5:8000", "http://10.0.0.6:8000")),
    "openai": (("gpt-4o", "gpt-4o-mini", "o3-mini"), ("https://api.openai.com/v1",)),
    "azure.ai.openai": (("gpt-4o", "gpt-4.1"), ("https://eu.example.net/openai", "https://us.example.net/openai")),
}
_PARTIES = [(provider, model, server) for provider, (models, servers) in _PROVIDERS.items() for model in models for server in servers]
_ERRORS = {"429": "rate_limited", "500": "server_error", "timeout": "timeout", "connection_error": "not_reached"}
_RESPONSE_ID = b"chatcmpl-"
_RESPONSE_ID_DIGITS = 24


class _Place(NamedTuple):
    """Where in the bytes of a request the parts of one span stand that each copy has for itself."""

    trace_id: int
    span_id: int
    parent_id: int | None
    parent: int
    """The span above it, by its number."""
    trace: int
    """Its trace, by its number."""
    times: int
    duration_ns: int
    response_id: int


class Template:
    """One request of which copies are made."""

    def __init__(self, seed: int, streams: float) -> None:
        request, durations, parents, traces = _request(random.Random(seed), seed, streams)
        self._raw = request.SerializeToString()
        spans = request.resource_spans[0].scope_spans[0].spans
        self._places: list[_Place] = []
        at = 0
        for span, duration_ns, parent, trace in zip(spans, durations, parents, traces, strict=True):
            start = self._raw.index(span.trace_id + b"\x12\x08" + span.span_id, at)
            times = self._raw.index(span.start_time_unix_nano.to_bytes(8, "little"), start)
            parent_id = self._raw.index(span.parent_span_id, start + 26) if span.parent_span_id else None
            at = self._raw.index(_RESPONSE_ID, times)
            self._places.append(_Place(start, start + 18, parent_id, parent, trace, times, duration_ns, at + len(_RESPONSE_ID)))

    def copy(self, dice: random.Random, first_ns: int, step_ns: int) -> bytes:
        """A request with spans that start every `step_ns` from `first_ns`."""
        raw = bytearray(self._raw)
        span_ids = dice.randbytes(8 * SPANS)
        trace_ids = dice.randbytes(16 * SPANS)
        response_ids = dice.randbytes(_RESPONSE_ID_DIGITS // 2 * SPANS).hex().encode()
        start_ns = first_ns
        for number, place in enumerate(self._places):
            raw[place.trace_id : place.trace_id + 16] = trace_ids[16 * place.trace : 16 * place.trace + 16]
            raw[place.span_id : place.span_id + 8] = span_ids[8 * number : 8 * number + 8]
            if place.parent_id is not None:
                raw[place.parent_id : place.parent_id + 8] = span_ids[8 * place.parent : 8 * place.parent + 8]
            end_ns = start_ns + int(place.duration_ns * (0.7 + 0.7 * dice.random()))
            raw[place.times : place.times + 8] = start_ns.to_bytes(8, "little")
            raw[place.times + 9 : place.times + 17] = end_ns.to_bytes(8, "little")
            digits = _RESPONSE_ID_DIGITS * number
            raw[place.response_id : place.response_id + _RESPONSE_ID_DIGITS] = response_ids[digits : digits + _RESPONSE_ID_DIGITS]
            start_ns += step_ns
        return bytes(raw)


def requests(number: int, first_ns: int, last_ns: int, *, seed: int = 1, streams: float = 0.0) -> Iterator[bytes]:
    """So many requests, whose spans start evenly over a range of time, in its order.

    Args:
        number: how many requests.
        first_ns: the first span's start.
        last_ns: no span starts later.
        seed: the same gives the same bytes.
        streams: share of the requests that stream and say when their first chunk came, in two more attributes.
    """
    templates = [Template(template, streams) for template in range(24)]
    dice = random.Random(seed)
    step_ns = max((last_ns - first_ns) // (number * SPANS), 1)
    for index in range(number):
        yield templates[index % len(templates)].copy(dice, first_ns + index * SPANS * step_ns, step_ns)


def _request(dice: random.Random, seed: int, streams: float) -> tuple[ExportTraceServiceRequest, list[int], list[int], list[int]]:
    """A request; the durations of its spans, the number of each span's parent and of each span's trace."""
    spans: list[Span] = []
    durations: list[int] = []
    parents: list[int] = []
    traces: list[int] = []
    trace_id, left, root = b"", 0, 0
    for number in range(SPANS):
        if left == 0:
            trace_id, left, root = dice.randbytes(16), dice.choice([1, 1, 2, 3, 4, 6]), number
        left -= 1
        traces.append(root)
        parents.append(root)
        durations.append(int(dice.lognormvariate(20.5, 0.9)))
        spans.append(_span(dice, trace_id, spans[root].span_id if number != root else b"", number, streams))
    said = {
        "service.name": _SERVICES[seed % len(_SERVICES)],
        "service.version": "1.4.2",
        "telemetry.sdk.language": "python",
        "host.name": "devbox",
    }
    scope = ScopeSpans(scope=InstrumentationScope(name="venom_otel", version="0.1.0"), spans=spans)
    resource = ResourceSpans(resource=Resource(attributes=[_pair(*item) for item in said.items()]), scope_spans=[scope])
    return ExportTraceServiceRequest(resource_spans=[resource]), durations, parents, traces


def _span(dice: random.Random, trace_id: bytes, parent_id: bytes, number: int, streams: float) -> Span:
    provider, model, server = dice.choice(_PARTIES)
    failed = dice.random() < 0.03
    error = dice.choice(list(_ERRORS))
    said = {
        "llm.provider": provider,
        "gen_ai.provider.name": provider,
        "gen_ai.operation.name": "chat",
        "llm.model": model,
        "gen_ai.request.model": model,
        "gen_ai.response.model": model,
        "gen_ai.response.id": _RESPONSE_ID.decode() + dice.randbytes(_RESPONSE_ID_DIGITS // 2).hex(),
        "gen_ai.request.temperature": dice.choice([0.0, 0.2, 0.7, 1.0]),
        "gen_ai.request.max_tokens": dice.choice([512, 1_024, 4_096]),
        "llm.endpoint": server,
        "server.address": server.split("//")[1].split("/")[0].split(":")[0],
        "llm.identity.source": "server",
        "gen_ai.usage.input_tokens": int(dice.lognormvariate(6.5, 1)),
    }
    if failed:
        said |= {"llm.outcome": "error", "llm.error.kind": _ERRORS[error], "error.type": error}
    else:
        finished = {"gen_ai.response.finish_reasons": ["stop"]}
        said |= {"llm.outcome": "ok", "gen_ai.usage.output_tokens": int(dice.lognormvariate(5, 0.8))} | finished
    if not failed and dice.random() < streams:
        said |= {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": dice.lognormvariate(-1, 0.7)}
    return Span(
        trace_id=trace_id,
        span_id=dice.randbytes(8),
        parent_span_id=parent_id,
        name=f"chat {model}",
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=(1 << 60) + number,
        end_time_unix_nano=(1 << 60) + number,
        attributes=[_pair(*item) for item in said.items()],
        status=Status(code=Status.STATUS_CODE_ERROR, message=f"the server answered with an error: {error}") if failed else None,
    )


def _pair(key: str, value: str | bool | float | list[str]) -> KeyValue:
    match value:
        case bool():
            return KeyValue(key=key, value=AnyValue(bool_value=value))
        case int():
            return KeyValue(key=key, value=AnyValue(int_value=value))
        case float():
            return KeyValue(key=key, value=AnyValue(double_value=value))
        case str():
            return KeyValue(key=key, value=AnyValue(string_value=value))
    return KeyValue(key=key, value=AnyValue(array_value=ArrayValue(values=[AnyValue(string_value=item) for item in value])))
