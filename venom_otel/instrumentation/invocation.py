"""One round trip of a chat service to its model, from start to its one end.

A call or a stream makes an `Invocation` with `Recorder.start`, runs its steps in `invocation.context`, and ends it exactly once with
`succeed`, `fail`, `cancel` or `abandon`; a second end does nothing. The clock is monotonic: the span ends at its start plus the measured
duration. Where the server's identity is still being asked for, everything said of the call is completed from another thread within 2 s,
with the true end time.
"""

from __future__ import annotations

import time
import weakref
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.trace import Status, StatusCode

from venom_otel import semconv
from venom_otel.instrumentation import guard
from venom_otel.instrumentation.failures import Failure, describe
from venom_otel.instrumentation.semantic_kernel.replies import ReplyFacts

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.trace import Span
    from opentelemetry.util.types import AttributeValue

    from venom_otel.identity.model import Endpoint, Identity
    from venom_otel.instrumentation.content import Content
    from venom_otel.instrumentation.recorder import Recorder
    from venom_otel.instrumentation.routed import RoutedCall

_KEY: Final = otel_context.create_key("venom_otel.invocation")
NANOSECONDS: Final = 1_000_000_000

_FACTS: Final = {
    "response_id": semconv.GEN_AI_RESPONSE_ID,
    "response_model": semconv.GEN_AI_RESPONSE_MODEL,
    "input_tokens": semconv.GEN_AI_USAGE_INPUT_TOKENS,
    "output_tokens": semconv.GEN_AI_USAGE_OUTPUT_TOKENS,
    "cache_read_tokens": semconv.GEN_AI_USAGE_CACHE_READ_INPUT_TOKENS,
    "cache_creation_tokens": semconv.GEN_AI_USAGE_CACHE_CREATION_INPUT_TOKENS,
    "reasoning_tokens": semconv.GEN_AI_USAGE_REASONING_OUTPUT_TOKENS,
    "load_s": semconv.LLM_TIMING_LOAD,
    "prompt_s": semconv.LLM_TIMING_PROMPT,
    "generation_s": semconv.LLM_TIMING_GENERATION,
    "queue_s": semconv.LLM_TIMING_QUEUE,
    "cold_start": semconv.LLM_COLD_START,
}
"""Fields of `ReplyFacts` to attributes."""


def current() -> Invocation | None:
    """The invocation in whose step the caller runs, if any; a task begun in one that has ended since is in none."""
    reference: weakref.ref[Invocation] | None = otel_context.get_value(_KEY)  # type: ignore[assignment]
    invocation = reference() if reference is not None else None
    return invocation if invocation is not None and not invocation.ended else None


def who(identity: Identity) -> dict[str, AttributeValue]:
    """What a span says of who answers, at its start where that is known then, else at its end."""
    return {
        semconv.LLM_PROVIDER: identity.provider,
        semconv.GEN_AI_PROVIDER_NAME: identity.provider,
        semconv.LLM_IDENTITY_SOURCE: identity.source,
    }


def what_failed(failure: Failure) -> dict[str, AttributeValue]:
    """What a span says of a failure beside its words."""
    attributes: dict[str, AttributeValue] = {semconv.ERROR_TYPE: failure.error_type}
    if failure.kind is not None:
        attributes[semconv.LLM_ERROR_KIND] = failure.kind
    if failure.status_code is not None:
        attributes[semconv.HTTP_RESPONSE_STATUS_CODE] = failure.status_code
    return attributes


class Invocation:
    """A round trip under way. Not thread-safe: it belongs to the task that makes the call."""

    __slots__ = (
        "__weakref__",
        "_chunk_gaps",
        "_first_chunk",
        "_last_chunk",
        "_recorder",
        "_start_clock",
        "_start_ns",
        "_streaming",
        "attempt",
        "content",
        "context",
        "ended",
        "endpoint",
        "facts",
        "fallback",
        "gave_way",
        "identity",
        "model",
        "propagate",
        "request",
        "response",
        "route",
        "service",
        "service_id",
        "settings",
        "span",
    )

    def __init__(
        self,
        recorder: Recorder,
        service: Any,
        *,
        endpoint: Endpoint | None,
        identity: Identity | None,
        model: str,
        service_id: str | None,
        streaming: bool,
        propagate: bool,
        settings: Any,
        content: Content | None,
    ) -> None:
        self._recorder = recorder
        self._streaming = streaming
        self.ended = False
        self._first_chunk: float | None = None
        self._last_chunk = 0.0
        self._chunk_gaps: list[float] = []
        self.service = service
        self.endpoint = endpoint
        self.identity = identity
        self.model = model
        self.service_id = service_id
        self.propagate = propagate
        self.settings = settings
        self.content = content
        self.route: RoutedCall | None = None
        """The routed call that this is an attempt of; let go of once all is said of the attempt."""
        self.attempt = 0
        """Which attempt of it, from 1."""
        self.fallback: bool | None = None
        """Whether that attempt is in the place of a service that should have answered; None where the call is not routed."""
        self.gave_way: bool | None = None
        """Whether another service was asked after that attempt failed; None where it did not, or the call is not routed."""
        self.facts = ReplyFacts()
        self.request: Any = None
        """The HTTP request as it was sent, where the client's stack shows it; the last, where the client tried again."""
        self.response: Any = None
        """The HTTP reply, where the client's stack shows it: headers, and a stream that can be closed."""

    def begin(self, span: Span) -> None:
        """Take the started span; the clock runs from here."""
        self.span = span
        # Weakly: it would else wait for a garbage collection with all it holds, since it holds its context.
        self.context: Context = otel_context.set_value(_KEY, weakref.ref(self), trace.set_span_in_context(span))
        self._start_ns = time.time_ns()
        self._start_clock = time.perf_counter()

    @property
    def provider(self) -> str:
        """The provider as far as it is known now."""
        return self.identity.provider if self.identity is not None else semconv.PROVIDER_UNKNOWN

    # -- what happens on the way ---------------------------------------------------------------------------------------------------

    def chunk(self, contents: Any) -> None:
        """A chunk of the stream came."""
        try:
            now = time.perf_counter()
            if self._first_chunk is None:
                self._first_chunk = now - self._start_clock
            else:
                self._chunk_gaps.append(now - self._last_chunk)
            self._last_chunk = now
            self._recorder.read_chunk(self.facts, contents)
            if self.content is not None:
                self.content.read_answer(contents)
        except Exception:
            guard.report("reading a chunk of a stream")

    # -- the ends: each is safe to call, and only the first counts -----------------------------------------------------------------

    def succeed(self, contents: Any = None) -> None:
        """The call returned, or the stream ended by itself."""
        if self.ended:
            return
        try:
            if contents is not None:
                self._recorder.read_reply(self.facts, contents)
                if self.content is not None:
                    self.content.read_answer(contents)
        except Exception:
            guard.report("reading a reply")
        self._end(semconv.OUTCOME_OK, None)

    def fail(self, error: BaseException) -> None:
        """The call or stream raised."""
        if self.ended:
            return
        failure = None  # and so it stays, words and all, where taking keys out of it fails
        try:
            said = describe(error, accepted=_is_success(self.response), chunk_seen=self._first_chunk is not None)
            failure = self._recorder.redact(self, said, error)
        except Exception:
            guard.report("describing a failure")
        self._end(semconv.OUTCOME_ERROR, failure or Failure(type(error).__qualname__, None, None, type(error).__qualname__, ""))

    def cancel(self) -> None:
        """The task that made the call was cancelled."""
        self._end(semconv.OUTCOME_CANCELLED, None)

    def abandon(self) -> None:
        """The consumer left the stream before its end."""
        self._end(semconv.OUTCOME_ABANDONED, None)

    def _end(self, outcome: str, failure: Failure | None) -> None:
        if self.ended:
            return
        self.ended = True
        duration = time.perf_counter() - self._start_clock
        try:
            if self.route is not None and failure is not None:
                self.route.hold(lambda gave_way: self._settle(outcome, failure, duration, gave_way=gave_way))
            else:
                self._settle(outcome, failure, duration)
        except Exception:
            guard.report("ending a span")

    def _settle(self, outcome: str, failure: Failure | None, duration: float, *, gave_way: bool | None = None) -> None:
        self.gave_way = gave_way
        self._recorder.settle(self, failure, lambda identity: self._complete(identity, outcome, failure, duration))

    # -- once it has ended and the identity is known, in whichever thread -----------------------------------------------------------

    def _complete(self, identity: Identity, outcome: str, failure: Failure | None, duration: float) -> None:
        try:
            end_ns = self._start_ns + int(duration * NANOSECONDS)
            span = self.span
            if span.is_recording():
                attributes = self._end_attributes(outcome, failure)
                if identity is not self.identity:
                    attributes.update(who(identity))
                if identity.gateway is not None:
                    attributes[semconv.LLM_GATEWAY] = identity.gateway
                self._recorder.add_end_attributes(self, identity, attributes)
                span.set_attributes(attributes)
                if failure is not None:
                    span.add_event(semconv.EVENT_EXCEPTION, _exception_attributes(failure), end_ns)
                    span.set_status(Status(StatusCode.ERROR, failure.message))
            span.end(end_ns)
            self.identity = identity
            self._recorder.finished(
                self,
                outcome,
                failure,
                duration_s=duration,
                first_chunk_s=self._first_chunk,
                chunk_gaps_s=self._chunk_gaps,
                end_ns=end_ns,
            )
        except Exception:
            guard.report("completing a span")
        finally:
            if self.route is not None:
                route, self.route = self.route, None
                route.completed(self, failure, self._start_ns + int(duration * NANOSECONDS))

    def _end_attributes(self, outcome: str, failure: Failure | None) -> dict[str, AttributeValue]:
        facts = self.facts
        attributes: dict[str, AttributeValue] = {semconv.LLM_OUTCOME: outcome}
        if self._first_chunk is not None:
            attributes[semconv.GEN_AI_RESPONSE_TIME_TO_FIRST_CHUNK] = self._first_chunk
        for fact, value in vars(facts).items():
            if value is not None and fact in _FACTS:
                attributes[_FACTS[fact]] = value
        if facts.by_choice:
            attributes[semconv.GEN_AI_RESPONSE_FINISH_REASONS] = facts.finish_reasons
        if failure is not None:
            attributes.update(what_failed(failure))
        if self.gave_way is not None:
            attributes[semconv.LLM_ROUTE_GAVE_WAY] = self.gave_way
        return attributes


def _is_success(response: Any) -> bool:
    return response is not None and 200 <= response.status_code < 300  # noqa: PLR2004


def _exception_attributes(failure: Failure) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        semconv.EXCEPTION_TYPE: failure.exception_type,
        semconv.EXCEPTION_MESSAGE: failure.message,
    }
    if failure.stacktrace is not None:
        attributes[semconv.EXCEPTION_STACKTRACE] = failure.stacktrace
    return attributes
