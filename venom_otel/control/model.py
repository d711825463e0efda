"""What a model server may be told, and what is known of its process."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What a server may be told."""

    START = "start"
    STOP = "stop"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Life:
    """The living process of a server, known by its PID file and by when it began."""

    pid: int
    since_ns: int
    """When it began, in nanoseconds since the epoch."""
