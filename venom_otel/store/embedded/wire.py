"""OTLP requests taken apart no further than needed.

The wire format lets a reader leave any nested message as bytes. The messages below are OTLP's own with attributes, status, resource,
scope and events left closed: parsing a request into them costs a quarter of the full parse, and most attributes are then never opened.
They are described at run time, so that no generated code has to be kept; numbers and types are those of opentelemetry-proto v1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from opentelemetry.proto.common.v1.common_pb2 import AnyValue

    from venom_otel.store.protocol import AttributeValue

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE: Final = "venom_otel.wire"


class SlimSpan(Protocol):
    """A span with its nested messages closed."""

    trace_id: bytes
    span_id: bytes
    kind: int
    start: int
    end: int
    attributes: Sequence[bytes]
    """Serialized KeyValue."""
    events: Sequence[bytes]
    """Serialized Span.Event."""
    status: bytes
    """Serialized Status."""


class SlimScope(Protocol):
    """The spans of one instrumentation scope."""

    spans: Sequence[SlimSpan]


class SlimResource(Protocol):
    """The spans of one resource."""

    resource: bytes
    scopes: Sequence[SlimScope]


class SlimRequest(Protocol):
    """An ExportTraceServiceRequest."""

    resources: Sequence[SlimResource]


class SearchedSpan(Protocol):
    """A span with what is searched."""

    trace_id: bytes
    span_id: bytes
    name: bytes
    start: int
    attributes: Sequence[bytes]
    events: Sequence[bytes]
    status: bytes


class ClosedScope(Protocol):
    """The spans of one instrumentation scope, each closed."""

    scope: bytes
    spans: Sequence[bytes]


class ClosedResource(Protocol):
    """The closed spans of one resource."""

    resource: bytes
    scopes: Sequence[ClosedScope]


class ClosedRequest(Protocol):
    """An ExportTraceServiceRequest down to closed spans."""

    resources: Sequence[ClosedResource]


def _describe() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="venom_otel/wire.proto", package=_PACKAGE, syntax="proto3")

    def message(name: str, *fields: tuple[str, int, Any, bool, str | None]) -> None:
        described = file.message_type.add(name=name)
        for field_name, number, kind, repeated, type_name in fields:
            field = described.field.add(name=field_name, number=number, type=kind)
            field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            if type_name is not None:
                field.type_name = f".{_PACKAGE}.{type_name}"

    raw, nested, fixed64, int32 = _Field.TYPE_BYTES, _Field.TYPE_MESSAGE, _Field.TYPE_FIXED64, _Field.TYPE_INT32
    message(
        "SlimSpan",
        ("trace_id", 1, raw, False, None),
        ("span_id", 2, raw, False, None),
        ("kind", 6, int32, False, None),
        ("start", 7, fixed64, False, None),
        ("end", 8, fixed64, False, None),
        ("attributes", 9, raw, True, None),
        ("events", 11, raw, True, None),
        ("status", 15, raw, False, None),
    )
    message("SlimScope", ("spans", 2, nested, True, "SlimSpan"))
    message("SlimResource", ("resource", 1, raw, False, None), ("scopes", 2, nested, True, "SlimScope"))
    message("SlimRequest", ("resources", 1, nested, True, "SlimResource"))
    message(
        "SearchedSpan",
        ("trace_id", 1, raw, False, None),
        ("span_id", 2, raw, False, None),
        ("name", 5, raw, False, None),
        ("start", 7, fixed64, False, None),
        ("attributes", 9, raw, True, None),
        ("events", 11, raw, True, None),
        ("status", 15, raw, False, None),
    )
    message("ClosedScope", ("scope", 1, raw, False, None), ("spans", 2, raw, True, None))
    message("ClosedResource", ("resource", 1, raw, False, None), ("scopes", 2, nested, True, "ClosedScope"))
    message("ClosedRequest", ("resources", 1, nested, True, "ClosedResource"))
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return pool


def _parser(name: str) -> Callable[[bytes], Any]:
    found = message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
    return cast("Callable[[bytes], Any]", found.FromString)


_POOL: Final = _describe()

parse_slim: Final = cast("Callable[[bytes], SlimRequest]", _parser("SlimRequest"))
"""For storing: every span with its identifiers and times, its attributes closed."""
parse_searched: Final = cast("Callable[[bytes], SearchedSpan]", _parser("SearchedSpan"))
"""For searching: one closed span with its identifiers and its texts, its attributes closed."""
parse_closed: Final = cast("Callable[[bytes], ClosedRequest]", _parser("ClosedRequest"))
"""For finding: every span closed, so that only those looked for are opened."""


def attribute_value(value: AnyValue) -> AttributeValue:
    """An attribute's value as Python has it; None where the sender left it empty."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    if kind == "array_value":
        return [attribute_value(item) for item in value.array_value.values]
    if kind == "kvlist_value":
        return {item.key: attribute_value(item.value) for item in value.kvlist_value.values}
    return cast("AttributeValue", getattr(value, kind))
