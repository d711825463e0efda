"""When a failed attempt is followed by the next service: small rules that combine with ``|``, ``&`` and ``~``.

`on("not_reached", "timeout")` are these kinds of failure, `DEFAULT & ~on("model_not_found")` all of the usual ones but one, and
`DEFAULT & ~after_status(500)` all but those replies.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable

    from venom_otel.instrumentation.failures import Failure

NEVER: Final = frozenset({semconv.KIND_AUTH, semconv.KIND_BAD_REQUEST})
"""Kinds that no rule can allow: another server would hide a wrong key, or be sent a request that is wrong in itself."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Says of a failure whether the next service may be asked; `words` are what it reads like."""

    allows: Callable[[Failure], bool]
    words: str

    def __call__(self, failure: Failure) -> bool:
        """Whether the next service may be asked after this failure."""
        return self.allows(failure)

    def __or__(self, other: Rule) -> Rule:
        return Rule(lambda failure: self(failure) or other(failure), f"({self.words} | {other.words})")

    def __and__(self, other: Rule) -> Rule:
        return Rule(lambda failure: self(failure) and other(failure), f"({self.words} & {other.words})")

    def __invert__(self) -> Rule:
        return Rule(lambda failure: not self(failure), f"~{self.words}")

    def __repr__(self) -> str:
        return self.words


def on(*kinds: str) -> Rule:
    """Failures of these kinds, of docs/telemetry.md's table.

    Raises:
        SettingsError: a kind is unknown, or one after which no other service is ever asked.
    """
    for kind in kinds:
        if kind not in semconv.ERROR_KINDS:
            raise SettingsError(f"{kind!r} is no kind of failure; there are {', '.join(semconv.ERROR_KINDS)}.")
        if kind in NEVER:
            raise SettingsError(
                f"After {kind!r} no other service is asked: it is the key or the request that is wrong, and another server would hide it."
            )
    wanted = frozenset(kinds)
    return Rule(lambda failure: failure.kind in wanted, f"on({', '.join(map(repr, kinds))})")


def after_status(*codes: int) -> Rule:
    """Failures whose reply had one of these HTTP statuses."""
    return Rule(lambda failure: failure.status_code in codes, f"after_status({', '.join(map(str, codes))})")


DEFAULT: Final = on(
    semconv.KIND_NOT_REACHED,
    semconv.KIND_TIMEOUT,
    semconv.KIND_MODEL_NOT_FOUND,
    semconv.KIND_WRONG_PATH,
    semconv.KIND_RATE_LIMITED,
    semconv.KIND_OVERLOADED,
    semconv.KIND_LOADING,
    semconv.KIND_SERVER_ERROR,
)
"""What another server may do better."""
