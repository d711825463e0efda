"""Keeps the board true: follows what arrives in the store and how the model servers are, and tells whoever listens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from venom_otel.errors import StateError, StoreError
from venom_otel.runtimes.model import Status
from venom_otel.services.alerts import sources
from venom_otel.services.alerts.board import Board
from venom_otel.services.alerts.model import Alert, AlertKind
from venom_otel.services.changes import Listener, Listeners
from venom_otel.services.history import MAX_LIMIT
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from venom_otel.health import Server
    from venom_otel.services.alerts.keeping import StateKeeper
    from venom_otel.services.history import History
    from venom_otel.services.servers import LlmServers
    from venom_otel.store.protocol import RequestSummary

PAUSE_S: Final = 0.5
"""Between two looks at what has arrived: what comes within is one."""
TICK_S: Final = 5.0
"""Time passes also when nothing arrives."""
FIRST_NS: Final = 3600 * 1_000_000_000
"""How far back is looked where nothing is known yet."""
ANSWERS: Final = 50
"""That one look reads of all models together."""
ASKED: Final = 4
"""Models that one look asks for by themselves, whose answers are not among those: each in its turn."""
SAVE_S: Final = 2.0
"""Between two times that alerts of requests are kept: what comes after the last time is counted anew after a crash, not twice."""
CURSOR_S: Final = 60.0
"""Between two times that how far was looked is kept, where no alert changes."""
_MOST_WAITING: Final = 1000

logger: Final = logging.getLogger("venom_otel")


class Alerts:
    """What the outside may ask about alerts. Its methods belong to one event loop, in which `watch` runs.

    Args:
        history: where requests come from.
        servers: the model servers; None where none are watched.
        keeper: where alerts are kept.
        meant: whether a server's being offline is what somebody asked for, by its name.
        now_ns: the time, in nanoseconds since the epoch.
    """

    def __init__(
        self,
        history: History,
        servers: LlmServers | None,
        keeper: StateKeeper,
        *,
        meant: Callable[[str], bool] = lambda _: False,
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        self._history = history
        self._servers = servers
        self._keeper = keeper
        self._meant = meant
        self._now_ns = now_ns
        known, self._cursor = keeper.load()
        self._board = Board(known)
        self._answered: dict[tuple[str, str], int] = {}
        """When a model of an active alert answered last, by endpoint and model."""
        self._first_choices: dict[str, int] = {}
        """When the first of an application's servers answered last, where another one has answered in its place."""
        self._hidden: dict[tuple[str, str], int] = {}
        """Places whose answers have not been looked at, and since which cursor."""
        self._unsaved: dict[str, Alert] = {}
        self._busy = asyncio.Lock()
        """Alerts and how far was looked are kept together: nothing is kept while a look is under way."""
        self._complained = False
        self._saved_s = 0.0
        self._listeners: Listeners[AlertChanges] = Listeners()
        self._hearing: tuple[Callable[[Alert], None], ...] = ()

    def all(self) -> Sequence[Alert]:
        """Active alerts, then those that ended lately; in each the newest first."""
        return self._board.alerts

    async def acknowledge(self, alert_id: str, by: str) -> Alert | None:
        """Note that somebody knows of an alert; None where there is none of that id."""
        async with self._busy:
            alert = self._board.acknowledge(alert_id, by, self._now_ns())
            self._publish()
        return alert

    def changes(self) -> AlertChanges:
        """Learn of alerts that begin, grow, end or are acknowledged.

        with alerts.changes() as changes:
            async for alert in changes:
                ...
        """
        return self._listeners.add(AlertChanges(self._subscribe))

    def end_waiting(self) -> None:
        """End every wait for changes, now and later."""
        self._listeners.end()

    async def watch(self) -> None:
        """Keep the alerts true; runs until it is cancelled, or until waiting was ended."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._follow_requests())
                if self._servers is not None:
                    group.create_task(self._follow_servers(self._servers))
        finally:
            if self._unsaved:
                self._save()

    # -- requests ----------------------------------------------------------------------------------------------------------------
    async def _follow_requests(self) -> None:
        with self._history.changes() as changes:
            while True:
                async with self._busy:
                    try:
                        await self._catch_up()
                    except StoreError as error:
                        logger.debug("alerts wait for the store: %s", error)
                await asyncio.sleep(PAUSE_S)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_S):
                        if await anext(changes, None) is None:
                            return

    async def _catch_up(self) -> None:
        """Look at all that has arrived since the last time."""
        newest = (await self._history.requests(limit=1)).newer
        since_ns = None
        if self._cursor is None or newest < self._cursor:  # never looked, or the store is another one
            self._cursor, since_ns = 0, self._now_ns() - FIRST_NS
        answered = RequestFilter(status=RequestStatus.COMPLETED, after=self._cursor, since_ns=since_ns)
        if newest > self._cursor:
            async for request in self._since(RequestFilter(status=RequestStatus.FAILED, after=self._cursor, since_ns=since_ns)):
                self._board.trouble(sources.failed_request(request))
                newest = max(newest, request.sequence)
            async for request in self._since(replace(answered, fallback=True)):
                self._board.trouble(sources.answered_instead(request))
                newest = max(newest, request.sequence)
            await self._note_first_choices(replace(answered, fallback=False))
        if newest > self._cursor or self._hidden:
            await self._note_answers(answered)
        self._cursor = newest
        now_ns = self._now_ns()
        for alert in self._board.active:
            kind = alert.subject.kind
            if kind is AlertKind.PROVIDER_ERROR and (at_ns := self._answered.get(_place(alert))) is not None:
                self._board.right(alert, at_ns, now_ns, "the same model at the same server has answered again")
            elif kind is AlertKind.FALLBACK and (at_ns := self._first_choices.get(alert.newest.service)) is not None:
                self._board.right(alert, at_ns, now_ns, "the first of the servers has answered again")
        for server in self._servers.known() if self._servers is not None else ():
            self._look_at(server)
        self._board.let_rest(now_ns)
        wrong = {_place(alert) for alert in self._board.active}
        self._answered = {place: at_ns for place, at_ns in self._answered.items() if place in wrong}
        self._hidden = {place: cursor for place, cursor in self._hidden.items() if place in wrong}
        self._publish(at_once=False)

    async def _note_answers(self, which: RequestFilter) -> None:
        """Look whether models that have failed have answered since, one answer for each: however many there are, few are read.

        Of what arrived at once it is the oldest that is read, so that one from before a failure does not hide it. One that does is read
        with what arrives next.
        """
        wrong = {_place(alert) for alert in self._board.active if alert.subject.kind is AlertKind.PROVIDER_ERROR}
        if not wrong:
            return
        endpoints, models = (tuple(dict.fromkeys(part)) for part in zip(*wrong, strict=True))
        found = list((await self._history.requests(replace(which, endpoint=endpoints, model=models), ANSWERS)).items)
        if len(found) == ANSWERS:  # those of some may have hidden those of others, which are looked at in their turn
            seen = {(request.endpoint or "", request.model or "") for request in found}
            self._hidden |= dict.fromkeys(wrong - seen - self._hidden.keys(), which.after or 0)
        hidden = [place for place in sorted(self._hidden, key=self._hidden.__getitem__) if place in wrong]
        for endpoint, model in hidden[:ASKED]:
            after = self._hidden.pop((endpoint, model))
            found += (await self._history.requests(replace(which, endpoint=endpoint, model=model, after=after), 1)).items
        for request in found:
            place = (request.endpoint or "", request.model or "")
            if place in wrong:
                self._answered[place] = max(self._answered.get(place, 0), sources.ended_ns(request))

    async def _note_first_choices(self, which: RequestFilter) -> None:
        """Look whether the first of an application's servers has answered since, where another one did in its place."""
        services = {alert.newest.service for alert in self._board.active if alert.subject.kind is AlertKind.FALLBACK}
        for service in services:
            for request in (await self._history.requests(replace(which, service=service), 1)).items:
                self._first_choices[service] = sources.ended_ns(request)
        self._first_choices = {service: at_ns for service, at_ns in self._first_choices.items() if service in services}

    async def _since(self, which: RequestFilter) -> AsyncIterator[RequestSummary]:
        """Everything that matches after the cursor, oldest first."""
        while True:
            page = await self._history.requests(which, MAX_LIMIT)
            for request in page.items:
                yield request
            if len(page.items) < MAX_LIMIT:
                return
            which = replace(which, after=page.newer)

    # -- servers -----------------------------------------------------------------------------------------------------------------
    async def _follow_servers(self, servers: LlmServers) -> None:
        with servers.changes() as changes:
            async for look in changes:
                async with self._busy:
                    self._look_at(look.server)
                    self._publish()

    def _look_at(self, server: Server) -> None:
        subject = sources.offline(server)
        alert = next((alert for alert in self._board.active if alert.subject == subject), None)
        if server.condition.status is Status.ONLINE:
            if alert is not None:
                self._board.right(alert, server.condition.since_ns, self._now_ns(), "the server takes requests again")
        elif server.condition.state in sources.DOWN and alert is None and not self._meant(server.runtime.name):
            self._board.trouble(sources.server_down(server))

    # -- telling -----------------------------------------------------------------------------------------------------------------
    def _subscribe(self, listener: Callable[[Alert], None]) -> Callable[[], None]:
        self._hearing = (*self._hearing, listener)

        def unsubscribe() -> None:
            self._hearing = tuple(each for each in self._hearing if each is not listener)

        return unsubscribe

    def _publish(self, *, at_once: bool = True) -> None:
        """Tell what has changed, and keep it: now, or with what changes next."""
        changed = self._board.take_changed()
        for alert in changed:
            for listener in self._hearing:
                listener(alert)
        self._unsaved |= {alert.id: alert for alert in changed}
        pause_s = SAVE_S if self._unsaved else CURSOR_S
        if (at_once and self._unsaved) or time.monotonic() - self._saved_s > pause_s:
            self._save()

    def _save(self) -> None:
        """Keep alerts and how far was looked; what cannot be kept now is kept with the next change."""
        try:
            self._keeper.save(list(self._unsaved.values()), self._cursor)
        except StateError as error:
            if not self._complained:
                logger.warning("venom_otel: alerts are not kept for the next start: %s", error)
            self._complained = True
            return
        self._complained = False
        self._saved_s = time.monotonic()
        self._unsaved.clear()


class AlertChanges(Listener[Alert]):
    """Gives each alert that changes, as it is then. Made by `Alerts.changes`. To a listener that lags, of each alert the newest."""

    def __init__(self, subscribe: Callable[[Callable[[Alert], None]], Callable[[], None]]) -> None:
        super().__init__(subscribe)
        self._waiting: deque[Alert] = deque()

    async def __anext__(self) -> Alert:
        """Wait for the next change."""
        while not self._waiting:
            if self._ended:
                raise StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        return self._waiting.popleft()

    def _keep(self, report: Alert) -> None:
        if len(self._waiting) >= _MOST_WAITING:
            self._waiting = deque({alert.id: alert for alert in self._waiting}.values())
        self._waiting.append(report)


def _place(alert: Alert) -> tuple[str, str]:
    return alert.subject.endpoint, alert.subject.model
