"""The way of one round trip through the services: who is asked next, what becomes of it, and what is said when nobody answers.

`for attempt in route: with attempt: …` asks one service after the other; the context swallows a failure after which the next may be asked.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final, Self

from semantic_kernel.exceptions import ServiceInvalidExecutionSettingsError

from venom_otel.identity.redaction import redact
from venom_otel.instrumentation import credentials, guard
from venom_otel.instrumentation.deadline import Deadline
from venom_otel.instrumentation.failures import describe
from venom_otel.instrumentation.routed import Reason
from venom_otel.instrumentation.server_words import server_words
from venom_otel.routing import retry_after
from venom_otel.routing.availability import Failed, PassedOver
from venom_otel.routing.errors import AttemptTimeoutError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import TracebackType

    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings

    from venom_otel.instrumentation.failures import Failure
    from venom_otel.instrumentation.routed import RoutedCall
    from venom_otel.routing.availability import Availability
    from venom_otel.routing.members import Member
    from venom_otel.routing.policy import Policy

logger: Final = logging.getLogger("venom_otel.routing")

_UNABLE: Final = Reason(None, ServiceInvalidExecutionSettingsError.__name__)
"""The service cannot do what the settings ask for; nothing is sent."""


class Route:
    """One round trip's way. Iterating gives one attempt after the other, and in the end raises the last one's own error.

    Args:
        members: the services, in their order.
        policy: after which failures the next is asked.
        availability: which of them need not be asked.
        settings: the call's own, of whichever class.
        call: its recording, where it is recorded.
    """

    def __init__(
        self,
        members: Sequence[Member],
        policy: Policy,
        availability: Availability,
        settings: PromptExecutionSettings,
        call: RoutedCall | None,
    ) -> None:
        self.policy = policy
        self.availability = availability
        self._members = members
        self._settings = settings
        self._call = call
        self._asked = 0
        self._instead_of: tuple[Member, Reason] | None = None
        self._story: list[str] = []
        self._error: Exception | None = None

    def __iter__(self) -> Iterator[Attempt]:
        due: list[tuple[float, Attempt]] = []
        for member in self._members:
            attempt = self._prepare(member)
            if attempt is None:
                continue
            found = self.availability.begin(attempt.target)
            if found is not None:
                due.append((found.due_s, attempt))
                self._pass_over(attempt, found)
                continue
            yield attempt
        if not self._asked and due:
            attempt = min(due, key=lambda candidate: candidate[0])[1]
            if attempt.member is self._members[0]:
                self._instead_of = None  # it is the one that should answer
            self.availability.begin(attempt.target, anyway=True)
            yield attempt
        error, self._error = self._error, None
        assert error is not None
        try:
            raise self._told(error)
        finally:
            del error  # its traceback holds this frame

    def _prepare(self, member: Member) -> Attempt | None:
        try:
            return Attempt(self, member, member.settings(self._settings))
        except ServiceInvalidExecutionSettingsError as error:
            self._error = self._error or error
            self._not_asked(member, _UNABLE, f"{member.name}: not asked, as it cannot do what the settings ask for: {error}")
            return None

    def _pass_over(self, attempt: Attempt, found: PassedOver) -> None:
        reason = found.reason
        words = f"{attempt.name}: passed over, known for {reason.kind or reason.error_type}"
        self._not_asked(attempt.member, reason, words)

    def _not_asked(self, member: Member, reason: Reason, words: str) -> None:
        self._story.append(words)
        self._instead_of = self._instead_of or (member, reason)

    # -- what attempts say -----------------------------------------------------------------------------------------------------------

    def begun(self, attempt: Attempt) -> None:
        """An attempt begins."""
        self._asked += 1
        if self._call is not None:
            self._call.goes_on()
        instead_of = None
        if self._instead_of is not None:
            member, reason = self._instead_of
            logger.info("asking %s instead of %s: %s", attempt.name, member.name, reason.kind or reason.error_type)
            instead_of = member.service, reason
        if self._call is not None:
            self._call.trying(attempt.member.service, instead_of)

    def answered(self) -> None:
        """Nothing of the earlier attempts is needed any more."""
        self._error = None

    def failed(self, attempt: Attempt, error: Exception, failure: Failure) -> bool:
        """Whether the failure may be swallowed, because the next service may be asked; else it has its note."""
        words = _without_keys(attempt, server_words(failure.message) or failure.message)
        self._story.append(f"{attempt.name}: {failure.kind or failure.error_type}: {words}")
        self._instead_of = attempt.member, Reason(failure.kind, failure.error_type)
        if not self.policy.allows(failure):
            self._error = None
            self._told(error)
            return False
        self._error = error
        return True

    def _told(self, error: Exception) -> Exception:
        """The error, with a note that tells of every service where there is more to tell than the error says itself."""
        if len(self._story) > 1:
            lines = [f"  {number}. {line}" for number, line in enumerate(self._story, 1)]
            error.add_note("\n".join([f"Asked {self._asked} of {len(self._members)} services:", *lines]))
        return error


class Attempt:
    """One service's turn in one round trip."""

    def __init__(self, route: Route, member: Member, settings: PromptExecutionSettings) -> None:
        self.member = member
        self.settings = settings
        self.target = member.target(settings)
        self._route = route
        self.has_answered = False

    @property
    def name(self) -> str:
        """The service in words: its name, model and address."""
        where = f" at {self.member.endpoint_url}" if self.member.endpoint_url else ""
        return f"{self.member.name} ({self.target.model}{where})"

    def deadline(self) -> Deadline:
        """The time that the policy gives it, for ``async with``."""
        seconds = self._route.policy.attempt_timeout_s
        return Deadline(seconds, lambda: AttemptTimeoutError(f"{self.name} did not answer within {seconds:g} s"))

    def answered(self) -> None:
        """The service answered, or its stream began."""
        self.has_answered = True
        self._route.availability.answered(self.target)
        self._route.answered()

    def __enter__(self) -> Self:
        self._route.begun(self)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> bool:
        if self.has_answered:
            return False
        availability = self._route.availability
        if not isinstance(error, Exception):  # cancelled, or the consumer left
            availability.left(self.target)
            return False
        failure = describe(error)
        if failure.kind is None:  # neither the server's nor the network's
            availability.left(self.target)
        else:
            availability.failed(self.target, Failed(failure.kind, failure.error_type, retry_after.seconds(error)))
        return self._route.failed(self, error, failure)


def _without_keys(attempt: Attempt, words: str) -> str:
    """A server's words, which may repeat the key that it was sent; nothing of them where the keys cannot be told."""
    try:
        return redact(words, [*credentials.of_service(attempt.member.service), *credentials.of_settings(attempt.settings)])
    except Exception:
        guard.report("taking keys out of an error's words")
        return "(its words are not shown)"
