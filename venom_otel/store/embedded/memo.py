"""Serialized attributes, resources and statuses that were seen before are not decoded again, nor is their meaning worked out again.

A process sends the same few hundred attributes over and over: remembering what their bytes mean makes decoding five times as fast.
Every memory here is bounded, and values that never repeat (response ids) are soon no longer remembered.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from venom_otel import semconv
from venom_otel.store.embedded.wire import attribute_value
from venom_otel.store.mapping import HOT, MEASURED, ending, is_request, party, text

if TYPE_CHECKING:
    from venom_otel.store.mapping import Ending, Hot, Party

_HOT_KEYS: Final = frozenset(name.encode() for name in HOT)
_MAX_ENTRIES: Final = 65_536
_MAX_BYTES: Final = 200
"""Longer attributes are not worth remembering."""
_MAX_VALUES: Final = 4_096
"""A key with more values than this is one whose values do not repeat."""
_MAX_KEYS: Final = 10_000

_KEY_FIELD: Final = 0x0A
_KEY_START: Final = 2
_ONE_BYTE_LENGTH: Final = 0x80


class HotAttributes(dict[bytes, "tuple[str, Any] | None"]):
    """Serialized KeyValue to (name, converted value), or to None where the list does not need it. Ask by indexing."""

    def __init__(self) -> None:
        super().__init__()
        self._values_of: dict[bytes, int] = {}

    def __missing__(self, raw: bytes) -> tuple[str, Any] | None:
        key = _key(raw)
        found = _decode(raw) if key is None or key in _HOT_KEYS else None
        if key is not None and len(raw) < _MAX_BYTES and len(self) < _MAX_ENTRIES:
            if len(self._values_of) > _MAX_KEYS:
                self._values_of.clear()
            values = self._values_of[key] = self._values_of.get(key, 0) + 1
            if values < _MAX_VALUES:
                self[raw] = found
        return found


def _key(raw: bytes) -> bytes | None:
    """The key, where it stands first and its length fits one byte, as every known sender writes it."""
    if len(raw) > _KEY_START and raw[0] == _KEY_FIELD and raw[1] < _ONE_BYTE_LENGTH:
        return raw[_KEY_START : _KEY_START + raw[1]]
    return None


def _decode(raw: bytes) -> tuple[str, Any] | None:
    attribute = KeyValue.FromString(raw)
    convert = HOT.get(attribute.key)
    value = None if convert is None else convert(attribute_value(attribute.value))
    return None if value is None else (attribute.key, value)


class StatusCodes(dict[bytes, int]):
    """Serialized Status to OTLP's status code. Ask by indexing."""

    _MAX_ENTRIES: Final = 4_096

    def __missing__(self, raw: bytes) -> int:
        code = int(Status.FromString(raw).code)
        if len(self) < self._MAX_ENTRIES and len(raw) < _MAX_BYTES:
            self[raw] = code
        return code


class ServiceNames(dict[bytes, str]):
    """Serialized Resource to its service name, "" where it has none. Ask by indexing."""

    _MAX_ENTRIES: Final = 4_096
    _MAX_BYTES: Final = 8_192

    def __missing__(self, raw: bytes) -> str:
        attributes = Resource.FromString(raw).attributes
        name = next((text(attribute_value(item.value)) for item in attributes if item.key == semconv.SERVICE_NAME), None) or ""
        if len(self) < self._MAX_ENTRIES and len(raw) < self._MAX_BYTES:
            self[raw] = name
        return name


class Judgement(NamedTuple):
    """What makes a span a request: who took part and how it ended."""

    party: Party
    ending: Ending


class Judgements(dict[tuple[Any, ...], "Judgement | None"]):
    """What the attributes that repeat make of a span: a request, or None. Ask by `of`."""

    _REPEATING: Final = tuple(name for name in HOT if name not in MEASURED)
    _MAX_ENTRIES: Final = 16_384

    def of(self, service: str, kind: int, status_code: int, hot: Hot) -> Judgement | None:
        """The judgement on one span."""
        streamed = semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK in hot
        return self[service, kind, status_code, streamed, *map(hot.get, self._REPEATING)]

    def __missing__(self, key: tuple[Any, ...]) -> Judgement | None:
        service, kind, status_code, streamed, *values = key
        hot = {name: value for name, value in zip(self._REPEATING, values, strict=True) if value is not None}
        if streamed:
            hot[semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] = 0
        judgement = Judgement(party(service, hot), ending(status_code, hot)) if is_request(kind, hot) else None
        if len(self) >= self._MAX_ENTRIES:
            self.clear()
        self[key] = judgement
        return judgement
