"""The history of requests: what happened, by whom it was answered, and how it went.

Everything here is a query over stored spans; nothing is kept a second time. Times are integers in nanoseconds, as in the store.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from venom_otel.store.protocol import RequestFilter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from types import TracebackType

    from venom_otel.store.protocol import RequestSummary, Span, TelemetryStore

DEFAULT_LIMIT: Final = 50
MAX_LIMIT: Final = 500
MAX_DEPTH: Final = 100
"""Deeper trees are cut flat there: nobody reads them, and neither a page nor a JSON encoder nests without end."""

_TRACE_ID = re.compile(r"[0-9a-f]{32}")
_REQUEST_ID = re.compile(r"([0-9a-f]{32})-([0-9a-f]{16})")


@dataclass(frozen=True, slots=True)
class RequestPage:
    """One page of the request list, in the order that was asked for: newest first, or oldest first after a cursor."""

    items: Sequence[RequestSummary]
    older: int | None
    """Pass as `RequestFilter.before` for the page before this one in time; None where this page reaches the oldest match."""
    newer: int
    """Pass as `RequestFilter.after` for what has arrived since the first page; stays the same while nothing has."""


@dataclass(frozen=True, slots=True)
class Step:
    """A span and the spans it caused, by start time."""

    span: Span
    children: Sequence[Step]


@dataclass(frozen=True, slots=True)
class RequestDetail:
    """One request with everything that is known of it."""

    summary: RequestSummary
    steps: Sequence[Step]
    """The request's own span as the root, its HTTP calls and whatever else ran inside it below."""
    trace: Sequence[Step]
    """The whole trace the request belongs to, as a tree; more than one root where parents were never sent or have not arrived."""


class Changes:
    """Tells one listener, in one event loop, that the store has something new. Made by `History.changes`.

    A context manager and an asynchronous iterator. Arrivals from entering onwards are seen; those between two iterations come as one.
    """

    def __init__(self, subscribe: Callable[[Callable[[int], None]], Callable[[], None]]) -> None:
        self._subscribe = subscribe
        self._unsubscribe: Callable[[], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arrived = asyncio.Event()
        self._newest = 0
        self._ended = False

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        self._unsubscribe = self._subscribe(self._on_commit)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        if self._unsubscribe is not None:
            self._unsubscribe()
            self._unsubscribe = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> int:
        """Wait for the next arrival; gives the newest sequence number, which stays the same where only other spans came."""
        await self._arrived.wait()
        if self._ended:
            raise StopAsyncIteration
        self._arrived.clear()
        return self._newest

    def end(self) -> None:
        """Stop the iteration, also one that waits; to be called in the listener's loop."""
        self._ended = True
        self._arrived.set()

    def _on_commit(self, newest: int) -> None:
        """Runs in the store's thread."""
        assert self._loop is not None
        try:
            self._loop.call_soon_threadsafe(self._wake, newest)
        except RuntimeError:  # the loop has been closed under its listener; nobody is left to tell
            return

    def _wake(self, newest: int) -> None:
        self._newest = max(self._newest, newest)
        self._arrived.set()


class History:
    """What the outside may ask about the past, over any store."""

    def __init__(self, store: TelemetryStore) -> None:
        self._store = store
        self._listeners: weakref.WeakSet[Changes] = weakref.WeakSet()
        self._ended = False

    async def requests(self, which: RequestFilter | None = None, limit: int = DEFAULT_LIMIT, *, wait_s: float = 0) -> RequestPage:
        """The newest requests that match, newest first; with `which.after` the oldest after that cursor, oldest first.

        Args:
            which: what must hold; None for all.
            limit: at most so many items, 1 to `MAX_LIMIT`; values outside are brought inside.
            wait_s: where nothing matches yet, wait so many seconds at most for the first that does.
        """
        which = which or RequestFilter()
        limit = min(max(limit, 1), MAX_LIMIT)
        if wait_s <= 0:
            return await self._page(which, limit)
        with self.changes() as changes:
            page = await self._page(which, limit)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    while not page.items and await anext(changes, None) is not None:
                        page = await self._page(which, limit)
        return page

    async def request(self, request_id: str) -> RequestDetail | None:
        """One request with its spans, or None where the store has none of that id (`{trace_id}-{span_id}`)."""
        parts = _REQUEST_ID.fullmatch(request_id)
        if parts is None:
            return None
        trace_id, span_id = parts.groups()
        summary = await self._store.request(trace_id, span_id)
        if summary is None:
            return None
        trace = tree(await self._store.trace(trace_id))
        return RequestDetail(summary, steps=[step for step in _walk(trace) if step.span.span_id == span_id], trace=trace)

    async def trace(self, trace_id: str) -> Sequence[Step]:
        """Every span of a trace as a tree, found by its id of 32 lower-case hexadecimal digits; empty where the store has none."""
        return tree(await self._store.trace(trace_id)) if _TRACE_ID.fullmatch(trace_id) else []

    def changes(self) -> Changes:
        """Learn of arrivals without asking again and again.

        with history.changes() as changes:
            page = await history.requests()
            async for _ in changes:
                page = await history.requests(RequestFilter(after=page.newer))
        """
        changes = Changes(self._store.subscribe)
        self._listeners.add(changes)
        if self._ended:
            changes.end()
        return changes

    def end_waiting(self) -> None:
        """End every wait for arrivals, now and later: a program that ends must not be held up by those who only wait."""
        self._ended = True
        for changes in self._listeners:
            changes.end()

    async def _page(self, which: RequestFilter, limit: int) -> RequestPage:
        found = await self._store.requests(which, limit + 1)
        items = found[:limit]
        numbers = [item.sequence for item in items]
        if which.after is not None:
            return RequestPage(items, older=min(numbers, default=None), newer=max(numbers, default=which.after))
        older = min(numbers) if len(found) > limit else None
        return RequestPage(items, older=older, newer=max(numbers, default=0))


def tree(spans: Sequence[Span]) -> Sequence[Step]:
    """The spans of one trace as trees, siblings by start time; a span whose parent is not among them is a root.

    No span is lost: of spans that name each other as parent the earliest becomes a root, and what lies deeper than `MAX_DEPTH` stands
    at that depth.
    """
    ordered = sorted(spans, key=lambda span: (span.start_ns, span.end_ns))
    known = {span.span_id for span in spans}
    children: dict[str, list[Span]] = {}
    roots: list[Span] = []
    for span in ordered:
        if span.parent_span_id in known:
            children.setdefault(str(span.parent_span_id), []).append(span)
        else:
            roots.append(span)
    forest: list[Step] = []
    placed: set[str] = set()
    for start in (*roots, *ordered):
        pending = [(start, forest, 1)]
        while pending:
            span, siblings, depth = pending.pop()
            if span.span_id in placed:
                continue
            placed.add(span.span_id)
            own: list[Step] = []
            siblings.append(Step(span, own))
            below = own if depth < MAX_DEPTH else siblings
            pending.extend((child, below, depth + 1) for child in reversed(children.get(span.span_id, ())))
    return forest


def _walk(steps: Sequence[Step]) -> Iterator[Step]:
    pending = list(steps)
    while pending:
        step = pending.pop()
        yield step
        pending.extend(step.children)
