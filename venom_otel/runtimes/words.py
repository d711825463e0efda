"""What a server says, fit to be shown: its own words on an error, in one line, without credentials."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from venom_otel.identity.endpoint import redact

if TYPE_CHECKING:
    from collections.abc import Iterable

REFUSED: Final = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})
"""Statuses that are about a key."""
SHOWN: Final = 300
"""Characters that people are shown of a reply."""
READ: Final = 16 * 1024
"""Characters of a reply that are looked at to make that."""
_BEGINNING: Final = 4096
"""Bytes of a body that may be words."""


def shown(text: str, secrets: Iterable[str], limit: int | None = SHOWN) -> str:
    """A text without credentials and control characters, in one line; cut off where a limit is given."""
    read = text if limit is None else text[:READ]
    words = redact(" ".join(read.split()), tuple(secrets))
    words = "".join(character if character.isprintable() else "\ufffd" for character in words)
    if limit is not None and len(words) > limit:
        return words[: limit - 1] + "…"
    return words if read == text else words.rpartition(" ")[0]  # no half of a key, which would not be known as one


def message(body: bytes) -> str:
    """The words in `{"error": {"message": "…"}}`, `{"error": "…"}`, `{"detail": "…"}`; of anything else the beginning itself."""
    try:
        found: Any = json.loads(body)
    except (ValueError, RecursionError):
        return beginning(body)
    for _ in range(2):
        if isinstance(found, dict):
            found = next((found[key] for key in ("error", "message", "detail") if key in found), None)
    return found if isinstance(found, str) else beginning(body)


def beginning(body: bytes) -> str:
    """The beginning of a body as text."""
    return body[:_BEGINNING].decode("utf-8", "replace")
