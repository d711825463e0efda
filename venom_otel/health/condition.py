"""The state machine: what a new look at a server makes of what was known. No time is read and nothing is asked here.

One look decides, with two exceptions. A server that was online and did not answer in time may be busy: it is `degraded` until it has missed
`MISSES` looks in a row (a refused connection, an error or a wrong server leaves no such doubt). And a server that has gone offline `FALLS`
times within `FALLS_S`, without being told to, is `degraded` while it is online, until it has been steadier: whoever sends requests there
should know.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel.runtimes.model import Reason, State, Status

if TYPE_CHECKING:
    from venom_otel.runtimes.model import Reading

MISSES: Final = 2
"""Looks without an answer in time, one after the other, that make an online server offline."""

FALLS: Final = 3
FALLS_S: Final = 600.0
_MOST_FALLS: Final = 100
"""That are remembered; more are told as so many."""


@dataclass(frozen=True, slots=True)
class Now:
    """The time of a look."""

    monotonic_s: float
    wall_ns: int
    """Nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Condition:
    """How a server is, since when, and why. Never unknown: there is one from the first look on."""

    state: State
    since_ns: int
    """When it was first seen in this state, in nanoseconds since the epoch."""
    reason: Reason | None = None
    """None for `ready` alone, like the next."""
    cause: str | None = None
    """In words, of the newest look."""
    misses: int = 0
    """Looks in a row that were not answered in time."""
    falls: tuple[float, ...] = ()
    """When it went from online to offline, of late, on the monotonic clock."""

    @property
    def status(self) -> Status:
        """Online or offline."""
        return self.state.status

    @property
    def in_doubt(self) -> bool:
        """Whether the next look should come soon, for it decides."""
        return self.status is Status.ONLINE and self.misses > 0


def follow(before: Condition | None, reading: Reading, now: Now, *, meant: bool = False) -> Condition:
    """The condition after a look.

    Args:
        before: that after the look before it; None for the first.
        reading: what the look brought.
        now: when.
        meant: whether somebody told the server to stop, so that its end is no sign of trouble.
    """
    was_online = before is not None and before.status is Status.ONLINE
    falls = tuple(fall for fall in before.falls if now.monotonic_s - fall < FALLS_S) if before is not None else ()
    state, reason, cause = reading.state, reading.reason, reading.cause
    misses = (before.misses if before is not None else 0) + 1 if reading.reason is Reason.TIMEOUT else 0
    if was_online and state is State.UNREACHABLE and 0 < misses < MISSES:
        state, cause = State.DEGRADED, _said(cause, "It may be busy: another look without an answer counts as offline.")
    if was_online and state.status is Status.OFFLINE and not meant:
        falls = (*falls, now.monotonic_s)[-_MOST_FALLS:]
    if len(falls) >= FALLS:
        words = f"It went offline {len(falls)} times within {FALLS_S / 60:g} minutes."
        if state is State.READY:
            state, reason = State.DEGRADED, Reason.UNSTEADY
        cause = _said(cause, words)
    since_ns = before.since_ns if before is not None and before.state is state else now.wall_ns
    return Condition(state, since_ns, reason, cause, misses, falls)


def _said(*sentences: str | None) -> str:
    """Sentences, each with its full stop."""
    return " ".join(each if each.endswith((".", "!", "?")) else f"{each}." for each in sentences if each)
