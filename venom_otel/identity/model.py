"""What is known of a server, and the contract between who finds it out and who uses it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from venom_otel import semconv


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A base URL, taken apart once. `identity.endpoint.parse` makes it; equal URLs give one object."""

    url: str
    """Normalised: scheme, host, port where it is not the scheme's own, path without a trailing slash; no credentials, query, fragment."""
    scheme: str
    host: str
    """Lower case; an IPv6 address without brackets."""
    port: int
    server: str
    """One name for one server, whatever the path and whichever of the host's names was used: `host:port`."""
    is_local: bool
    """Loopback, private and link-local addresses, single-label and `.local`-like names: not the public internet."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who runs the model behind an endpoint, and what says so."""

    provider: str = semconv.PROVIDER_UNKNOWN
    source: str = semconv.SOURCE_UNKNOWN
    """One of semconv's SOURCE_* values."""
    gateway: str | None = None
    version: str | None = None


UNKNOWN = Identity()


@dataclass(frozen=True, slots=True)
class ReplyMarks:
    """What a reply said of its server by the way; costs no request. Header names are lower case."""

    server: str | None = None
    """The `Server` header."""
    gateway: str | None = None
    """Named by a gateway's own headers (`x-litellm-*`, …)."""
    system_fingerprint: str | None = None


class Resolver(Protocol):
    """Knows who is behind an endpoint, or finds it out away from every call's path."""

    def start(self, endpoint: Endpoint, headers: Callable[[], dict[str, str]] | None = None) -> None:
        """Begin to ask, once per endpoint; `headers` gives the service's own credentials when they are needed. Never blocks."""
        ...

    def known(self, endpoint: Endpoint, service_id: str | None = None) -> Identity | None:
        """The identity where it is already known, else None. Never blocks and never asks; a dictionary look-up."""
        ...

    def when_known(self, endpoint: Endpoint, service_id: str | None, callback: Callable[[Identity], None]) -> None:
        """Call back from another thread when the identity is known, or with the best guess after 2 s at the latest."""
        ...

    def observed(self, endpoint: Endpoint, marks: ReplyMarks) -> None:
        """Note a reply's marks; where they disagree with what is known, the server is asked again."""
        ...

    def unreachable(self, endpoint: Endpoint) -> None:
        """Note that the endpoint could not be reached, so that it is asked again once it answers."""
        ...

    def drain(self, timeout: float) -> None:
        """Wait, at most `timeout` seconds, until every callback promised by `when_known` has run."""
        ...

    def close(self) -> None:
        """Stop asking; waiting callbacks run with the best guess."""
        ...
