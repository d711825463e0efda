"""What an ordinary reply says of its server by the way: pure functions, cheap enough for every reply."""

from __future__ import annotations

import dataclasses
import re
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity import endpoint as endpoints
from venom_otel.identity import hosts
from venom_otel.identity.model import LITELLM, LLAMACPP, OLLAMA, VLLM, Identity, ReplyMarks

if TYPE_CHECKING:
    from collections.abc import Iterable

_LLAMACPP_SERVER: Final = re.compile(r"llama\.cpp(?![\w.-])", re.IGNORECASE)
_LLAMACPP_BUILD: Final = re.compile(r"b\d+-(?:[0-9a-f]{6,}|unknown)")
"""llama-server's `build_info`, which it gives as `system_fingerprint`."""

_GATEWAY_HEADERS: Final = ((b"x-litellm-", LITELLM), (b"x-portkey-", "portkey"), (b"helicone-", "helicone"), (b"cf-aig-", "cloudflare"))
_SERVER: Final = "server"
_LITELLM_UPSTREAM: Final = b"x-litellm-model-api-base"


class _Meanings(dict[bytes, str]):
    """What a header, by its name, marks: `server`, the name of a gateway, or "" for nothing. Replies have the same dozen."""

    _MAX: Final = 1024

    def __missing__(self, header: bytes) -> str:
        name = header.lower()
        found = next((gateway for prefix, gateway in _GATEWAY_HEADERS if name.startswith(prefix)), "")
        meaning = _SERVER if name == b"server" else found
        if len(self) < self._MAX:
            self[header] = meaning
        return meaning


_meanings: Final = _Meanings()


def marks_of(headers: Iterable[tuple[bytes, bytes]], system_fingerprint: str | None = None) -> ReplyMarks:
    """Read a reply's marks in one pass over its raw headers, whatever the case of their names."""
    server = gateway = upstream = None
    meanings = _meanings
    for name, value in headers:
        if meaning := meanings[name]:
            if meaning is _SERVER:
                server = value.decode("latin-1")
            else:
                gateway = meaning
                if name.lower() == _LITELLM_UPSTREAM:
                    upstream = value.decode("latin-1")
    return ReplyMarks(server, gateway, system_fingerprint, upstream)


def refine(identity: Identity, marks: ReplyMarks) -> Identity:
    """Who gave one reply: what is known of its endpoint, made more precise by the reply's own marks.

    A gateway may send each request to another server: there the reply's word counts more than the endpoint's. Elsewhere it is heard only
    where the endpoint is unknown. What the user configured always stays.
    """
    gateway = identity.gateway or marks.gateway
    provider, source = identity.provider, identity.source
    if source != semconv.SOURCE_CONFIG and (gateway is not None or provider == semconv.PROVIDER_UNKNOWN):
        word = _word(marks)
        if word is not None:
            provider, source = word, semconv.SOURCE_SERVER
        elif (upstream := _known_host(marks.upstream)) is not None:
            provider, source = upstream.provider, upstream.source
    if (provider, source, gateway) == (identity.provider, identity.source, identity.gateway):
        return identity
    return dataclasses.replace(identity, provider=provider, source=source, gateway=gateway)


def disagree(marks: ReplyMarks, identity: Identity, servers: frozenset[str]) -> bool:
    """Whether a reply's marks give reason to ask again who is at the endpoint.

    Args:
        marks: of the reply.
        identity: what is known.
        servers: the `Server` headers with which the questions were answered.
    """
    if marks.gateway is not None and marks.gateway != identity.gateway:
        return True
    if marks.server is not None and marks.server not in servers:
        return True
    word = _word(marks)
    return word is not None and word != identity.provider and identity.gateway is None


def names_llamacpp(server: str | None) -> bool:
    """Whether a `Server` header is llama-server's; it stands on each of its replies, refusals too."""
    return server is not None and _LLAMACPP_SERVER.match(server) is not None


def _word(marks: ReplyMarks) -> str | None:
    """The runtime that a reply names. A gateway hands the fingerprint on: it tells who ran the model, not who was asked."""
    if names_llamacpp(marks.server):
        return LLAMACPP
    fingerprint = marks.system_fingerprint
    if fingerprint is None:
        return None
    if fingerprint.startswith("fp_ollama"):
        return OLLAMA
    if fingerprint.startswith("vllm-"):
        return VLLM
    return LLAMACPP if _LLAMACPP_BUILD.fullmatch(fingerprint) else None


def _known_host(upstream: str | None) -> Identity | None:
    if upstream is None:
        return None
    try:
        found = hosts.by_host(endpoints.parse(upstream).host)
    except SettingsError:
        return None
    return found if found is not None and found.provider != semconv.PROVIDER_UNKNOWN else None
