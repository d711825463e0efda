"""A reader's visit to a page, with which ends what was begun for it."""

from __future__ import annotations

import asyncio
import functools
from typing import TYPE_CHECKING, Any, ParamSpec, Self

from nicegui import background_tasks

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine
    from types import TracebackType

P = ParamSpec("P")


class Visit:
    """One reader's visit to one page: from its beginning until they go elsewhere or close the tab.

    What the page does for them besides being kept true, and what waits for an answer because they pressed something, is ended with it: it
    would show what it finds on a page that is gone.

    with visit:
        ...  # keep the page true, until this is cancelled
    """

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self.over = False
        """Whether they have left."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.over = True
        for task in self._tasks:
            task.cancel()

    def begin(self, work: Coroutine[Any, Any, None], name: str) -> None:
        """Do something beside, up to its end or the visit's. A mistake in it is logged and ends nothing else."""
        if self.over:
            work.close()
            return
        task = background_tasks.create(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def within(self, handler: Callable[P, Awaitable[object]]) -> Callable[P, Coroutine[Any, Any, None]]:
        """The same handler of an event, whose task ends with the visit wherever it waits."""

        @functools.wraps(handler)
        async def handle(*args: P.args, **kwargs: P.kwargs) -> None:
            task = asyncio.current_task()
            assert task is not None
            if self.over:  # between the event and now
                return
            self._tasks.add(task)
            try:
                await handler(*args, **kwargs)
            finally:
                self._tasks.discard(task)

        return handle
