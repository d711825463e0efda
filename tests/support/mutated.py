"""OTLP requests with everything in them, and the ways in which they go wrong on the way."""

from __future__ import annotations

import base64
import copy
import json
from typing import TYPE_CHECKING, Any

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import (
    Exemplar,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    Gauge,
    Histogram,
    HistogramDataPoint,
    Metric,
    NumberDataPoint,
    Sum,
    Summary,
    SummaryDataPoint,
)
from support.otlp import SECOND, attributes, chat, log_record, log_records, metric_points, span, traces

from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    import random

RICH = {
    "text": "häß", "list": ["a", 1, None], "map": {"a": {"b": 1.5}}, "bytes": b"\x00\xff", "yes": True,
    "gen_ai.usage.input_tokens": 12, "gen_ai.usage.output_tokens": 7, "gen_ai.response.time_to_first_chunk": 0.25,
}  # fmt: skip
MESSAGES = {Signal.TRACES: ExportTraceServiceRequest, Signal.METRICS: ExportMetricsServiceRequest, Signal.LOGS: ExportLogsServiceRequest}
IDENTIFIERS = ("traceId", "spanId", "parentSpanId")
HOSTILE = (
    None, True, -1, 0, 1.5, 2**31, 2**63, 2**64, -(2**63) - 1, 1e300, "", "NaN", "-Infinity", "-1", "0x10", "18446744073709551616",
    "é\u0000\ud83d", "x" * 5_000, [], {}, [[]], [None], [{}], {"stringValue": 1}, {"a": {"b": []}},
    {"arrayValue": {"values": [{"kvlistValue": {"values": [{}]}}]}},
)  # fmt: skip


def originals() -> dict[Signal, bytes]:
    """One request of each kind, with identifiers of its own."""
    failed = chat(more=RICH, status=2, message="failed", events={"exception": {"exception.message": "why"}})
    return {
        Signal.TRACES: traces(failed, span(RICH, parent=failed), chat("vllm", "b")),
        Signal.METRICS: metric_points(*_metrics()),
        Signal.LOGS: log_records(log_record(RICH, of=failed, said=RICH), log_record(severity=17, time_ns=0, observed_ns=SECOND)),
    }


def mutated(body: bytes, dice: random.Random) -> bytes:
    """The body with one mistake, or several: bytes changed, lost, added, doubled."""
    raw = bytearray(body)
    for _ in range(dice.choice([1, 1, 1, 3, 10])):
        at = dice.randrange(len(raw)) if raw else 0
        match dice.randrange(7):
            case 0:
                raw[at : at + 1] = bytes([dice.randrange(256)])
            case 1:
                raw[at : at + 1] = bytes([(raw[at] if raw else 0) ^ (1 << dice.randrange(8))])
            case 2:
                del raw[at:]
            case 3:
                del raw[at : at + dice.randrange(1, 20)]
            case 4:
                raw[at:at] = dice.randbytes(dice.randrange(1, 20))
            case 5:
                raw[at:at] = raw[at : at + dice.randrange(1, 200)]
            case 6:
                raw[at : at + 9] = b"\xff" * 9
    return bytes(raw)


def as_json(signal: Signal, body: bytes) -> Any:
    """A request in OTLP's JSON, as an object."""
    parsed = MessageToDict(MESSAGES[signal].FromString(body))

    def hexadecimal(item: Any) -> Any:
        match item:
            case dict():
                return {
                    key: base64.b64decode(one).hex() if key in IDENTIFIERS and isinstance(one, str) else hexadecimal(one)
                    for key, one in item.items()
                }
            case list():
                return [hexadecimal(one) for one in item]
        return item

    return hexadecimal(parsed)


def mutated_json(request: Any, dice: random.Random) -> bytes:
    """The request as JSON with mistakes in its text, or in what it says."""
    if dice.random() < 0.3:
        return mutated(json.dumps(request).encode(), dice)
    request = json.loads(json.dumps(request))
    for _ in range(dice.choice([1, 1, 1, 3, 10])):
        _spoil(request, dice)
    return json.dumps(request).encode()


def _spoil(item: Any, dice: random.Random) -> None:
    """Go down to any depth, then leave something out, double it, rename it or put something hostile in its place."""
    keys = list(item) if isinstance(item, dict) else range(len(item))
    if not keys:
        return
    key = dice.choice(keys)
    if isinstance(item[key], dict | list) and dice.random() < 0.85:
        _spoil(item[key], dice)
        return
    match dice.randrange(4):
        case 0:
            del item[key]
        case 1 if isinstance(item, list):
            item.append(item[key])
        case 2 if isinstance(item, dict):
            item[dice.choice(["", "value", "attributes", "traceId", "dataPoints", "intValue"])] = item.pop(key)
        case _:
            item[key] = copy.deepcopy(dice.choice(HOSTILE))


def _metrics() -> list[Metric]:
    """Every kind of metric, with one point each."""
    named = {"attributes": attributes(RICH), "start_time_unix_nano": SECOND, "time_unix_nano": 2 * SECOND}
    exemplar = Exemplar(as_double=0.5, time_unix_nano=SECOND, trace_id=b"t" * 16, span_id=b"s" * 8)
    buckets = ExponentialHistogramDataPoint.Buckets(offset=-1, bucket_counts=[1, 2])
    return [
        Metric(name="a gauge", unit="{state}", gauge=Gauge(data_points=[NumberDataPoint(as_double=0.5, **named)])),
        Metric(
            name="a sum",
            sum=Sum(data_points=[NumberDataPoint(as_int=5, exemplars=[exemplar], **named)], aggregation_temporality=2, is_monotonic=True),
        ),
        Metric(
            name="a histogram",
            histogram=Histogram(
                data_points=[
                    HistogramDataPoint(count=3, sum=4.5, min=0.1, max=3, bucket_counts=[1, 1, 1], explicit_bounds=[0.5, 2], **named)
                ],
                aggregation_temporality=2,
            ),
        ),
        Metric(
            name="an exponential one",
            exponential_histogram=ExponentialHistogram(
                data_points=[
                    ExponentialHistogramDataPoint(count=7, sum=4.5, scale=3, zero_count=1, positive=buckets, negative=buckets, **named)
                ],
                aggregation_temporality=1,
            ),
        ),
        Metric(
            name="a summary",
            summary=Summary(
                data_points=[
                    SummaryDataPoint(count=2, sum=3, quantile_values=[SummaryDataPoint.ValueAtQuantile(quantile=0.5, value=1)], **named)
                ]
            ),
        ),
    ]
