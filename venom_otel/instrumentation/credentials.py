"""The credentials a call uses, wherever they were given, so that no text of ours repeats them. Gathered only when a call has failed.

A server's error text may repeat what it was sent: the key of the client, one in a header, in the URL, in a query or in a field that the
settings add to the request's body.
"""

from __future__ import annotations

import base64
import binascii
import functools
import re
from typing import TYPE_CHECKING, Any, Final

from venom_otel.identity.endpoint import credentials_in
from venom_otel.instrumentation.semantic_kernel import connectors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.instrumentation.invocation import Invocation

_NAMED_LIKE_A_KEY: Final = re.compile(r"key|token|secret|passw|auth|credential|cookie|signature", re.IGNORECASE)
_ADDED_TO_BODIES: Final = ("extra_body", "extra_query", "extra_headers", "extra_parameters")


_MOST_RECENT: Final = 64
_recent: dict[str, None] = {}


def recent() -> list[str]:
    """What the latest failed calls of this process used: their servers' words may stand in spans that others make around ours."""
    return list(_recent)


def of_service(service: Any) -> list[str]:
    """What a chat service was given: the headers by which it proves who it is, and what its base URL carries."""
    connector = connectors.of(service)
    headers = connector.credential_headers(service)
    words = [word for value in headers.values() for word in _words(value)]
    return [*words, *credentials_in(connector.endpoint_url(service) or "")]


def of_invocation(invocation: Invocation) -> list[str]:
    """What one call used: its service's, what its settings add, and what the request that was sent really carried."""
    found = of_service(invocation.service)
    settings = getattr(invocation.settings, "__dict__", {})  # a pydantic model is slow to say that it has no such field
    for field in _ADDED_TO_BODIES:
        if (added := settings.get(field)) is not None:
            found.extend(_below(added))
    request = invocation.request
    if request is not None:
        found.extend(credentials_in(str(request.url)))
        for name, value in request.headers.raw:
            if _is_named_like_a_key(name):
                found.extend(_words(value.decode("latin-1")))
    used = dict.fromkeys(found)
    _recent.update(used)
    while len(_recent) > _MOST_RECENT:
        _recent.pop(next(iter(_recent)), None)
    return list(used)


@functools.lru_cache(maxsize=256)
def _is_named_like_a_key(name: str | bytes) -> bool:
    """Whether a header's or a field's name says that a key is in it. Kept, as every request has the same dozen headers."""
    return _NAMED_LIKE_A_KEY.search(name if isinstance(name, str) else name.decode("latin-1")) is not None


def _words(header: str) -> Iterator[str]:
    """The words of a header's value; of `Basic` also user and password, which a server may repeat decoded."""
    words = header.split()
    yield from words
    if len(words) == 2 and words[0].lower() == "basic":  # noqa: PLR2004
        try:
            decoded = base64.b64decode(words[1], validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return
        yield decoded
        yield from decoded.split(":", 1)


def _below(fields: Any) -> Iterator[str]:
    """The values of fields that are named like a key, at any depth."""
    if not isinstance(fields, dict):
        return
    for name, value in fields.items():
        if isinstance(value, dict):
            yield from _below(value)
        elif isinstance(value, str) and _is_named_like_a_key(str(name)):
            yield from _words(value)
