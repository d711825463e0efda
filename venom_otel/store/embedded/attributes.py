"""Attributes as one text: the same for every order they are sent in, and back again without loss.

The text is JSON with sorted names, so that SQLite's own tools can read it. Bytes, which JSON has not, become an object of one name that no
sender uses.
"""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.store.protocol import AttributeValue

_BYTES: Final = "\0base64"


def dump(attributes: Mapping[str, AttributeValue]) -> str:
    """The text of attributes."""
    return json.dumps(attributes, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=_from_bytes)


def load(text: str) -> dict[str, AttributeValue]:
    """The attributes of a text."""
    found: dict[str, AttributeValue] = json.loads(text, object_hook=_to_bytes)
    return found


def _from_bytes(value: bytes) -> dict[str, str]:
    return {_BYTES: base64.b64encode(value).decode()}


def _to_bytes(item: dict[str, Any]) -> Any:
    return base64.b64decode(item[_BYTES]) if _BYTES in item else item
