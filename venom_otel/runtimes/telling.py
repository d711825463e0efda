"""Telling one server to do something: a request that changes it, whose answer may take long, and whose failure is said in words."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Final, cast

import httpx
from opentelemetry.instrumentation.utils import suppress_instrumentation

from venom_otel.errors import ActionError
from venom_otel.identity import wire
from venom_otel.identity.endpoint import root
from venom_otel.runtimes import words
from venom_otel.runtimes.failures import explain, place, timed_out, unusable_proxy
from venom_otel.runtimes.fields import mapping
from venom_otel.runtimes.judging import about_the_key
from venom_otel.runtimes.model import Reason
from venom_otel.runtimes.names import label

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator

    from venom_otel.runtimes.model import Runtime

CONNECT_S: Final = 5.0
"""For a connection to be made; what it is for may take longer."""

MAX_LINE_BYTES: Final = 1024 * 1024
"""Of one line of a streamed answer, and of an answer that is read whole."""


class Answer:
    """What a server answers, while it still may."""

    def __init__(self, runtime: Runtime, response: httpx.Response, silence_s: float) -> None:
        self.runtime = runtime
        self.status = response.status_code
        self._response = response
        self._silence_s = silence_s

    def why(self, said: str) -> str:
        """Why it is an error, in words: what the server says of it (see `said`), and where it is about a key, what to set."""
        if self.status in words.REFUSED:
            return about_the_key(self.runtime, self.status, said, showed=bool(self.runtime.secret))
        return f"{self.status}: {said or 'without a word'}"

    async def lines(self) -> AsyncGenerator[dict[str, Any], None]:
        """Each line of the answer as an object of JSON, as it comes; other lines are left out. Ends with the answer.

        Raises:
            ActionError: it breaks off, or the server falls silent.
        """
        rest = b""
        with self._in_words():
            async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())) as pieces:
                async for piece in pieces:
                    *whole, rest = (rest + piece).split(b"\n")
                    for line in whole:
                        if found := _object(line):
                            yield found
                    if len(rest) > MAX_LINE_BYTES:
                        raise ActionError(f"what {place(self.runtime.endpoint)} answers makes no sense: a line of more than a megabyte")
        if found := _object(rest):
            yield found

    async def said(self) -> str:
        """The server's own words on an error, without credentials: the message in its JSON, else the answer's beginning."""
        body = b""
        with self._in_words():
            async with contextlib.aclosing(cast("AsyncGenerator[bytes, None]", self._response.aiter_raw())) as pieces:
                async for piece in pieces:
                    body += piece
                    if len(body) > MAX_LINE_BYTES:
                        break
        return shown(words.message(body), self.runtime)

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        try:
            yield
        except httpx.ReadTimeout:
            where = place(self.runtime.endpoint)
            raise ActionError(f"{where} has said nothing for {self._silence_s:g} s: it hangs, or its machine is gone") from None
        except (httpx.HTTPError, OSError) as error:
            failure = explain(error, self.runtime.endpoint, wire.proxy(self.runtime.endpoint))
            raise ActionError(f"it broke off: {failure.words}") from None


@contextlib.asynccontextmanager
async def tell(runtime: Runtime, method: str, path: str, body: dict[str, Any], *, silence_s: float) -> AsyncIterator[Answer]:
    """Send a request to a server; leaving the context closes the connection, whether the answer has come to its end or not.

    Proxies, certificate authorities and the key are those with which the server is looked at. Nothing of it makes a span.

    Args:
        runtime: who is told.
        method: of HTTP.
        path: below the server's root.
        body: sent as JSON.
        silence_s: how long the server may say nothing at all; there is no limit for the whole.

    Raises:
        ActionError: it cannot be reached, or says nothing; the message says what to do.
    """
    endpoint = runtime.endpoint
    try:
        way = wire.transport(endpoint)
    except (ImportError, ValueError) as error:
        raise ActionError(unusable_proxy(error).words) from None
    limits = httpx.Timeout(silence_s, connect=CONNECT_S)
    async with contextlib.aclosing(way):
        try:
            request = httpx.Request(
                method,
                root(endpoint) + path,
                json=body,
                headers={
                    **({"authorization": f"Bearer {runtime.secret}"} if runtime.secret else {}),
                    "accept": "application/json, application/x-ndjson, */*",
                    "accept-encoding": "identity",
                    "user-agent": "venom-otel",
                },
                extensions={"timeout": limits.as_dict()},
            )
            with suppress_instrumentation():
                response = await way.handle_async_request(request)
        except httpx.TimeoutException as error:
            connected = not isinstance(error, httpx.ConnectTimeout)
            raise ActionError(timed_out(endpoint, silence_s if connected else CONNECT_S, connected=connected).words) from None
        except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
            failure = explain(error, endpoint, wire.proxy(endpoint))
            hint = f": start {label(runtime.provider)} first" if failure.reason is Reason.REFUSED else ""
            raise ActionError(f"{failure.words}{hint}") from None
        try:
            yield Answer(runtime, response, silence_s)
        finally:
            await response.aclose()


def shown(text: str, runtime: Runtime) -> str:
    """A server's words as `words.shown` has them, without its key."""
    return words.shown(text, filter(None, [runtime.secret]))


def _object(line: bytes) -> dict[str, Any]:
    """A line of JSON; empty for one that is none."""
    try:
        return mapping(json.loads(line))
    except (ValueError, RecursionError):
        return {}
