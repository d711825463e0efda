"""What is known of a server before a task's request goes there: by the monitor, and by what happened to the requests before."""

from __future__ import annotations

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

LOOKED_AT_AGAIN_S: Final = 5.0
"""When a server that is offline is worth trying again, as far as can be told here: the monitor looks at it by itself."""

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
    """

    def __init__(self, known: Callable[[], Sequence[Server]]) -> None:
        self._known = known
        self._breaker = CircuitBreaker()

    def begin(self, target: Target, *, anyway: bool = False) -> PassedOver | None:
        """Begin an attempt, or say why not."""
        found = None if anyway else self._offline(target)
        if found is None:
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
        """The attempt failed."""
        self._breaker.failed(target, failure)
        asking = telemetry.current()
        if asking is not None:
            asking.not_answered(target, Why(failure.kind, failure.error_type))

    def left(self, target: Target) -> None:
        """The attempt was given up."""
        self._breaker.left(target)

    def _offline(self, target: Target) -> PassedOver | None:
        for server in self._known():
            if server.runtime.endpoint.server == target.server and server.condition.status is Status.OFFLINE:
                return PassedOver(_why(server), LOOKED_AT_AGAIN_S)
        return None


def _why(server: Server) -> Why:
    condition = server.condition
    if condition.reason is not None and condition.reason in _REASONS:
        return _REASONS[condition.reason]
    if condition.state in {State.STARTING, State.LOADING}:
        return Why(semconv.KIND_LOADING, "503")
    return Why(semconv.KIND_NOT_REACHED, _CONNECTION)
