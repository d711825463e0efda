"""What is known of a server before it is asked: the protocol, and the passive circuit breaker that is the default.

The breaker learns from the calls themselves: it sends nothing. A server that failed in a way that will last is passed over for a while,
then one call is let through to try it again; each further failure doubles the while.
"""

from __future__ import annotations

import math
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from venom_otel import semconv
from venom_otel.instrumentation.routed import Reason

if TYPE_CHECKING:
    from collections.abc import Callable


class Target(NamedTuple):
    """What is available or not."""

    server: str
    """The server's identity, as in `llm.server`; "" where the service has no address."""
    service: str
    """The service's id, with a number where another of the same list has it too."""
    model: str
    """The model that is asked for."""


class PassedOver(NamedTuple):
    """Why a service is not asked now."""

    reason: Reason
    due_s: float
    """Seconds until it is worth trying again, as far as anybody can tell; infinite where nobody can."""


class Failed(NamedTuple):
    """A failed attempt, as far as it says something about the server."""

    kind: str
    """One of semconv.ERROR_KINDS."""
    error_type: str
    retry_after_s: float | None = None
    """What the server asked for by its `Retry-After`, in seconds."""


class Availability(Protocol):
    """Knows, or guesses, whether a server can be asked. Everything answers at once and never raises; it may be called from any thread.

    Each attempt that `begin` allows is followed by exactly one of `answered`, `failed` and `left`.
    """

    def begin(self, target: Target, *, anyway: bool = False) -> PassedOver | None:
        """Begin an attempt, or say why the target is not to be asked now; `anyway` always begins one, for there is no other."""

    def answered(self, target: Target) -> None:
        """The attempt was answered, a stream with its first chunk."""

    def failed(self, target: Target, failure: Failed) -> None:
        """The attempt failed; a refusal is a failure too, though it shows that the server is there."""

    def left(self, target: Target) -> None:
        """The application gave the attempt up; nothing is known."""


ALWAYS_LASTING: Final = frozenset(
    {
        semconv.KIND_NOT_REACHED,
        semconv.KIND_TIMEOUT,
        semconv.KIND_LOADING,
        semconv.KIND_OVERLOADED,
        semconv.KIND_RATE_LIMITED,
        semconv.KIND_MODEL_NOT_FOUND,
        semconv.KIND_WRONG_PATH,
    }
)
"""One failure of these kinds shows that the next request would fail too."""
PERHAPS_LASTING: Final = frozenset({semconv.KIND_SERVER_ERROR})
"""This may be due to the one request: it counts only once there are several in a row."""
OF_THE_SERVER: Final = frozenset({semconv.KIND_NOT_REACHED})
"""What holds for every model of a server; the others hold for one model."""

LONGEST_RETRY_AFTER_S: Final = 3600.0
"""A server that asks for more is tried again after this."""
_MOST_OPENINGS: Final = 32
"""Beyond it the pause grows no more, whatever the longest is."""
MOST_KEPT: Final = 1024
"""Targets that are remembered; beyond them that one goes which failed longest ago."""


@dataclass(slots=True)
class _Circuit:
    """What is remembered of one target, or of a whole server, that failed lately."""

    in_a_row: int = 0
    openings: int = 0
    reason: Reason = field(default_factory=lambda: Reason(None, ""))
    due: float = 0.0
    """On the clock; while it is ahead, the target is passed over."""
    is_open: bool = False
    trial_until: float = -math.inf
    """On the clock; while it is ahead, one call is trying the target, and the others wait for what it finds."""


class CircuitBreaker:
    """Passes over what failed lately. Thread-safe; one may serve several routed services, and then they learn from each other.

    Args:
        pause_s: seconds that a target is passed over at first; each failed trial doubles them.
        longest_pause_s: seconds up to which they grow, and for which a trial is waited for. A server's own `Retry-After` is heard instead
            of either pause.
        patience: how many server errors in a row it takes; other failures show with the first that they will last.
        clock: seconds, only ever growing.
    """

    def __init__(
        self, pause_s: float = 5.0, longest_pause_s: float = 60.0, patience: int = 3, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._pause_s = pause_s
        self._longest_pause_s = longest_pause_s
        self._patience = patience
        self._clock = clock
        self._lock = threading.Lock()
        self._circuits: dict[Target, _Circuit] = {}

    def begin(self, target: Target, *, anyway: bool = False) -> PassedOver | None:
        """Begin an attempt, or say why not and when it is due; of a target that is due, the first to ask begins the trial."""
        if not self._circuits:
            return None
        with self._lock:
            circuits = self._of(target)
            now = self._clock()
            waiting = [self._wait(circuit, now) for circuit in circuits if circuit.is_open]
            closed_for = max(waiting, key=lambda found: found.due_s, default=None)
            if closed_for is not None and closed_for.due_s > 0 and not anyway:
                return closed_for
            for circuit in circuits:
                circuit.trial_until = now + self._longest_pause_s if circuit.is_open else -math.inf
            return None

    def answered(self, target: Target) -> None:
        """Forget what was held against the target and its server."""
        if self._circuits:
            with self._lock:
                for key in _keys(target):
                    self._circuits.pop(key, None)

    def failed(self, target: Target, failure: Failed) -> None:
        """Remember a failure that will last; any other is an answer."""
        if failure.kind not in ALWAYS_LASTING | PERHAPS_LASTING:
            self.answered(target)
            return
        of_server, of_model = _keys(target)
        with self._lock:
            if failure.kind not in OF_THE_SERVER:
                self._circuits.pop(of_server, None)  # whatever it said, it could be reached
            key = of_server if failure.kind in OF_THE_SERVER else of_model
            circuit = self._circuits.pop(key) if key in self._circuits else _Circuit()
            self._circuits[key] = circuit  # the last in their order
            self._open(circuit, failure, self._clock())
            if len(self._circuits) > MOST_KEPT:
                del self._circuits[next(iter(self._circuits))]

    def left(self, target: Target) -> None:
        """Let another call try it."""
        if self._circuits:
            with self._lock:
                for circuit in self._of(target):
                    circuit.trial_until = -math.inf

    def _open(self, circuit: _Circuit, failure: Failed, now: float) -> None:
        circuit.in_a_row += 1
        circuit.trial_until = -math.inf
        if not circuit.is_open and failure.kind in PERHAPS_LASTING and circuit.in_a_row < self._patience:
            return
        told_s = failure.retry_after_s
        together = circuit.is_open and circuit.due > now  # one of several that were under way at the same time
        if together and told_s is None:
            return
        pause_s = min(self._pause_s * 2.0**circuit.openings, self._longest_pause_s)
        if told_s is not None:
            pause_s = min(told_s, LONGEST_RETRY_AFTER_S)
        circuit.is_open = True
        if not together:
            circuit.openings = min(circuit.openings + 1, _MOST_OPENINGS)
        circuit.reason = Reason(failure.kind, failure.error_type)
        circuit.due = now + pause_s

    @staticmethod
    def _wait(circuit: _Circuit, now: float) -> PassedOver:
        due_s = circuit.due - now
        return PassedOver(circuit.reason, math.inf if due_s <= 0 and circuit.trial_until > now else due_s)

    def _of(self, target: Target) -> list[_Circuit]:
        return [circuit for key in _keys(target) if (circuit := self._circuits.get(key)) is not None]


def _keys(target: Target) -> tuple[Target, Target]:
    """That of the server as a whole, and that of the one model there; a service without an address is a server by itself."""
    return Target(target.server, "" if target.server else target.service, ""), target
