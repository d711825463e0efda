"""Keeps the board true: follows what arrives in the store and how the model servers are, and tells whoever listens."""

from __future__ import annotations

import asyncio
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
from venom_otel.services.changes import Listeners, Queued
from venom_otel.services.history import MAX_LIMIT
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from collections.abc import Set as AbstractSet

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
STEP: Final = 5_000
"""Arrivals that one look goes over: what it reads is held in memory until all of it counts."""
ANSWERS: Final = 50
"""That one look reads of all models together."""
ASKED: Final = 4
"""Models that one look asks for by themselves, whose answers are not among those: each in its turn."""
SAVE_S: Final = 2.0
"""Between two times that alerts of requests are kept: what comes after the last time is counted anew after a crash, not twice."""
CURSOR_S: Final = 60.0
"""Between two times that how far was looked is kept, where no alert changes."""

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
            while await changes.look_due(PAUSE_S, TICK_S):
                async with self._busy:
                    try:
                        await self._catch_up()
                    except StoreError as error:
                        logger.debug("alerts wait for the store: %s", error)

    async def _catch_up(self) -> None:
        """Look at all that has arrived since the last time."""
        newest = (await self._history.requests(limit=1)).newer
        if self._cursor is None or newest < self._cursor:  # never looked, or the store is another one
            self._cursor = await self._beginning(newest)
        looked = False
        while self._cursor < newest or (self._hidden and not looked):
            self._cursor = await self._look(self._cursor, min(newest, self._cursor + STEP))
            looked = True
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
        wrong, services = self._wrong(), self._fallen_back()
        self._answered = {place: at_ns for place, at_ns in self._answered.items() if place in wrong}
        self._hidden = {place: cursor for place, cursor in self._hidden.items() if place in wrong}
        self._first_choices = {service: at_ns for service, at_ns in self._first_choices.items() if service in services}
        self._publish(at_once=False)

    async def _beginning(self, newest: int) -> int:
        """The cursor before the first request of the last hour; the newest where there is none."""
        page = await self._history.requests(RequestFilter(after=0, since_ns=self._now_ns() - FIRST_NS), 1)
        return page.items[0].sequence - 1 if page.items else newest

    async def _look(self, after: int, upto: int) -> int:
        """Look at what arrived behind one cursor up to another, and give that one: all of it counts, or where the store fails nothing."""
        arrived = RequestFilter(after=after, before=upto + 1)
        answered = replace(arrived, status=RequestStatus.COMPLETED)
        troubles = [sources.failed_request(request) for request in await self._all(replace(arrived, status=RequestStatus.FAILED))]
        wrong = self._wrong() | {(trouble.subject.endpoint, trouble.subject.model) for trouble in troubles}
        instead = [sources.answered_instead(request) for request in await self._all(replace(answered, fallback=True))]
        services = self._fallen_back() | {trouble.service for trouble in instead}
        firsts = await self._some(replace(answered, fallback=False, service=tuple(services)), ANSWERS) if services else ()
        answers, hidden = await self._answers(answered, wrong)
        # From here on nothing waits.
        for trouble in (*troubles, *instead):
            self._board.trouble(trouble)
        for request in firsts:
            service = request.service or ""
            self._first_choices[service] = max(self._first_choices.get(service, 0), sources.ended_ns(request))
        for request in answers:
            if (place := _asked(request)) in wrong:
                self._answered[place] = max(self._answered.get(place, 0), sources.ended_ns(request))
        self._hidden = hidden
        return upto

    async def _answers(
        self, which: RequestFilter, wrong: AbstractSet[tuple[str, str]]
    ) -> tuple[Sequence[RequestSummary], dict[tuple[str, str], int]]:
        """Answers of models that have failed, one of each: however many there are, few are read.

        Of what arrived at once it is the oldest that is read, so that one from before a failure may hide a later one; that is read with
        what arrives next.

        Returns:
            The answers, and which places have not been looked at, with the cursor since when.
        """
        if not wrong:
            return (), {}
        endpoints, models = (tuple(dict.fromkeys(part)) for part in zip(*wrong, strict=True))
        found = [*await self._some(replace(which, endpoint=endpoints, model=models), ANSWERS)]
        hidden = dict(self._hidden)
        if len(found) == ANSWERS:  # those of some may have hidden those of others, which are looked at in their turn
            hidden = dict.fromkeys(wrong - {_asked(request) for request in found}, which.after or 0) | hidden
        for place in sorted(hidden.keys() & wrong, key=hidden.__getitem__)[:ASKED]:
            found += await self._some(replace(which, endpoint=place[0], model=place[1], after=hidden.pop(place)), 1)
        return found, hidden

    async def _all(self, which: RequestFilter) -> Sequence[RequestSummary]:
        """Everything that matches, oldest first."""
        found: list[RequestSummary] = []
        while True:
            page = await self._history.requests(which, MAX_LIMIT)
            found += page.items
            if len(page.items) < MAX_LIMIT:
                return found
            which = replace(which, after=page.newer)

    async def _some(self, which: RequestFilter, number: int) -> Sequence[RequestSummary]:
        """The oldest that match."""
        return (await self._history.requests(which, number)).items

    def _wrong(self) -> set[tuple[str, str]]:
        """The models that fail, each by endpoint and model."""
        return {_place(alert) for alert in self._board.active if alert.subject.kind is AlertKind.PROVIDER_ERROR}

    def _fallen_back(self) -> set[str]:
        """The applications that another server than the first answers."""
        return {alert.newest.service for alert in self._board.active if alert.subject.kind is AlertKind.FALLBACK}

    # -- servers -----------------------------------------------------------------------------------------------------------------
    async def _follow_servers(self, servers: LlmServers) -> None:
        with servers.changes() as changes:
            async for look in changes:
                async with self._busy:
                    self._look_at(look.server)
                    self._publish()

    def _look_at(self, server: Server) -> None:
        alert = self._board.about(sources.offline(server))
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


class AlertChanges(Queued[Alert]):
    """Gives each alert that changes, as it is then. Made by `Alerts.changes`. To a listener that lags, of each alert the newest."""

    def _make_room(self) -> None:
        newest = {alert.id: alert for alert in self._waiting}
        self._waiting = deque(newest.values())


def _place(alert: Alert) -> tuple[str, str]:
    return alert.subject.endpoint, alert.subject.model


def _asked(request: RequestSummary) -> tuple[str, str]:
    return request.endpoint or "", request.model or ""
