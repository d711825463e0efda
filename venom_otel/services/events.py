"""One stream of all that happens: requests, states of model servers, the model that answers, alerts.

What happens is looked at once, however many follow, and not at all while nobody does. Each follower has room for `ROOM` events; who is
slower than that, or comes back after more has happened than is kept, is told so by one event and reads anew. Events are numbered within one
life of the program.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import secrets
import time
import weakref
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, NamedTuple, Self, TypeAlias

from venom_otel.errors import StoreError
from venom_otel.services.history import MAX_LIMIT
from venom_otel.store.protocol import RequestFilter, RequestStatus, RequestSummary

if TYPE_CHECKING:
    from venom_otel.health import Look
    from venom_otel.services.alerts.model import Alert
    from venom_otel.services.alerts.watch import Alerts
    from venom_otel.services.history import History
    from venom_otel.services.servers import LlmServers

ROOM: Final = 1000
"""Events that wait for one follower, and that are kept for those who come back."""
PAUSE_S: Final = 0.25
"""Between two looks at what has arrived."""
GONE_S: Final = 60.0
"""Seconds after the last follower has gone in which what happens is still kept; then nothing is read until somebody follows."""


class EventKind(StrEnum):
    """What happened."""

    REQUEST = "request"
    """A request to a model has ended and is stored."""
    REQUESTS_MISSED = "requests_missed"
    """More requests came at once than are told one by one: the history has them."""
    SERVER = "server"
    """A model server is in another state."""
    ACTIVE_MODEL = "active_model"
    """Another model, or the same at another server, answers."""
    ALERT = "alert"
    """An alert began, grew, ended or was acknowledged."""
    RESET = "reset"
    """Events were missed: read everything anew."""


class Answering(NamedTuple):
    """Who answered."""

    provider: str
    model: str
    endpoint: str


@dataclass(frozen=True, slots=True)
class ModelChange:
    """Another one answers."""

    now: Answering
    before: Answering | None
    """None where nobody had answered yet."""
    request: RequestSummary
    """The request that shows it."""


class Missed(NamedTuple):
    """Requests that are not told one by one."""

    newer: int
    """Those up to this cursor of the history."""


Item: TypeAlias = "RequestSummary | Missed | ModelChange | Look | Alert | None"


@dataclass(frozen=True, eq=False)
class Event:
    """Something that happened. Followers share it."""

    id: str
    """`{life}-{number}`: give it as `after` to go on behind it."""
    kind: EventKind
    item: Item
    """None for `reset` alone."""


class Events:
    """Knows what happens, and tells it; lives in one event loop, in which `watch` runs.

    Args:
        history: where requests come from.
        servers: the model servers; None where none are watched.
        alerts: the alerts; None where there are none.
    """

    def __init__(self, history: History, servers: LlmServers | None = None, alerts: Alerts | None = None) -> None:
        self._history = history
        self._servers = servers
        self._alerts = alerts
        self._life = secrets.token_hex(4)
        self._number = 0
        self._kept: deque[Event] = deque(maxlen=ROOM)
        self._followers: weakref.WeakSet[Follower] = weakref.WeakSet()
        self._answering: Answering | None = None
        self._followed_s = -math.inf
        """When somebody last followed."""
        self._ended = False

    async def watch(self) -> None:
        """Look at what happens; runs until it is cancelled, or until waiting was ended."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._follow_requests())
            if self._servers is not None:
                group.create_task(self._follow_servers(self._servers))
            if self._alerts is not None:
                group.create_task(self._follow_alerts(self._alerts))

    def follow(self, after: str | None = None) -> Follower:
        """Hear of what happens from now on, or from behind an event.

        Args:
            after: the id of the last event that is known already.
        """
        follower = Follower(self._missed_since(after) if after is not None else [])
        self._followers.add(follower)
        if self._ended:
            follower.end()
        return follower

    def end_waiting(self) -> None:
        """End every wait for events, now and later."""
        self._ended = True
        for follower in self._followers:
            follower.end()

    def _missed_since(self, after: str) -> list[Event]:
        reset = self._reset()
        if after == reset.id:  # nothing has happened since
            return []
        kept = list(self._kept)
        behind = next((position for position, event in enumerate(kept, 1) if event.id == after), None)
        return [reset] if behind is None else kept[behind:]

    def _reset(self) -> Event:
        return Event(f"{self._life}-{self._number}", EventKind.RESET, None)

    def _tell(self, kind: EventKind, item: Item) -> None:
        self._number += 1
        event = Event(f"{self._life}-{self._number}", kind, item)
        self._kept.append(event)
        reset = self._reset()
        for follower in self._followers:
            follower.take(event, reset)

    async def _follow_requests(self) -> None:
        cursor, idle = 0, True
        with self._history.changes() as changes:
            async for newest in changes:
                if not self._is_followed():
                    cursor, idle = newest, True
                else:
                    with contextlib.suppress(StoreError):  # who asks the history is told; what came meanwhile comes with the next look
                        if idle:
                            await self._begin(cursor)
                            idle = False
                        cursor = await self._look(cursor)
                await asyncio.sleep(PAUSE_S)

    def _is_followed(self) -> bool:
        """Whether anybody follows, or did until lately: a reader that has lost its connection comes back."""
        now = time.monotonic()
        if self._followers:
            self._followed_s = now
        return now - self._followed_s <= GONE_S

    async def _begin(self, cursor: int) -> None:
        """After a time in which nobody followed, and nothing was read from the store: who answered last before what is told now."""
        answered = await self._history.answered_last(RequestFilter(before=cursor + 1))
        self._answering = _who(answered) if answered is not None else None
        self._kept.clear()
        self._number += 1  # so that whoever comes back from before knows of the gap

    async def _look(self, cursor: int) -> int:
        page = await self._history.requests(RequestFilter(after=cursor), MAX_LIMIT)
        for request in page.items:
            self._tell(EventKind.REQUEST, request)
            self._note(request)
        if len(page.items) < MAX_LIMIT:
            return page.newer
        newest = await self._history.requests(limit=1)
        answered = await self._history.answered_last()
        if newest.newer > page.newer:
            self._tell(EventKind.REQUESTS_MISSED, Missed(newest.newer))
            if answered is not None:
                self._note(answered)
        return max(newest.newer, page.newer)

    def _note(self, request: RequestSummary) -> None:
        """Tell of another model that answers."""
        if request.status is RequestStatus.COMPLETED and (now := _who(request)) != self._answering:
            before, self._answering = self._answering, now
            self._tell(EventKind.ACTIVE_MODEL, ModelChange(now, before, request))

    async def _follow_servers(self, servers: LlmServers) -> None:
        with servers.changes() as changes:
            async for look in changes:
                self._tell(EventKind.SERVER, look)

    async def _follow_alerts(self, alerts: Alerts) -> None:
        with alerts.changes() as changes:
            async for alert in changes:
                self._tell(EventKind.ALERT, alert)


class Follower:
    """Gives events as they happen. Made by `Events.follow`; an asynchronous iterator."""

    def __init__(self, missed: list[Event]) -> None:
        self._waiting = deque(missed)
        self._arrived = asyncio.Event()
        self._ended = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        """Wait for the next event."""
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def take(self, event: Event, reset: Event) -> None:
        """Keep an event; where there is no room, `reset` in place of all that wait."""
        if len(self._waiting) >= ROOM:
            self._waiting = deque([reset])
        else:
            self._waiting.append(event)
        self._arrived.set()

    def end(self) -> None:
        """Stop once what waits has been given."""
        self._ended = True
        self._arrived.set()


def _who(request: RequestSummary) -> Answering:
    return Answering(request.provider or "", request.response_model or request.model or "", request.endpoint or "")
