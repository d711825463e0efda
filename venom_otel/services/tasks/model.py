"""What a task is: what was asked for, how far it is, and who answered. Nothing here holds what was asked or answered but `Wanted`."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Final, TypeAlias

from venom_otel import semconv

if TYPE_CHECKING:
    from collections.abc import Sequence


class TaskStatus(StrEnum):
    """How a task is."""

    PENDING = "PENDING"
    """It waits for its turn."""
    PROCESSING = "PROCESSING"
    """Model servers are asked."""
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
    LOST = "LOST"
    """The program ended while it ran, or it no longer moved; nobody can tell what came of it but the history."""

    @property
    def ended(self) -> bool:
        """Whether nothing follows."""
        return self not in _UNFINISHED


_UNFINISHED: Final = frozenset({TaskStatus.PENDING, TaskStatus.PROCESSING})


class Role(StrEnum):
    """Who says a message of a conversation."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a conversation."""

    role: Role
    content: str


@dataclass(frozen=True, slots=True)
class Options:
    """How the model shall answer; what is None is the server's to choose."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for."""

    messages: Sequence[Message]
    provider: str | None = None
    """A server by its name or its provider's; None for whoever answers."""
    model: str | None = None
    session: str | None = None
    """The conversation that it goes on with."""
    fallback: bool = True
    """Whether another server may answer; none may where one was named."""
    options: Options = field(default_factory=Options)

    @property
    def characters(self) -> int:
        """Of all messages."""
        return sum(len(message.content) for message in self.messages)


@dataclass(frozen=True, slots=True)
class TaskError:
    """Why a task, or a request of it, failed."""

    kind: str | None
    """One of semconv.ERROR_KINDS; None where the failure is neither a server's nor the network's."""
    code: str | None
    """The HTTP status, `timeout`, `connection_error`, or the class of the true cause."""
    words: str


@dataclass(frozen=True, slots=True)
class Party:
    """A server, and the model it is asked for."""

    service_id: str
    """The server's name, which is its service's id in Semantic Kernel."""
    provider: str
    model: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class Fallback:
    """Another server than the one before was asked."""

    source: Party
    """The one that should have answered."""
    target: Party
    reason: str | None
    """An error kind."""
    code: str


@dataclass(frozen=True, slots=True)
class Request:
    """A round trip to a model, as its span says it. Words are empty where nothing is known."""

    id: str
    """`{trace_id}-{span_id}`, as in the history."""
    party: Party
    identity_source: str = semconv.SOURCE_UNKNOWN
    outcome: str = ""
    """Empty while it is under way."""
    response_model: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    speed: float | None = None
    """Tokens per second while they were written: see `store.generation`; None where that is not known."""
    error: TaskError | None = None


@dataclass(frozen=True, slots=True)
class Task:
    """A task as it is at one moment; it has no part of what was asked or answered."""

    id: str
    status: TaskStatus
    created_ns: int
    """Nanoseconds since the epoch, like the next two."""
    party: Party
    """Who answered; until then who is being asked, or will be first."""
    asked_provider: str | None = None
    """By whoever gave the task."""
    session: str | None = None
    started_ns: int | None = None
    finished_ns: int | None = None
    """None also for a task whose program ended with it."""
    duration_s: float | None = None
    """From its start to its end."""
    first_token_s: float | None = None
    """From its start."""
    identity_source: str | None = None
    response_model: str | None = None
    finish_reason: str | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    speed: float | None = None
    """As of the request that answered."""
    trace_id: str | None = None
    request_ids: tuple[str, ...] = ()
    fallback: Fallback | None = None
    """The newest."""
    error: TaskError | None = None


Body: TypeAlias = "Task | str | Fallback | Request"


class EventKind(StrEnum):
    """What happened to a task."""

    STATUS = "status"
    TOKEN = "token"  # noqa: S105 - of text
    FALLBACK = semconv.ALERT_FALLBACK
    PROVIDER_ERROR = semconv.ALERT_PROVIDER_ERROR
    FINISHED = "finished"
    """The last."""


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How far a follower is: events but tokens, and characters of the answer."""

    events: int = 0
    characters: int = 0


@dataclass(frozen=True, slots=True)
class TaskEvent:
    """Something that happened to a task."""

    position: Position
    """Behind it: what a follower gives who wants to go on there."""
    kind: EventKind
    body: Body
    """A `Task` for `status` and `finished`, text for `token`, a `Fallback`, a `Request` that failed."""
