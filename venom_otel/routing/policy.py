"""How a routed call goes about it: after which failures the next service is asked, and how long one may take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel.errors import SettingsError
from venom_otel.routing.rules import DEFAULT, NEVER, Rule, on

if TYPE_CHECKING:
    from collections.abc import Iterable

    from venom_otel.instrumentation.failures import Failure

ATTEMPT_TIMEOUT_S: Final = 300.0
"""Long enough for a cold start and a long answer on slow hardware; an interactive application sets less."""


@dataclass(frozen=True, slots=True, init=False)
class Policy:
    """`Policy(fall_back_on=["not_reached", "timeout"], attempt_timeout_s=20)`.

    A cancelled call, a wrong key and a request that is wrong in itself are never followed by another attempt, whatever is set here.
    """

    fall_back_on: Rule
    attempt_timeout_s: float | None

    def __init__(self, fall_back_on: Rule | Iterable[str] = DEFAULT, attempt_timeout_s: float | None = ATTEMPT_TIMEOUT_S) -> None:
        """Check and keep it.

        Args:
            fall_back_on: kinds of failure, or a rule made of those in `venom_otel.routing`.
            attempt_timeout_s: seconds within which a service must have answered, in a stream with its first chunk; None leaves it to
                the services' own clients.

        Raises:
            SettingsError: a kind is unknown or never followed by another attempt, or the time is not above zero.
        """
        if isinstance(fall_back_on, str):
            fall_back_on = (fall_back_on,)
        if attempt_timeout_s is not None and not attempt_timeout_s > 0:
            raise SettingsError(f"attempt_timeout_s={attempt_timeout_s!r}: seconds above zero are wanted, or None for no limit.")
        object.__setattr__(self, "fall_back_on", fall_back_on if isinstance(fall_back_on, Rule) else on(*fall_back_on))
        object.__setattr__(self, "attempt_timeout_s", attempt_timeout_s)

    def allows(self, failure: Failure) -> bool:
        """Whether the next service may be asked after this failure."""
        return failure.kind not in NEVER and self.fall_back_on(failure)
