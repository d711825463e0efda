"""A call that is handed to one of several services, and to the next where that one fails: the span around its attempts.

The attempts are round trips like any other and have their own spans, metrics and records. This one says how many there were, who
answered in the end and why not the first. It is completed when the last attempt is: who is behind a server may be known only then.
"""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from opentelemetry.trace import Status, StatusCode

from venom_otel import semconv
from venom_otel.identity.redaction import redact
from venom_otel.instrumentation import credentials, guard
from venom_otel.instrumentation.failures import Failure, describe
from venom_otel.instrumentation.invocation import NANOSECONDS, Invocation, current, what_failed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from opentelemetry.util.types import AttributeValue

    from venom_otel.instrumentation.metrics import Instruments
    from venom_otel.instrumentation.recorder import Recorder


class Reason(NamedTuple):
    """Why a service did not answer: that of an attempt, or of an earlier one because of which it was not asked."""

    kind: str | None
    """One of semconv.ERROR_KINDS."""
    error_type: str


@dataclass(slots=True)
class _Attempt:
    """One service's turn, as far as it is known."""

    service: Any
    instead_of: tuple[Any, Reason] | None
    provider: str | None = None
    failure: Failure | None = None


class _Ending(NamedTuple):
    outcome: str
    failure: Failure | None
    end_ns: int


def call_of(service: Any) -> RoutedCall | None:
    """The routed call of this service in whose step the caller runs, if it is recorded."""
    try:
        call = current()
    except Exception:
        guard.report("looking up a routed call")
        return None
    return call if isinstance(call, RoutedCall) and call.service is service else None


class RoutedCall(Invocation):
    """A routed call under way. It belongs to its task, but for its completion, which comes from whichever thread completes an attempt."""

    __slots__ = ("_attempts", "_ending", "_held", "_in_place", "_instruments", "_lock", "_open", "_services", "recorder")

    def __init__(
        self,
        recorder: Recorder,
        service: Any,
        services: Sequence[Any],
        instruments: Instruments,
        *,
        streaming: bool,
        settings: Any,
        outer: RoutedCall | None,
    ) -> None:
        super().__init__(
            recorder,
            service,
            endpoint=None,
            identity=None,
            model=str(service.ai_model_id),
            service_id=service.service_id or None,
            streaming=streaming,
            propagate=False,
            settings=settings,
            content=None,
        )
        self.recorder = recorder
        self._services = services
        self._instruments = instruments
        self._in_place = outer is not None and outer.falls_back
        """Whether the call as a whole is in the place of a service that should have answered: it is an attempt of `outer`."""
        self._attempts: list[_Attempt] = []
        self._lock = threading.Lock()
        self._open = 0
        self._ending: _Ending | None = None
        self._held: Callable[[bool], None] | None = None
        """Completes the failed attempt of which it is not known yet whether it gives way."""

    def start_attributes(self) -> dict[str, AttributeValue]:
        """What is known before the first attempt and stays so."""
        attributes: dict[str, AttributeValue] = {}
        if self.service_id is not None:
            attributes[semconv.LLM_SERVICE_ID] = self.service_id
        if self._streaming:
            attributes[semconv.GEN_AI_REQUEST_STREAM] = True
        return attributes

    # -- what the router says --------------------------------------------------------------------------------------------------------

    def goes_on(self) -> None:
        """Another service is asked: one that failed before gave way."""
        try:
            self._let_go(gave_way=True)
        except Exception:
            guard.report("completing a failed attempt")

    def trying(self, service: Any, instead_of: tuple[Any, Reason] | None) -> None:
        """The next attempt is this service's; `instead_of` names the one that should have answered, and why it did not."""
        try:
            self._attempts.append(_Attempt(service, instead_of))
        except Exception:
            guard.report("noting an attempt")

    def provider_of(self, service: Any) -> str | None:
        """Who is behind a service, where that is known by now."""
        try:
            return self.recorder.provider_of(service)
        except Exception:
            guard.report("looking up who is behind a service")
            return None

    # -- what its attempts' own recording says ---------------------------------------------------------------------------------------

    def attempt_attributes(self) -> dict[str, AttributeValue]:
        """What the present attempt's span says of its place in the call."""
        return {semconv.LLM_ROUTE_ATTEMPT: len(self._attempts), semconv.LLM_ROUTE_FALLBACK: self.falls_back}

    @property
    def falls_back(self) -> bool:
        """Whether the present attempt is in the place of a service that should have answered, asked or passed over."""
        return self._in_place or (bool(self._attempts) and self._attempts[-1].instead_of is not None)

    def tries(self, service: Any) -> bool:
        """Whether it is this service's turn."""
        return bool(self._attempts) and self._attempts[-1].service is service

    def follow(self, invocation: Invocation) -> None:
        """The present attempt has begun."""
        self.endpoint, self.model, self.identity = invocation.endpoint, invocation.model, invocation.identity
        with self._lock:
            self._open += 1
        invocation.route, invocation.attempt, invocation.fallback = self, len(self._attempts), self.falls_back

    def hold(self, complete: Callable[[bool], None]) -> None:
        """The present attempt failed; `complete` is told whether another service is asked after it, as soon as that is known."""
        self._held = complete

    def completed(self, invocation: Invocation, failure: Failure | None, end_ns: int) -> None:
        """All is said of an attempt; its end may come a little later than that of a stream which its consumer left."""
        attempt = self._attempts[invocation.attempt - 1]
        attempt.provider, attempt.failure = invocation.provider, failure
        with self._lock:
            if invocation.attempt == len(self._attempts):  # of a routed service within this one, who was asked is known only now
                self.endpoint, self.model = invocation.endpoint, invocation.model
            self._open -= 1
            if self._ending is not None:
                self._ending = self._ending._replace(end_ns=max(self._ending.end_ns, end_ns))
            last = self._open == 0 and self._ending is not None
        if last:
            self._finish()

    # -- its own way and end ---------------------------------------------------------------------------------------------------------

    def chunk(self, contents: Any) -> None:  # noqa: ARG002 - the attempt reads it
        """A chunk was handed on."""
        if self._first_chunk is None:
            self._first_chunk = time.perf_counter() - self._start_clock

    def succeed(self, contents: Any = None) -> None:  # noqa: ARG002 - the attempt reads it
        """An attempt answered, to the end."""
        self._end(semconv.OUTCOME_OK, None)

    def fail(self, error: BaseException) -> None:
        """Nobody answered, or a stream broke off."""
        if self.ended:
            return
        failure = Failure(type(error).__qualname__, None, None, type(error).__qualname__, "")
        try:
            said = describe(error, chunk_seen=self._first_chunk is not None)
            secrets = [*credentials.recent(), *(word for service in self._services for word in credentials.of_service(service))]
            failure = said._replace(message=redact(said.message, secrets))
        except Exception:
            guard.report("describing a failure")
        self._end(semconv.OUTCOME_ERROR, failure)

    def _end(self, outcome: str, failure: Failure | None) -> None:
        if self.ended:
            return
        self.ended = True
        end_ns = self._start_ns + int((time.perf_counter() - self._start_clock) * NANOSECONDS)
        with self._lock:
            self._ending = _Ending(outcome, failure, end_ns)
            over = self._open == 0
        try:
            if self.route is not None and failure is not None and self._held is not None:
                self.route.hold(self._held)  # the outer call may go on
                self._held = None
            self._let_go(gave_way=False)
            if over:
                self._finish()
        except Exception:
            guard.report("ending a routed call's span")

    def _let_go(self, *, gave_way: bool) -> None:
        held, self._held = self._held, None
        if held is not None:
            held(gave_way)

    # -- once it and all its attempts have ended, in whichever thread -----------------------------------------------------------------

    def _finish(self) -> None:
        assert self._ending is not None
        outcome, failure, end_ns = self._ending
        if failure is not None and self._attempts and self._attempts[-1].failure is not None:
            failure = self._attempts[-1].failure  # which knows whether the reply had begun
        try:
            span = self.span
            if span.is_recording():
                span.set_attributes(self._final_attributes(outcome, failure))
                if failure is not None:
                    span.set_status(Status(StatusCode.ERROR, failure.message))
            span.end(end_ns)
            for instead, target, reason in self._fallbacks():
                pair = self._name(instead), self._name(target)
                self._instruments.begin_pair(*pair)
                self._instruments.count_fallback(*pair, reason.error_type, self.context)
        except Exception:
            guard.report("completing a routed call's span")
        finally:
            if self.route is not None:
                route, self.route = self.route, None
                route.completed(self, failure, end_ns)

    def _final_attributes(self, outcome: str, failure: Failure | None) -> dict[str, AttributeValue]:
        attributes: dict[str, AttributeValue] = {
            semconv.LLM_OUTCOME: outcome,
            semconv.LLM_ROUTE_ATTEMPTS: len(self._attempts),
            semconv.LLM_ROUTE_FALLBACK: self.falls_back,
            semconv.LLM_MODEL: self.model,
            semconv.LLM_MODEL_NAME: self.model,
        }
        if self.endpoint is not None:
            attributes[semconv.LLM_ENDPOINT] = self.endpoint.url
        if outcome == semconv.OUTCOME_OK or self._first_chunk is not None:
            attributes[semconv.LLM_ROUTE_CHOSEN] = self._name(self._attempts[-1].service) if self._attempts else semconv.PROVIDER_UNKNOWN
        reason = next((reason.kind for *_, reason in self._fallbacks()), None)
        if reason is not None:
            attributes[semconv.LLM_ROUTE_REASON] = reason
        if failure is not None:
            attributes.update(what_failed(failure))
        return attributes

    def _fallbacks(self) -> Iterator[tuple[Any, Any, Reason]]:
        """Who should have answered, who was asked instead, and why: an attempt's own recording knows best, for it saw the reply begin."""
        before: Failure | None = None
        for attempt in self._attempts:
            if attempt.instead_of is not None:
                instead, reason = attempt.instead_of
                yield instead, attempt.service, Reason(before.kind, before.error_type) if before is not None else reason
            before = attempt.failure

    @property
    def provider(self) -> str:
        """Who was asked last, as far as it is known now."""
        last = self._attempts[-1] if self._attempts else None
        return (last.provider if last is not None else None) or super().provider

    def _name(self, service: Any) -> str:
        """The provider behind a service by an attempt's own word, else by what is known."""
        told = next((attempt.provider for attempt in self._attempts if attempt.service is service and attempt.provider), None)
        return told or self.provider_of(service) or semconv.PROVIDER_UNKNOWN
