"""What is known of a model server: who it is by the settings, and what one look at it brought."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import SecretStr

    from venom_otel.identity.model import Endpoint, Identity


class Status(StrEnum):
    """Whether requests can be sent there now."""

    ONLINE = "online"
    OFFLINE = "offline"


class State(StrEnum):
    """How a server is, as far as one look can tell; each but `ready` comes with a cause in words."""

    READY = "ready"
    """It answers, and takes requests."""
    DEGRADED = "degraded"
    """It is up, but something is wrong: our key is refused, it is slow, it does not tell all it should."""
    LOADING = "loading"
    """It is up, and still loading its model."""
    STARTING = "starting"
    """Its process lives, and its port does not answer yet. No single look tells this: who started the process does."""
    STOPPED = "stopped"
    """Nobody listens at its port."""
    FAILING = "failing"
    """It is reached, and answers errors only."""
    UNREACHABLE = "unreachable"
    """It cannot be spoken with: no such name, no route, no answer in time, a TLS error, or something else in its place."""

    @property
    def status(self) -> Status:
        """What the API calls `status`."""
        return Status.ONLINE if self in {State.READY, State.DEGRADED} else Status.OFFLINE


class Reason(StrEnum):
    """Why a state is not `ready`, in one word for metrics and programs; the words for people are a reading's `cause`."""

    REFUSED = "refused"
    """The connection is refused."""
    TIMEOUT = "timeout"
    """Connected or not, it did not answer in time."""
    NAME = "name_not_found"
    NETWORK = "network"
    """No route, connection reset, and the like."""
    TLS = "tls"
    PROTOCOL = "protocol"
    """What came is no HTTP, or broke off."""
    PROXY = "proxy"
    WRONG_SERVER = "wrong_server"
    """Another program answers at its address."""
    KEY = "key_refused"
    HOST = "host_refused"
    """It refuses the name under which it was asked."""
    LOADING = "loading"
    SERVER_ERROR = "server_error"
    RATE_LIMITED = "rate_limited"
    SLOW = "slow"
    ASLEEP = "asleep"
    """Its model has been put out of memory and is not loaded by a request."""
    INCOMPLETE = "incomplete"
    """It is there, and a part of what it should tell is missing or makes no sense."""
    INTERNAL = "internal"
    """The adapter itself failed."""
    UNSTEADY = "unsteady"
    """It comes and goes; no single look tells this."""


@dataclass(frozen=True, slots=True)
class Runtime:
    """One model server, as the settings name it or as it was found."""

    name: str
    """Unique among all; lower case, fit for a URL: `ollama`, `vllm-2`, `gpu-box`."""
    provider: str
    """Whose adapter reads it: `ollama`, `vllm`, `llamacpp`, `openai`, that of another package, or `unknown`."""
    label: str
    """For people: `Ollama`, `vLLM (gpu-box)`."""
    endpoint: Endpoint
    key: SecretStr | None = None
    """Sent to this endpoint's origin alone; never shown."""
    named_by: str | None = None
    """The variable that names it; None for one that was found at a usual local address."""

    @property
    def configured(self) -> bool:
        """Whether somebody expects it to be there."""
        return self.named_by is not None

    @property
    def secret(self) -> str:
        """The key as it is sent; empty where there is none."""
        return self.key.get_secret_value().strip() if self.key is not None else ""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server has."""

    name: str
    loaded: bool | None
    """Whether it is in memory, so that a request need not wait for it; None where the server does not tell."""
    size_bytes: int | None = None
    """On disk, or of its weights."""
    memory_bytes: int | None = None
    """In memory, of whatever kind; only while it is loaded."""
    context_tokens: int | None = None
    parameters: str | None = None
    """As the server writes it: `4.3B`."""
    quantization: str | None = None
    root: str | None = None
    """What it was loaded from, by the server's word: a folder, or a name of Hugging Face's. Names of one model have the same."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One question and what came, for `--explain`. All texts are without credentials and without control characters."""

    request: str
    """`GET http://127.0.0.1:11434/api/tags`."""
    status: int | None
    """None where no reply came."""
    reply: str
    """The reply's beginning in one line; or, where none came, what happened instead."""
    seconds: float
    verdict: str = ""
    """What was concluded from it."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at a server brought. Numbers that it does not tell are None, never 0."""

    state: State
    reason: Reason | None = None
    """None for `ready` alone."""
    cause: str | None = None
    """Why it is not `ready`, and what to do, in words; None for `ready` alone."""
    latency_s: float | None = None
    """Seconds until the question on which the state rests was answered; None where no reply came."""
    version: str | None = None
    models: tuple[ServedModel, ...] = ()
    requests_running: int | None = None
    requests_waiting: int | None = None
    memory_bytes: int | None = None
    """Taken by the models that are loaded."""
    cache_usage: float | None = None
    """Of the memory for contexts (KV cache), from 0 to 1."""
    identity: Identity | None = None
    """Who it is by its own word, where its replies prove that: another provider than the runtime's for a wrong server."""
    exchanges: tuple[Exchange, ...] = ()
    """In the order in which they were asked."""

    @property
    def models_loaded(self) -> tuple[ServedModel, ...]:
        """Those that are in memory by the server's word."""
        return tuple(model for model in self.models if model.loaded)
