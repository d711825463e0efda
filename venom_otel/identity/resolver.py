"""Finds out who is behind each endpoint, away from every call's path.

What is known lies in one dictionary that calls read. Everything else, asking, waiting and calling back, happens in one loop in a daemon
thread, which starts with the first endpoint that has to be asked; where all are configured or known public hosts, it never does. Each
method may also be called from a finaliser, at any moment: nothing here waits for a lock that the interrupted code might hold.
"""

from __future__ import annotations

import asyncio
import importlib
import os
import threading
import time
import weakref
from typing import TYPE_CHECKING, Final

from venom_otel.identity import hosts
from venom_otel.identity.asked import Asked, Promise
from venom_otel.identity.background import Loop, in_daemon_thread, report
from venom_otel.identity.configured import Configured, parse_providers
from venom_otel.identity.model import UNKNOWN, Endpoint, Identity, ReplyMarks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

__all__ = ["HttpResolver", "parse_providers"]

GUESS_AFTER_S: Final = 1.8
"""Less than the 2 s promised, more than asking may take."""

RECHECK_S: Final = 300.0
RECHECK_UNKNOWN_S: Final = 60.0

MAX_ENDPOINTS: Final = 1024
"""An application that makes up base URLs without end has the first ones asked; the others stay unknown."""

JOIN_S: Final = 1.0


class HttpResolver:
    """Knows who is behind an endpoint, or finds it out over HTTP; `model.Resolver` has each method's contract."""

    def __init__(
        self,
        providers: Mapping[str, str] | None = None,
        *,
        aliases: str = "",
        recheck_s: float = RECHECK_S,
        guess_after_s: float = GUESS_AFTER_S,
    ) -> None:
        """Make a resolver; nothing starts yet.

        Args:
            providers: what the user says, by service id, URL or `host:port`; see `parse_providers`.
            aliases: the setting `VENOM_OTEL_SERVER_ALIASES`, for addresses in `providers`.
            recheck_s: seconds until a server is asked again; an unknown one after a minute at most.
            guess_after_s: seconds after which `when_known` calls back with the best guess.

        Raises:
            SettingsError: `providers` or `aliases` cannot be used.
        """
        self._configured = Configured(providers or {}, aliases=aliases)
        self._recheck_s = recheck_s
        self._guess_after_s = guess_after_s
        self._known: dict[str, Identity] = {}
        self._asked: dict[str, Asked] = {}
        self._promises: set[Promise] = set()
        self._starting = threading.RLock()
        self._loop: Loop | None = None
        self._inherited: list[Loop] = []
        self._closed = False
        _resolvers.add(self)

    # -- from any thread, never blocking ---------------------------------------------------------------------------------------------

    def configured(self, endpoint: Endpoint | None, service_id: str | None) -> Identity | None:
        """What the user says of this service or address, if anything."""
        found = self._configured.of_service(service_id) if service_id is not None else None
        if found is None and endpoint is not None:
            found = self._configured.of_address(endpoint)
        return found

    def known(self, endpoint: Endpoint, service_id: str | None = None) -> Identity | None:
        """The identity where it is already known, else None."""
        if service_id is not None:
            found = self._configured.of_service(service_id)
            if found is not None:
                return found
        url = endpoint.url
        found = self._known.get(url)
        if found is not None or url in self._asked:
            return found
        return self._without_asking(endpoint)

    def start(self, endpoint: Endpoint, headers: Callable[[], dict[str, str]] | None = None) -> None:
        """Begin to ask, once per endpoint."""
        asked = self._asked.get(endpoint.url)
        if asked is None:
            if self.known(endpoint) is None and not self._closed:
                self._give(self._schedule, self._asked.setdefault(endpoint.url, Asked(endpoint, headers)))
        elif headers is not None and (asked.headers is None or asked.refused):  # another service, whose key may do
            asked.headers = headers
            if asked.refused:
                asked.refused = False
                self._give(self._ask, asked)

    def when_known(self, endpoint: Endpoint, service_id: str | None, callback: Callable[[Identity], None]) -> None:
        """Call back from another thread when the identity is known, or with the best guess in time."""
        deadline = time.monotonic() + self._guess_after_s
        known = self.known(endpoint, service_id)
        if known is None:
            self.start(endpoint)
        promise = Promise(self._asked.get(endpoint.url), callback)
        self._promises.add(promise)
        given = self._give(self._wait, promise, deadline) if known is None else self._give(self._keep, promise, known)
        if not given or self._closed:
            self._keep(promise, known or promise.guess)

    def observed(self, endpoint: Endpoint, marks: ReplyMarks) -> None:
        """Note that a reply came, and its marks."""
        asked = self._asked.get(endpoint.url)
        if asked is None or (asked.explains(marks) and self._loop is not None):
            return
        known = self._known.get(endpoint.url)
        if known is not None and asked.doubts(marks, known, time.monotonic()):
            self._known.pop(endpoint.url, None)
            self._give(self._ask, asked)
        elif self._loop is None:  # in a child process, where the loop has to be started again
            self._give(self._schedule, asked)

    def unreachable(self, endpoint: Endpoint) -> None:
        """Note that the endpoint could not be reached."""
        asked = self._asked.get(endpoint.url)
        if asked is not None:
            asked.down = True

    def _without_asking(self, endpoint: Endpoint) -> Identity | None:
        """What configuration or a public host's name proves, kept for the next time; unknown where no more can be asked."""
        found = self._configured.of_address(endpoint) or (None if endpoint.is_local else hosts.by_host(endpoint.host))
        if len(self._known) >= MAX_ENDPOINTS:
            return found or UNKNOWN
        if found is not None:
            self._known[endpoint.url] = found
        return found

    # -- waiting and ending ----------------------------------------------------------------------------------------------------------

    def drain(self, timeout: float) -> None:
        """Wait, at most `timeout` seconds, until every callback promised so far has run."""
        deadline = time.monotonic() + timeout
        for promise in list(self._promises):
            promise.done.wait(max(0.0, deadline - time.monotonic()))

    def close(self) -> None:
        """Stop asking; waiting callbacks run with the best guess."""
        self._closed = True
        loop, self._loop = self._loop, None
        if loop is not None:
            loop.end(JOIN_S)
        for promise in list(self._promises):
            self._keep(promise, promise.guess)

    def forget_process(self) -> None:
        """In a child process: forget the parent's thread, what it had under way and what it has promised; what is known stays."""
        self._starting = threading.RLock()
        if self._loop is not None:  # its selector is shared with the parent: never touch it again, nor have it freed
            self._inherited.append(self._loop)
            self._loop = None
        self._promises = set()
        for asked in self._asked.values():
            asked.forget_process()

    # -- the loop --------------------------------------------------------------------------------------------------------------------

    def _give(self, function: Callable[..., object], *args: object) -> bool:
        """Have something run in the loop's thread, started where there is none yet; False where that cannot be."""
        if self._closed:
            return False
        loop = self._loop or self._begin()
        return loop is not None and loop.give(function, *args)

    def _begin(self) -> Loop | None:
        with self._starting:
            current = self._loop
            if current is not None:
                return current
            loop = Loop()
            if self._loop is not None:  # a finaliser was quicker, in this very thread
                loop.close()
                return self._loop
            self._loop = loop
            try:
                loop.begin()
            except RuntimeError:  # too many threads, or the interpreter is about to exit
                self._loop = None
                loop.close()
                report("starting the thread that asks servers who they are")
                return None
        for asked in list(self._asked.values()):  # those of the parent process, in a child
            loop.give(self._schedule, asked)
        return loop

    # -- in the loop's thread --------------------------------------------------------------------------------------------------------

    def _ask(self, asked: Asked) -> None:
        if asked.task is not None:
            asked.again = True
            return
        if self._closed:
            return
        if asked.timer is not None:
            asked.timer.cancel()
        asked.task = asyncio.get_running_loop().create_task(self._asking(asked))

    async def _asking(self, asked: Asked) -> None:
        try:
            asking = await in_daemon_thread(lambda: importlib.import_module("venom_otel.identity.asking"))  # brings the HTTP client
            asked.take(await asking.ask(asked.endpoint, asked.headers), time.monotonic())
        except Exception:
            report("asking a server who it is")
        finally:
            asked.task = None
        self._known[asked.endpoint.url] = asked.guess
        waiting, asked.waiting = asked.waiting, []
        for promise in waiting:
            self._keep(promise, asked.guess)
        if asked.again:
            asked.again = False
            self._ask(asked)
        else:
            self._schedule(asked)

    def _schedule(self, asked: Asked) -> None:
        """Ask again in time, or now where the question is open. Done twice it changes nothing."""
        if asked.task is not None:
            return
        if asked.timer is not None:
            asked.timer.cancel()
        pause = self._recheck_s if asked.identified else min(self._recheck_s, RECHECK_UNKNOWN_S)
        if asked.endpoint.url not in self._known:
            pause = 0.0
        asked.timer = asyncio.get_running_loop().call_later(pause, self._ask, asked)

    def _wait(self, promise: Promise, deadline: float) -> None:
        asked = promise.asked
        known = self._known.get(asked.endpoint.url) if asked is not None else UNKNOWN
        if known is not None or asked is None:
            self._keep(promise, known or UNKNOWN)
            return
        asked.waiting.append(promise)
        remaining = max(0.0, deadline - time.monotonic())
        promise.timer = asyncio.get_running_loop().call_later(remaining, lambda: self._keep(promise, asked.guess))
        if asked.task is None:
            self._ask(asked)

    def _keep(self, promise: Promise, identity: Identity) -> None:
        if promise.timer is not None:
            promise.timer.cancel()
        if promise.keep(identity):
            self._promises.discard(promise)


_resolvers: weakref.WeakSet[HttpResolver] = weakref.WeakSet()


def _in_child() -> None:
    for resolver in list(_resolvers):
        resolver.forget_process()


os.register_at_fork(after_in_child=_in_child)
