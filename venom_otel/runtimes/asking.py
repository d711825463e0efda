"""Asking one server: several questions at once, under one deadline, each remembered with what came of it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

import httpx
from opentelemetry.instrumentation.utils import suppress_instrumentation

from venom_otel.identity import asking, fingerprints, hosts, wire
from venom_otel.identity.endpoint import root
from venom_otel.identity.model import UNKNOWN
from venom_otel.runtimes import words
from venom_otel.runtimes.failures import Failure, explain, timed_out, unusable_proxy
from venom_otel.runtimes.model import Exchange, Reading, Reason, ServedModel, State

if TYPE_CHECKING:
    from types import TracebackType

    from venom_otel.identity.fingerprints import Reply
    from venom_otel.identity.model import Identity
    from venom_otel.runtimes.model import Runtime

MAX_BODY_BYTES: Final = 4 * 1024 * 1024
"""A cloud's list of models may have thousands; of what is longer the beginning is read."""

FIRST: Final = 0.5
"""The part of a look's time for a question on which the others wait."""

SLOW_S: Final = 1.0
"""A question that asks for no work and is answered later than this tells of a server in trouble."""

_NOT_OFFERED: Final = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})
_LEAST_S: Final = 0.05
"""With less time left, nothing more is asked."""


@dataclass(eq=False, slots=True)
class Heard:
    """One question, and what came of it: a reply, or a failure."""

    path: str
    url: str
    reply: Reply | None = None
    failure: Failure | None = None
    seconds: float = 0.0
    verdict: str = ""
    """What was concluded from it, in words."""

    @property
    def status(self) -> int | None:
        """The reply's status; None where none came."""
        return self.reply.status if self.reply is not None else None

    @property
    def body(self) -> bytes:
        """The reply's body; empty where none came."""
        return self.reply.body if self.reply is not None else b""

    def json(self) -> Any:
        """The body of a 200, or None where it is no JSON."""
        return self.reply.json() if self.reply is not None else None

    def header(self, name: bytes) -> str:
        """A header of the reply by its name in lower case; empty where there is none."""
        return (self.reply.header(name) or "") if self.reply is not None else ""


class Client:
    """Asks a runtime; an async context manager for one look at it. Nothing here raises for what a server or the network does.

    Its key goes with each question, to its own origin; redirects are answers like others. The environment's proxies and certificate
    authorities hold. No question makes a span.
    """

    def __init__(self, runtime: Runtime, deadline_s: float) -> None:
        self.runtime = runtime
        self.heard: list[Heard] = []
        """All that was asked so far."""
        self.identity: Identity = UNKNOWN
        """Who it is, as far as `who` has found out."""
        self._limit_s = deadline_s
        self._began = 0.0
        self._way: httpx.AsyncHTTPTransport | None = None
        self._unusable: Failure | None = None
        self._secrets = tuple(filter(None, [runtime.secret]))
        self._credentials = {"authorization": f"Bearer {runtime.secret}"} if runtime.secret else {}

    async def __aenter__(self) -> Self:
        self._began = asyncio.get_running_loop().time()
        try:
            self._way = wire.transport(self.runtime.endpoint)
        except (ImportError, ValueError) as error:
            self._unusable = unusable_proxy(error)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._way is not None:
            await self._way.aclose()

    @property
    def shows_key(self) -> bool:
        """Whether there is a key that goes with the questions."""
        return bool(self._credentials)

    async def ask(self, *paths: str, share: float = 1.0) -> list[Heard]:
        """GET paths below the server's root, all at once; one `Heard` for each, in their order, at the deadline at the latest.

        Args:
            paths: with a slash at the beginning.
            share: the part of the time until the deadline, counted from the beginning of the look, after which nobody waits any more.
        """
        asked = [Heard(path, root(self.runtime.endpoint) + path) for path in paths]
        self.heard.extend(asked)
        with suppress_instrumentation():
            await asyncio.gather(*(self._get(one, self._limit_s * share) for one in asked))
        return asked

    async def who(self) -> Identity:
        """Who the server is: by the replies that came so far, a known public name, or else by more questions."""
        replies = {one.path: one.reply for one in self.heard}
        found = fingerprints.identify(replies)
        if found == UNKNOWN and not self.runtime.endpoint.is_local:
            found = hosts.by_host(self.runtime.endpoint.host) or UNKNOWN
        left = self._began + self._limit_s - asyncio.get_running_loop().time()
        if found == UNKNOWN and left > _LEAST_S:
            credentials = dict(self._credentials)
            started = time.monotonic()
            try:
                async with asyncio.timeout(left):
                    found = (await asking.ask(self.runtime.endpoint, lambda: credentials)).identity
            except TimeoutError:
                found = UNKNOWN
            self._note_who(found, time.monotonic() - started)
        self.identity = found
        return found

    def reading(
        self,
        state: State = State.READY,
        reason: Reason | None = None,
        cause: str | None = None,
        *,
        main: Heard,
        version: str | None = None,
        models: tuple[ServedModel, ...] = (),
        running: int | None = None,
        waiting: int | None = None,
        memory_bytes: int | None = None,
        cache_usage: float | None = None,
    ) -> Reading:
        """What this look brought. A `ready` whose main question took long becomes `degraded`.

        Args:
            state: what the replies say.
            reason: why it is not ready.
            cause: the same in words.
            main: the question on which the state rests.
            version: the server's own word; where it is None, what finding out who it is has brought.
            models: what it has.
            running: requests.
            waiting: requests.
            memory_bytes: of the loaded models.
            cache_usage: from 0 to 1.
        """
        if state is State.READY and main.seconds > SLOW_S:
            state, reason = State.DEGRADED, Reason.SLOW
            cause = f"it answers slowly: {main.seconds:.1f} s for {main.path}, which is no work; the machine is overloaded, or far away"
        return Reading(
            state=state,
            reason=reason,
            cause=self.shown(cause, None) if cause is not None else None,
            latency_s=main.seconds if main.reply is not None else None,
            version=version or (self.identity.version if reason is not Reason.WRONG_SERVER else None),
            models=models,
            requests_running=running,
            requests_waiting=waiting,
            memory_bytes=memory_bytes,
            cache_usage=cache_usage,
            identity=self.identity if self.identity != UNKNOWN else None,
            exchanges=self.exchanges(),
        )

    def exchanges(self) -> tuple[Exchange, ...]:
        """All that was asked, for people."""
        return tuple(
            Exchange(f"GET {one.url}", one.status, self._reply_in_words(one), one.seconds, self.shown(one.verdict or _plainly(one), None))
            for one in self.heard
        )

    def shown(self, text: str, limit: int | None = words.SHOWN) -> str:
        """A text as `words.shown` has it, without the server's key."""
        return words.shown(text, self._secrets, limit)

    async def _get(self, one: Heard, limit_s: float) -> None:
        if self._way is None:
            one.failure = self._unusable
            return
        started = time.monotonic()
        endpoint = self.runtime.endpoint
        connected = False

        async def trace(step: str, _: object) -> None:
            nonlocal connected
            connected = connected or step == "connection.connect_tcp.complete" or step.startswith("http11.")

        try:
            async with asyncio.timeout_at(self._began + limit_s):
                one.reply = await wire.get(self._way, one.url, self._credentials, max_bytes=MAX_BODY_BYTES, trace=trace)
        except TimeoutError:
            one.failure = timed_out(endpoint, limit_s, connected=connected)
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            one.failure = explain(error, endpoint, wire.proxy(endpoint))
        one.seconds = time.monotonic() - started

    def _reply_in_words(self, one: Heard) -> str:
        if one.reply is None:
            return self.shown(one.failure.words, None) if one.failure is not None else "(several replies)"
        return self.shown(one.body[: 2 * words.READ].decode("utf-8", "replace")) or "(empty)"

    def _note_who(self, found: Identity, seconds: float) -> None:
        """One line for all the questions of `identity`, which keeps their replies to itself."""
        one = Heard("", f"{root(self.runtime.endpoint)} (a handful of addresses that tell model servers apart)", seconds=seconds)
        who = " behind ".join(filter(None, (found.provider if found.provider != UNKNOWN.provider else None, found.gateway)))
        one.verdict = f"it is {who}" if who else "no model server known here says who it is"
        self.heard.append(one)


def _plainly(one: Heard) -> str:
    """What a reply says by its status alone, where nobody has concluded more."""
    if one.reply is None:
        return "nothing can be concluded"
    if one.reply.status in _NOT_OFFERED:
        return "it does not offer this"
    if one.reply.status in words.REFUSED:
        return "refused"
    if one.reply.status == HTTPStatus.SERVICE_UNAVAILABLE:
        return "not now"
    return "answered" if one.reply.status == HTTPStatus.OK else "of no use"
