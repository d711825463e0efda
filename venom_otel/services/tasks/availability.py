"""What is known of a server before a task's request goes there: by the monitor, and by what happened to the requests before."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.routing import CircuitBreaker, PassedOver
from venom_otel.routing import Reason as Why
from venom_otel.runtimes.model import Reason, State, Status
from venom_otel.services.tasks import telemetry

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.health import Server
    from venom_otel.routing import Failed, Target

_SEEN_BY_A_LOOK: Final = frozenset({semconv.KIND_NOT_REACHED, semconv.KIND_LOADING})
"""Kinds of failure of which the monitor's next look tells whether they still hold."""
_CONNECTION: Final = "connection_error"
_REASONS: Final[Mapping[Reason, Why]] = {
    Reason.TIMEOUT: Why(semconv.KIND_TIMEOUT, "timeout"),
    Reason.WRONG_SERVER: Why(semconv.KIND_WRONG_PATH, "404"),
    Reason.KEY: Why(semconv.KIND_AUTH, "401"),
    Reason.LOADING: Why(semconv.KIND_LOADING, "503"),
    Reason.ASLEEP: Why(semconv.KIND_LOADING, "503"),
    Reason.SERVER_ERROR: Why(semconv.KIND_SERVER_ERROR, "500"),
    Reason.RATE_LIMITED: Why(semconv.KIND_RATE_LIMITED, "429"),
}
"""The monitor's reasons as a request would have failed."""


class MonitorAvailability:
    """Passes over whom the monitor sees offline, and, until its next look, who failed just now. An `Availability` of the routing's.

    Args:
        known: the servers as they were seen last.
        clock: seconds, only ever growing.
    """

    def __init__(self, known: Callable[[], Sequence[Server]], clock: Callable[[], float] = time.monotonic) -> None:
        self._known = known
        self._breaker = CircuitBreaker(clock=clock)
        self._doubts: dict[str, dict[Target, int]] = {}
        """By server: what failed in a way that a look can see, and when."""

    def begin(self, target: Target, *, anyway: bool = False) -> PassedOver | None:
        """Begin an attempt, or say why not."""
        server = self._server(target)
        if server is not None and _is_offline(server) and not anyway:
            found: PassedOver | None = PassedOver(_why(server), math.inf)  # until the monitor, which looks by itself, sees it again
        else:
            if server is not None:
                self._believe(server)
            found = self._breaker.begin(target, anyway=anyway)
        asking = telemetry.current()
        if asking is not None:
            if found is None:
                asking.asks(target)
            else:
                asking.passed_over(target, found.reason)
        return found

    def answered(self, target: Target) -> None:
        """The attempt was answered."""
        self._breaker.answered(target)

    def failed(self, target: Target, failure: Failed) -> None:
        """The attempt failed, which is no news of a server that the monitor sees offline."""
        server = self._server(target)
        if server is not None and _is_offline(server):
            self._breaker.left(target)
        else:
            self._breaker.failed(target, failure)
            doubts = self._doubts.setdefault(target.server, {})
            doubts.pop(target, None)
            if failure.kind in _SEEN_BY_A_LOOK:
                doubts[target] = time.time_ns()
        asking = telemetry.current()
        if asking is not None:
            asking.not_answered(target, Why(failure.kind, failure.error_type))

    def left(self, target: Target) -> None:
        """The attempt was given up."""
        self._breaker.left(target)

    def _server(self, target: Target) -> Server | None:
        return next((server for server in self._known() if server.runtime.endpoint.server == target.server), None)

    def _believe(self, server: Server) -> None:
        """A server that the monitor has seen online since is not held to what failed before: all tasks go there, not one that tries it."""
        began_ns = server.checked_ns - int(server.probe_s * 1e9)
        doubts = self._doubts.get(server.runtime.endpoint.server)
        if doubts and server.reading.state.status is Status.ONLINE and began_ns > max(doubts.values()):
            for target in doubts:
                self._breaker.answered(target)
            doubts.clear()


def _is_offline(server: Server) -> bool:
    return server.condition.status is Status.OFFLINE


def _why(server: Server) -> Why:
    condition = server.condition
    if condition.reason is not None and condition.reason in _REASONS:
        return _REASONS[condition.reason]
    if condition.state in {State.STARTING, State.LOADING}:
        return Why(semconv.KIND_LOADING, "503")
    return Why(semconv.KIND_NOT_REACHED, _CONNECTION)
