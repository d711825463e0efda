"""OTLP's two encodings: protobuf, which is stored as it comes, and JSON, which becomes protobuf first.

OTLP/JSON is proto3's JSON mapping with one exception: trace and span ids are hexadecimal, not base64
(https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding).
"""

from __future__ import annotations

import base64
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from google.protobuf import json_format
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest, ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest, ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest, ExportTraceServiceResponse

from venom_otel.errors import PayloadError
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from google.protobuf.message import Message

    from venom_otel.store.protocol import Written

_HEX_FIELDS: Final = ("traceId", "spanId", "parentSpanId")
_MAX_DEPTH: Final = 100
"""As deep as protobuf itself reads."""


class Encoding(StrEnum):
    """The media type of a request, and of its answer."""

    PROTOBUF = "application/x-protobuf"
    JSON = "application/json"


def from_json(signal: Signal, body: bytes) -> bytes:
    """A JSON request as serialized protobuf; fields that this version does not know are left out, as OTLP asks.

    Raises:
        PayloadError: it is no JSON, or not an OTLP request.
    """
    request: Message
    match signal:
        case Signal.TRACES:
            request = ExportTraceServiceRequest()
        case Signal.METRICS:
            request = ExportMetricsServiceRequest()
        case Signal.LOGS:
            request = ExportLogsServiceRequest()
    try:
        parsed = json.loads(body, object_hook=_identifiers_to_base64)
        if not isinstance(parsed, dict):
            raise TypeError
        json_format.ParseDict(parsed, request, ignore_unknown_fields=True, max_recursion_depth=_MAX_DEPTH)
    except (ValueError, TypeError, AttributeError, RecursionError, SystemError, json_format.Error) as error:
        # SystemError is protobuf's for a name that is no UTF-8, half of a surrogate pair.
        # Only what is said of places: other words of these errors quote the body.
        where = f" (line {error.lineno}, column {error.colno})" if isinstance(error, json.JSONDecodeError) else ""
        raise PayloadError(f"the body is no OTLP {signal} request in JSON{where}; sending it again cannot help") from None
    return request.SerializeToString()


def accepted(signal: Signal, written: Written, encoding: Encoding) -> bytes:
    """The body of a 200; says how many items were rejected and why, where some were."""
    answer: Message
    match signal:
        case Signal.TRACES:
            answer = ExportTraceServiceResponse()
            if written.rejected:
                answer.partial_success.rejected_spans = written.rejected
                answer.partial_success.error_message = written.reason
        case Signal.METRICS:
            answer = ExportMetricsServiceResponse()
            if written.rejected:
                answer.partial_success.rejected_data_points = written.rejected
                answer.partial_success.error_message = written.reason
        case Signal.LOGS:
            answer = ExportLogsServiceResponse()
            if written.rejected:
                answer.partial_success.rejected_log_records = written.rejected
                answer.partial_success.error_message = written.reason
    return _serialize(answer, encoding)


def refused(code: int, words: str, encoding: Encoding) -> bytes:
    """The google.rpc.Status that OTLP asks for as the body of every 4xx and 5xx."""
    return _serialize(Status(code=code, message=words), encoding)


def _serialize(message: Message, encoding: Encoding) -> bytes:
    if encoding is Encoding.JSON:
        return json_format.MessageToJson(message, indent=None).encode()
    return message.SerializeToString()


def _identifiers_to_base64(item: dict[str, Any]) -> dict[str, Any]:
    for name in _HEX_FIELDS:
        if name in item:
            item[name] = base64.b64encode(bytes.fromhex(item[name])).decode()
    return item
