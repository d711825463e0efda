"""Serialized attributes, resources and statuses that were seen before are not decoded again, nor is their meaning worked out again.

A process sends the same few hundred attributes over and over. So each attribute becomes a number, and the numbers of a span's attributes
are what its meaning is known by: most spans are understood by looking up sixteen attributes and one tuple. Every memory here is bounded,
and values that never repeat (response ids) are soon no longer remembered.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import count
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.proto.common.v1.common_pb2 import KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from venom_otel import semconv
from venom_otel.store.embedded.wire import attribute_value
from venom_otel.store.mapping import ERROR_TYPES, HOT, MEASURED, TIMINGS, ending, is_request, party, text
from venom_otel.store.protocol import RequestStatus

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.store.mapping import Ending, Hot, Party

_HOT_KEYS: Final = frozenset(name.encode() for name in HOT)
_MEASURED_NUMBERS: Final = {name: -number for number, name in enumerate(sorted(MEASURED), 1)}
PLACED: Final = (semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK, semconv.GEN_AI_USAGE_INPUT_TOKENS, semconv.GEN_AI_USAGE_OUTPUT_TOKENS)
"""The measures of every request."""
_NOTHING: Final = 0
_MAX_ENTRIES: Final = 65_536
_MAX_BYTES: Final = 200
"""Longer attributes are not worth remembering."""
_MAX_VALUES: Final = 4_096
"""A key with more values than this is one whose values do not repeat."""
_MAX_KEYS: Final = 10_000

_KEY_FIELD: Final = 0x0A
_KEY_START: Final = 2
_ONE_BYTE_LENGTH: Final = 0x80


class Facts(dict[bytes, int]):
    """Serialized KeyValue to a number for what the list needs of it. Ask by indexing.

    0: nothing. Below 0: that it is a certain one of `MEASURED`; its value is in `measures`. Above 0: its name and value; the number stands
    for no other, ever.
    """

    def __init__(self) -> None:
        super().__init__()
        self.measures: Final[dict[bytes, Any]] = {}
        """Serialized KeyValue to the value of a measured attribute: of all that were asked for since the last `trim`."""
        self._numbers: dict[tuple[str, Any], int] = {}
        self._next = count(1)
        self._values_of: Counter[bytes] = Counter()
        self._endless: set[bytes] = set()
        """Keys with too many values, as they are serialized."""

    def trim(self) -> None:
        """Forget measures where they have become many. Between two requests: while one is taken apart, nothing of it is forgotten."""
        if len(self.measures) > _MAX_ENTRIES:
            self.measures.clear()
            self.clear()

    def __missing__(self, raw: bytes) -> int:
        # First and quickly, as it is asked of every span.
        if len(raw) > _KEY_START and raw[: _KEY_START + raw[1]] in self._endless:
            return _NOTHING
        # The key is known where it stands first and its length fits one byte, as every known sender writes it.
        known = len(raw) > _KEY_START and raw[0] == _KEY_FIELD and raw[1] < _ONE_BYTE_LENGTH
        key = raw[_KEY_START : _KEY_START + raw[1]] if known else b""
        number = _NOTHING if known and key not in _HOT_KEYS else self._number(raw)
        if number < _NOTHING or (known and len(raw) < _MAX_BYTES and len(self) < _MAX_ENTRIES and self._repeats(key)):
            self[raw] = number
        return number

    def _number(self, raw: bytes) -> int:
        fact = decode_fact(raw)
        if fact is None:
            return _NOTHING
        if fact[0] in _MEASURED_NUMBERS:
            self.measures[raw] = fact[1]
            return _MEASURED_NUMBERS[fact[0]]
        if len(self._numbers) >= _MAX_ENTRIES:
            self._numbers.clear()
        return self._numbers.get(fact) or self._numbers.setdefault(fact, next(self._next))

    def _repeats(self, key: bytes) -> bool:
        """Note another value of a key; False where it has too many."""
        if len(self._values_of) > _MAX_KEYS:
            self._values_of.clear()
            self._endless.clear()
        self._values_of[key] += 1
        if self._values_of[key] < _MAX_VALUES:
            return True
        if key not in _HOT_KEYS:
            self._endless.add(bytes((_KEY_FIELD, len(key))) + key)
        return False


def decode_fact(raw: bytes) -> tuple[str, Any] | None:
    """Name and converted value of a serialized KeyValue; None where the list does not need it."""
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


@dataclass(frozen=True, slots=True, eq=False)
class Judgement:
    """What the attributes of a span mean."""

    is_request: bool
    """Whether it is a request to a model; the rest is only asked for then."""
    party: Party
    ending: Ending
    completed: bool
    places: tuple[int | None, ...]
    """Where among the span's attributes the measures of `PLACED` stand, None for nowhere."""
    error_place: int | None
    """Where the error's type stands."""
    timing_places: tuple[int | None, ...]
    """Where the runtime's own times stand, in the order of `TIMINGS`; empty where there is none of them."""


class Judgements(dict[tuple[Any, ...], Judgement]):
    """Judgements by all that they depend on: the service, the span's kind, its status code and the facts of its attributes."""

    _MAX_ENTRIES: Final = 16_384

    def judge(self, key: tuple[str, int, int, tuple[int, ...]], attributes: Sequence[bytes]) -> Judgement:
        """Judge a span that no judgement is known for, and remember it."""
        service, kind, status_code, _ = key
        hot: Hot = {}
        places: dict[str, int] = {}
        for place, fact in enumerate(map(decode_fact, attributes)):
            if fact is not None:
                hot[fact[0]] = fact[1]
                places[fact[0]] = place
        ended = ending(status_code, hot)
        judgement = Judgement(
            is_request(kind, hot),
            party(service, hot),
            ended,
            ended.status is RequestStatus.COMPLETED,
            tuple(map(places.get, PLACED)),
            next((places[name] for name in ERROR_TYPES if hot.get(name)), None),
            tuple(map(places.get, TIMINGS)) if any(name in places for name in TIMINGS) else (),
        )
        if len(self) >= self._MAX_ENTRIES:
            self.clear()
        self[key] = judgement
        return judgement
