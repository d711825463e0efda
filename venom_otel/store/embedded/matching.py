"""Whether telemetry holds what is looked for: a text anywhere in it, or an attribute with a certain value.

A search passes over far more bytes than it finds. So each question has a cheap answer first, asked of serialized protobuf as it is: "no"
is certain, "perhaps" costs decoding what the bytes say.
"""

from __future__ import annotations

import base64
import json
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from opentelemetry.proto.common.v1.common_pb2 import KeyValue

from venom_otel.store.embedded.wire import attribute_value

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.store.protocol import AttributeValue

_NUMBER: Final = re.compile(r"[-+.0-9e]+", re.IGNORECASE)
_WORDS: Final = ("true", "false", "nan", "-infinity")
_MAX_REMEMBERED: Final = 65_536


def as_text(value: AttributeValue) -> str:
    """An attribute's value as text: a string as it is, anything else as JSON, bytes in base64."""
    if isinstance(value, str):
        return value
    return _base64(value) if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, default=_base64)


def _base64(value: object) -> str:
    assert isinstance(value, bytes)
    return base64.b64encode(value).decode("ascii")


class Text:
    """A text that is looked for; upper and lower case are one, character by character, as Python's regular expressions have it."""

    def __init__(self, text: str) -> None:
        self._search: Final = re.compile(re.escape(text), re.IGNORECASE).search
        # A number is in the bytes as a number: they cannot say whether these digits are in it.
        lower = text.lower()
        self._perhaps_number: Final = bool(_NUMBER.fullmatch(lower)) or any(lower in word for word in _WORDS)
        alike = [_alike(character) for character in text]
        if text.isascii():
            self._run, self._spelled = lower.encode(), None
            self._exotic = {other.encode(): others[0].lower().encode() for others in alike for other in others if not other.isascii()}
        else:
            self._run, self._spelled = _longest_plain_run(alike), re.compile(b"".join(map(_alternatives, alike)))
            self._exotic = {}

    def in_string(self, value: str) -> bool:
        """Whether a string holds it."""
        return self._search(value) is not None

    def in_value(self, value: AttributeValue) -> bool:
        """Whether an attribute's value holds it: of a list or a map, any part of it, keys included; of bytes, none."""
        if isinstance(value, str):
            return self.in_string(value)
        if isinstance(value, dict):
            return any(self.in_string(key) or self.in_value(part) for key, part in value.items())
        if isinstance(value, list):
            return any(map(self.in_value, value))
        return value is not None and not isinstance(value, bytes) and self.in_string(as_text(value))

    def perhaps_in(self, raw: bytes) -> bool:
        """Whether serialized telemetry may hold it; False is certain."""
        if self._perhaps_number:
            return True
        lower = raw.lower()
        if self._spelled is not None:
            return self._run in lower and self._spelled.search(raw) is not None
        for other, plain in self._exotic.items():
            if other in lower:
                lower = lower.replace(other, plain)
        return self._run in lower


class Attributes:
    """Attributes that are looked for, each by its name and its value as text."""

    def __init__(self, wanted: Mapping[str, str]) -> None:
        self.wanted: Final = frozenset(wanted.items())
        self._names: Final = [name.encode() for name in wanted]

    def perhaps_in(self, raw: bytes) -> bool:
        """Whether serialized telemetry may hold all of them; False is certain."""
        return all(name in raw for name in self._names)


class Held(NamedTuple):
    """What one attribute holds of what is looked for."""

    text: bool
    attribute: tuple[str, str] | None
    """Its name and value as text, where it is one of the attributes looked for."""


class Holds(dict[bytes, Held]):
    """Serialized KeyValue to what it holds; each is decoded once, for they repeat from span to span. Ask by indexing."""

    def __init__(self, text: Text, attributes: Attributes) -> None:
        super().__init__()
        self._text = text
        self._wanted = attributes.wanted
        self._names = {name for name, _ in attributes.wanted}

    def __missing__(self, raw: bytes) -> Held:
        pair = KeyValue.FromString(raw)
        value = attribute_value(pair.value)
        named = (pair.key, as_text(value)) if pair.key in self._names else None
        held = Held(self._text.in_string(pair.key) or self._text.in_value(value), named if named in self._wanted else None)
        if len(self) >= _MAX_REMEMBERED:
            self.clear()
        self[raw] = held
        return held


@lru_cache(1_024)
def _alike(character: str) -> tuple[str, ...]:
    """Every character that counts as this one, itself included."""
    return tuple(re.findall(re.escape(character), _cased(), re.IGNORECASE)) or (character,)


@lru_cache(1)
def _cased() -> str:
    """Every character that has an upper or lower case; they end long before U+1FFFF."""
    return "".join(c for c in map(chr, range(0x1FFFF)) if not "\ud800" <= c <= "\udfff" and (c.lower() != c or c.upper() != c))


def _longest_plain_run(alike: list[tuple[str, ...]]) -> bytes:
    """The longest part of a text whose every spelling is the same bytes once ASCII is in lower case."""
    runs, plain = [b""], False
    for others in alike:
        plain, before = len(others) == 1 or all(other.isascii() for other in others), plain
        if plain:
            runs.append((runs.pop() if before else b"") + others[0].lower().encode())
    return max(runs, key=len)


def _alternatives(others: tuple[str, ...]) -> bytes:
    return b"(?:" + b"|".join(re.escape(other.encode()) for other in others) + b")"
