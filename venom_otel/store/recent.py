"""Answers of a server that need not be asked for once more: those that are still fresh, and those that somebody waits for already."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import Any

K = TypeVar("K", bound=Hashable)
T = TypeVar("T")


def _one(_: object) -> int:
    return 1


@dataclass(eq=False, slots=True)
class _UnderWay(Generic[T]):
    task: asyncio.Task[T]
    waiting: int = 0


class Recent(Generic[K, T]):
    """Asks each question once: for all who ask it at once together, and not again while the answer is fresh.

    An error is given to all who wait for the answer and is not remembered. Who is cancelled takes the answer away from nobody else; a
    question for which nobody waits any more is given up. Belongs to one event loop.

    Args:
        fresh_s: for how long after it was asked for an answer is remembered.
        room: sum of the sizes of what is remembered, the newest first; 0 remembers nothing.
        size: of an answer.
    """

    def __init__(self, *, fresh_s: float = 0, room: int = 0, size: Callable[[T], int] = _one) -> None:
        self._fresh_s = fresh_s
        self._room = room
        self._size = size
        self._answers: dict[K, tuple[float, T]] = {}
        self._under_way: dict[K, _UnderWay[T]] = {}

    def __len__(self) -> int:
        """How many answers are remembered, not all of them fresh."""
        return len(self._answers)

    async def get(self, key: K, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """The answer to a question.

        Args:
            key: the same for the same question.
            ask: asks it.

        Raises:
            Exception: as `ask` does.
        """
        known = self._answers.get(key)
        if known is not None and time.monotonic() - known[0] <= self._fresh_s:
            return known[1]
        under_way = self._under_way.get(key)
        if under_way is None or under_way.task.done():
            under_way = self._under_way[key] = _UnderWay(asyncio.create_task(self._ask(key, ask)))
        under_way.waiting += 1
        try:
            return await asyncio.shield(under_way.task)
        finally:
            under_way.waiting -= 1
            if not under_way.waiting:
                under_way.task.cancel()
                if self._under_way.get(key) is under_way:
                    del self._under_way[key]

    async def _ask(self, key: K, ask: Callable[[], Coroutine[Any, Any, T]]) -> T:
        asked_at = time.monotonic()
        answer = await ask()
        self._remember(key, asked_at, answer)
        return answer

    def _remember(self, key: K, asked_at: float, answer: T) -> None:
        """Keep an answer, and of the others those that are fresh and for which there is room, the newest first."""
        others, self._answers = self._answers, {}
        room = self._room
        for each, (at, one) in [(key, (asked_at, answer)), *reversed(others.items())]:
            room -= self._size(one)
            if room < 0:
                break
            if asked_at - at <= self._fresh_s:
                self._answers.setdefault(each, (at, one))
        self._answers = dict(reversed(self._answers.items()))
