"""What is known of a server, and the contract between who finds it out and who uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from venom_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Callable

OLLAMA: Final = "ollama"
VLLM: Final = "vllm"
LLAMACPP: Final = "llamacpp"
SGLANG: Final = "sglang"
TRANSFORMERS: Final = "transformers"
LITELLM: Final = "litellm"
LLAMA_SWAP: Final = "llama-swap"


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
    """Who runs the model behind an endpoint, and what says so. Where `provider` is unknown, so is `source`; `gateway` may be known."""

    provider: str = semconv.PROVIDER_UNKNOWN
    source: str = semconv.SOURCE_UNKNOWN
    """One of semconv's SOURCE_* values."""
    gateway: str | None = None
    version: str | None = None


UNKNOWN = Identity()


class ReplyMarks(NamedTuple):
    """What a reply said of its server by the way; costs no request. Header names are lower case."""

    server: str | None = None
    """The `Server` header."""
    gateway: str | None = None
    """Named by a gateway's own headers (`x-litellm-*`, …)."""
    system_fingerprint: str | None = None
    upstream: str | None = None
    """Address of the server behind a gateway, where the gateway tells it. May hold a key: never put it into telemetry."""


class Resolver(Protocol):
    """Knows who is behind an endpoint, or finds it out away from every call's path."""

    def configured(self, endpoint: Endpoint | None, service_id: str | None) -> Identity | None:
        """What the user says of this service or address, if anything. Never blocks and never asks."""
        ...

    def start(self, endpoint: Endpoint, headers: Callable[[], dict[str, str]] | None = None) -> None:
        """Begin to ask, once per endpoint; never blocks. Does nothing where the answer is configured or the public host is known.

        `headers` gives the service's own credentials each time they are needed, for as long as the endpoint is asked: let it hold the
        service weakly. It is called from another thread and may block or raise.
        """
        ...

    def known(self, endpoint: Endpoint, service_id: str | None = None) -> Identity | None:
        """The identity where it is already known, else None. Never blocks and never asks; a dictionary look-up."""
        ...

    def when_known(self, endpoint: Endpoint, service_id: str | None, callback: Callable[[Identity], None]) -> None:
        """Call back from another thread, once, when the identity is known, or with the best guess after 2 s at the latest.

        After `close`, and where no thread can be started, the callback runs at once in the caller's.
        """
        ...

    def observed(self, endpoint: Endpoint, marks: ReplyMarks) -> None:
        """Note that a reply came, and its marks. Call it before `known`.

        Where the marks disagree with what is known, or the server was down, what is known becomes a guess, the server is asked again, and
        `known` gives None until it has answered.
        """
        ...

    def unreachable(self, endpoint: Endpoint) -> None:
        """Note that the endpoint could not be reached: it is asked again as soon as it answers."""
        ...

    def drain(self, timeout: float) -> None:
        """Wait, at most `timeout` seconds, until every callback promised by `when_known` so far has run."""
        ...

    def close(self) -> None:
        """Stop asking; waiting callbacks run with the best guess."""
        ...
