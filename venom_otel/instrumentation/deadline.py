"""A time limit whose passing is told from a cancellation: the spans of what it ends say `timeout`, not `cancelled`.

`asyncio.timeout` ends what takes too long by cancelling its task, and turns the cancellation into an error only further out, where the
round trip's span has ended already.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar
from typing import TYPE_CHECKING, Final, Self

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextvars import Token
    from types import TracebackType

_innermost: Final[ContextVar[Deadline | None]] = ContextVar("venom_otel.deadline", default=None)


def passed() -> TimeoutError | None:
    """The error of a time limit around the caller that has passed: while a cancellation is under way, its true cause.

    Of several the outermost, for that is the one which the caller will see.
    """
    found, deadline = None, _innermost.get()
    while deadline is not None:
        found, deadline = deadline if deadline.has_passed else found, deadline.outer
    return found.error if found is not None else None


class Deadline:
    """`async with Deadline(seconds, make_error)`: raises the made error where the block takes longer; None sets no limit.

    Never to be held across a ``yield``: it changes the context.
    """

    def __init__(self, seconds: float | None, make_error: Callable[[], TimeoutError]) -> None:
        self._seconds = seconds
        self._make_error = make_error
        self._error: TimeoutError | None = None
        self.outer: Deadline | None = None
        """The one around it, while its block lasts."""

    @property
    def has_passed(self) -> bool:
        """Whether the time was over before the block was."""
        return self._limit.expired()

    @property
    def error(self) -> TimeoutError:
        """The error, one object for the span and for the caller."""
        if self._error is None:
            self._error = self._make_error()
        return self._error

    async def __aenter__(self) -> Self:
        self._limit = asyncio.timeout(self._seconds)
        await self._limit.__aenter__()
        self.outer = _innermost.get()
        self._token: Token[Deadline | None] = _innermost.set(self)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        _innermost.reset(self._token)
        try:
            await self._limit.__aexit__(kind, error, trace)
        except TimeoutError:
            late, self._error = self.error, None
            try:
                raise late from None
            finally:
                del late  # its traceback holds this frame
