"""A server of older telemetry that is left alone for a while after a failure."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Final, ParamSpec, TypeVar

from venom_otel.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

P = ParamSpec("P")
T = TypeVar("T")

_log = logging.getLogger(__name__)

REST_S: Final = 15.0
"""After a failure it is not asked for so long; who asks meanwhile is told the same words at once."""


class Asked:
    """Asks, and remembers what is missing.

    Args:
        what: is missing where it does not answer, in words.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._words: str | None = None
        self._rests_until = 0.0

    @property
    def missing(self) -> str | None:
        """What is missing at the moment, and why, in words; None where it answered last."""
        return self._words if time.monotonic() < self._rests_until else None

    async def ask(self, question: Callable[P, Awaitable[T]], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask it.

        Raises:
            StoreError: it does not answer, or did not a moment ago.
        """
        if (words := self.missing) is not None:
            raise StoreError(words)
        try:
            return await question(*args, **kwargs)
        except StoreError as error:
            first = self.missing is None
            self._words, self._rests_until = f"{self._what} missing: {error}", time.monotonic() + REST_S
            if first:  # of several questions at once
                _log.warning("%s", self._words)
            raise StoreError(self._words) from error
