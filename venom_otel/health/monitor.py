"""Looks at every model server again and again, in a thread of its own, which neither waits for the program's work nor delays it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from concurrent.futures import Future
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Self, TypeVar

from opentelemetry.instrumentation.utils import suppress_instrumentation

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.health.condition import Now, follow
from venom_otel.identity.background import Loop, report
from venom_otel.runtimes import reading, registry
from venom_otel.runtimes.model import Reading, Reason, State, Status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
    from types import TracebackType

    from venom_otel.health.condition import Condition
    from venom_otel.runtimes.model import Runtime

T = TypeVar("T")

FIND_S: Final = 30.0
"""Seconds between two searches for servers that nobody named."""
DOUBT_S: Final = 1.0
"""Seconds until a server is looked at again that has missed a look."""
END_S: Final = 0.5
"""The most that `Monitor.close` waits for its thread."""

logger: Final = logging.getLogger("venom_otel")


@dataclass(frozen=True, slots=True)
class Server:
    """A server and what is known of it."""

    runtime: Runtime
    condition: Condition
    reading: Reading
    """The newest."""
    checked_ns: int
    """When it was made, in nanoseconds since the epoch."""
    probe_s: float
    """How long it took; `reading.latency_s` is the server's own part."""


@dataclass(frozen=True, slots=True)
class Look:
    """A look at a server, as listeners are told of it."""

    server: Server
    before: Condition | None
    """None for the first."""

    @property
    def changed(self) -> bool:
        """Whether its state is another one than before."""
        return self.before is None or self.before.state is not self.server.condition.state


class Monitor:
    """Knows how every server is.

    Each server is looked at by itself, so that one that hangs delays no other; never twice at a time; and not more often than its
    adapter allows. Those that nobody named are searched for, and stay from when they were first seen. A context manager; all methods may
    be called from any thread.

    Args:
        find: every server there is now, as `runtimes.finding.find`.
        interval_s: seconds between two looks at one server.
        read: one look, as `runtimes.reading.read`, which sets the deadline and never raises.
        least_interval_s: seconds that must lie between two looks at a server; its adapter's word by default.
        meant: whether a server that has just gone offline was told to; asked in the monitor's own thread.
    """

    def __init__(
        self,
        find: Callable[[], Awaitable[Iterable[Runtime]]],
        *,
        interval_s: float,
        read: Callable[[Runtime], Awaitable[Reading]] = reading.read,
        least_interval_s: Callable[[Runtime], float] = lambda runtime: registry.adapter(runtime.provider).least_interval_s,
        meant: Callable[[Runtime], bool] = lambda _: False,
    ) -> None:
        self._find = find
        self._read = read
        self._interval_s = interval_s
        self._least_interval_s = least_interval_s
        self._meant = meant
        self._loop = Loop("venom-otel-monitor", "watching the model servers")
        self._watches: dict[str, _Watch] = {}
        self._found = asyncio.Event()
        self._servers: tuple[Server, ...] = ()
        self._listeners: tuple[Callable[[Look], None], ...] = ()
        self._subscribing = threading.Lock()
        self._finding: asyncio.Task[None] | None = None

    def __enter__(self) -> Self:
        self._loop.begin()
        self._loop.give(self._begin)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Stop; looks that are under way are given up."""
        self._loop.end(END_S)

    def servers(self) -> Sequence[Server]:
        """What is known now, at once: the servers that have been looked at, in the order of the settings."""
        return self._servers

    def look(self, max_age_s: float | None = None) -> Future[None]:
        """Look at those servers that nobody has looked at yet, or for longer than `max_age_s`; the future tells when it is done.

        A look that is under way already will do; a server that must not be looked at so often is left as it is.
        """
        return self._run(self._look_at_old(max_age_s)) or _done(None)

    def look_anew(self, name: str) -> Future[Server | None]:
        """Look at one server now, whenever that was done last; the future gives what is known then, None where there is none of that name.

        A look that is under way already will not do, for it may tell of what was before; the new one follows it.
        """
        return self._run(self._look_at_one(name)) or _done(next((each for each in self._servers if each.runtime.name == name), None))

    def subscribe(self, listener: Callable[[Look], None]) -> Callable[[], None]:
        """Call `listener` after each look, from the monitor's own thread; it must return at once.

        Returns:
            What ends the subscription; calling it twice does no harm.
        """
        with self._subscribing:
            self._listeners = (*self._listeners, listener)

        def unsubscribe() -> None:
            with self._subscribing:
                self._listeners = tuple(each for each in self._listeners if each is not listener)

        return unsubscribe

    def _run(self, looking: Coroutine[Any, Any, T]) -> Future[T] | None:
        """In the monitor's own loop; None where that is closed."""
        try:
            return asyncio.run_coroutine_threadsafe(looking, self._loop)
        except RuntimeError:
            looking.close()
            return None

    def _begin(self) -> None:
        self._finding = self._loop.create_task(self._keep_finding())

    async def _keep_finding(self) -> None:
        """Search for servers, again and again, and watch each that is new."""
        complained = False
        while True:
            try:
                with suppress_instrumentation():
                    runtimes = await self._find()
                for runtime in runtimes:
                    self._take(runtime)
            except SettingsError as error:
                if not complained:
                    logger.warning("venom_otel: no model server is watched: %s", error)
                complained = True
            except Exception:
                report("searching for model servers")
            self._found.set()
            await asyncio.sleep(FIND_S)

    def _take(self, runtime: Runtime) -> None:
        url = runtime.endpoint.url
        known = self._watches.get(url)
        if known is not None and (known.runtime == runtime or runtime.provider == semconv.PROVIDER_UNKNOWN):
            return  # one that does not answer now does not say again who it is
        for other in [each for each in self._watches.values() if each.runtime.name == runtime.name or each is known]:
            other.end()
            del self._watches[other.runtime.endpoint.url]
            self._publish()
        watch = _Watch(runtime, self._interval_s, self._least_s(runtime))
        self._watches[url] = watch
        watch.watching = self._loop.create_task(self._keep_looking(watch))

    def _least_s(self, runtime: Runtime) -> float:
        """What its adapter says, which may be another package's and say nothing of use: then the server is looked at as others are."""
        try:
            return float(self._least_interval_s(runtime))
        except Exception:
            report("asking an adapter how often its servers may be looked at")
            return self._interval_s

    async def _keep_looking(self, watch: _Watch) -> None:
        while True:
            watch.rescheduled.clear()
            pause = watch.due_s - time.monotonic()
            if pause <= 0:
                try:
                    await self._look(watch)
                except Exception:
                    report("noting how a model server is")
                    watch.due_s = time.monotonic() + self._interval_s
                continue
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await watch.rescheduled.wait()  # somebody else has looked meanwhile

    def _look(self, watch: _Watch) -> asyncio.Future[None]:
        """The look that is under way, or a new one. Giving up waiting for it does not end it."""
        if watch.looking is None or watch.looking.done():
            watch.looking = self._loop.create_task(self._look_now(watch))
        return asyncio.shield(watch.looking)

    async def _look_now(self, watch: _Watch) -> None:
        began = time.monotonic()
        try:
            with suppress_instrumentation():
                found = await self._read(watch.runtime)
        except Exception:  # a mistake of ours; a server must not stay for ever as it was seen last
            report("looking at a model server")
            found = Reading(State.UNREACHABLE, Reason.INTERNAL, "venom-otel failed while looking at it; its log says how")
        ended, now_ns = time.monotonic(), time.time_ns()
        before = watch.server.condition if watch.server is not None else None
        fallen = before is not None and before.status is Status.ONLINE and found.state.status is Status.OFFLINE
        condition = follow(before, found, Now(ended, now_ns), meant=fallen and self._was_meant(watch.runtime))
        watch.server = Server(watch.runtime, condition, found, now_ns, ended - began)
        watch.looked(began, ended, in_doubt=condition.in_doubt)
        self._publish()
        for listener in self._listeners:
            try:
                listener(Look(watch.server, before))
            except Exception:
                report("telling how a model server is")

    def _was_meant(self, runtime: Runtime) -> bool:
        try:
            return self._meant(runtime)
        except Exception:
            report("asking whether a model server was told to stop")
            return False

    def _publish(self) -> None:
        self._servers = tuple(watch.server for watch in self._watches.values() if watch.server is not None)

    async def _look_at_old(self, max_age_s: float | None) -> None:
        await self._found.wait()
        now = time.monotonic()
        old = [watch for watch in self._watches.values() if watch.is_older(max_age_s, now)]
        if old:
            await asyncio.wait([self._look(watch) for watch in old])

    async def _look_at_one(self, name: str) -> Server | None:
        await self._found.wait()
        if (watch := self._named(name)) is not None and watch.looking is not None:
            await asyncio.wait([watch.looking])
        if (watch := self._named(name)) is None:
            return None
        await asyncio.wait([self._look(watch)])
        return watch.server

    def _named(self, name: str) -> _Watch | None:
        return next((watch for watch in self._watches.values() if watch.runtime.name == name), None)


def _done(result: T) -> Future[T]:
    future: Future[T] = Future()
    future.set_result(result)
    return future


class _Watch:
    """One server that is watched; belongs to the monitor's thread."""

    def __init__(self, runtime: Runtime, interval_s: float, least_interval_s: float) -> None:
        self.runtime = runtime
        self.server: Server | None = None
        self.watching: asyncio.Task[None] | None = None
        self.looking: asyncio.Task[None] | None = None
        self.due_s = 0.0
        """When to look next, on the monotonic clock."""
        self.rescheduled = asyncio.Event()
        self._looked_s = 0.0
        self._interval_s = interval_s
        self._least_interval_s = least_interval_s

    def looked(self, began_s: float, ended_s: float, *, in_doubt: bool) -> None:
        """Note a look."""
        self._looked_s = ended_s
        usual_s, soon_s = began_s + self._interval_s, ended_s + DOUBT_S
        self.due_s = max(began_s + self._least_interval_s, min(usual_s, soon_s) if in_doubt else usual_s)
        self.rescheduled.set()

    def is_older(self, max_age_s: float | None, now: float) -> bool:
        """Whether it was never looked at, or for longer than that and than its adapter demands."""
        if self.server is None:
            return True
        return max_age_s is not None and now - self._looked_s > max(max_age_s, self._least_interval_s)

    def end(self) -> None:
        """Look no more."""
        for task in (self.watching, self.looking):
            if task is not None:
                task.cancel()
