"""What is kept: operations, and the audit of what was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(StrEnum):
    """What may be asked for."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"
    ACTIVATE = "activate"
    """Use a model from now on."""
    INSTALL = "install"
    """Fetch a model."""
    REMOVE = "remove"
    """Delete a model."""


class OperationState(StrEnum):
    """How an operation is."""

    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The program ended while it ran. What it had begun may have come to pass: the server's own state says."""
    CANCELLED = "cancelled"
    """Somebody gave it up."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody asks for."""

    kind: Kind
    server: str
    """A runtime's name, such as `vllm`."""
    provider: str
    model: str | None
    """None where it is about the server itself."""
    by: str
    """Who asks, by the road taken: `token` (the API, and with it the commands), `page`."""


@dataclass(frozen=True, slots=True)
class Operation:
    """Something that was begun and takes its time."""

    id: str
    wanted: Wanted
    state: OperationState
    created_ns: int
    """Nanoseconds since the epoch, like the next."""
    finished_ns: int | None = None
    """None while it runs."""
    error: str | None = None
    """Why it failed, and what to do, or who gave it up, in words; None unless it did, or somebody did."""


class Outcome(StrEnum):
    """What became of what was asked for."""

    BEGUN = "begun"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The program ended before it did."""
    CANCELLED = "cancelled"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One line of the audit: never changed and never deleted but with age."""

    at_ns: int
    wanted: Wanted
    outcome: Outcome
    detail: str | None
    """Why it failed or was refused."""
    operation_id: str | None
    """None where none was begun."""


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Some lines of the audit, newest first."""

    items: Sequence[AuditEntry]
    older: int | None
    """Cursor of the next older page; None where there is none."""
