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
_HARMLESS: Final = frozenset(
    {
        "accept",
        "accept-encoding",
        "accept-language",
        "anthropic-beta",
        "anthropic-version",
        "baggage",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "host",
        "openai-organization",
        "openai-project",
        "semantic-kernel-version",
        "traceparent",
        "tracestate",
        "transfer-encoding",
        "user-agent",
        "x-goog-api-client",
    }
)
_HARMLESS_PREFIXES: Final = ("x-stainless-",)
"""What the clients of OpenAI and Anthropic say of their platform."""


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
    """What one call used: what the request that was sent really carried, else what its service was given; and what its settings add."""
    found = of_request(invocation.request) or of_service(invocation.service)
    found.extend(of_settings(invocation.settings))
    used = dict.fromkeys(found)
    _recent.update(used)
    while len(_recent) > _MOST_RECENT:
        _recent.pop(next(iter(_recent)), None)
    return list(used)


def of_settings(settings: Any) -> Iterator[str]:
    """What a call's settings add to its request."""
    fields = getattr(settings, "__dict__", {})  # a pydantic model is slow to say that it has no such field
    for field in _ADDED_TO_BODIES:
        if (added := fields.get(field)) is not None:
            yield from _below(added)


def of_request(request: Any) -> list[str]:
    """What an httpx request carries: the values of its headers but those that are known to hold no secret, and of its query."""
    if request is None:
        return []
    url, may_hold_a_key = request.url, _headers_seen
    found = list(credentials_in(str(url))) if url.userinfo or url.query else []
    for name, value in request.headers.raw:
        if may_hold_a_key[name]:
            found.extend(_words_of(value))
    return found


class _Headers(dict[bytes, bool]):
    """Whether a header, by its name, is neither HTTP's nor one that a client library adds by itself: every request has the same dozen."""

    _MAX: Final = 256

    def __missing__(self, header: bytes) -> bool:
        name = header.decode("latin-1").lower()
        judged = _is_named_like_a_key(name) or not (name in _HARMLESS or name.startswith(_HARMLESS_PREFIXES))
        if len(self) < self._MAX:
            self[header] = judged
        return judged


_headers_seen: Final = _Headers()


def _is_named_like_a_key(name: str) -> bool:
    """Whether a header's or a field's name says that a key is in it."""
    return _NAMED_LIKE_A_KEY.search(name) is not None


@functools.lru_cache(maxsize=64)
def _words_of(value: bytes) -> tuple[str, ...]:
    """Kept, as a client's key is the same in each request."""
    return tuple(_words(value.decode("latin-1")))


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
