"""Questions over HTTP to a server that keeps telemetry: bounded in time and size, each failure in words."""

from __future__ import annotations

import asyncio
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar

import httpx

from venom_otel.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

T = TypeVar("T")

QUESTION_S: Final = 20.0
"""A question is given up after so many seconds."""
REPLY_BYTES: Final = 32 * 1024 * 1024
"""Largest reply that is read."""
CONNECT_S: Final = 3.0
_MAX_WORDS: Final = 300
_THREADS: Final = 4


class ReplyTooLargeError(StoreError):
    """There is more in a reply than is read at once; ask for less."""


class Backend:
    """Asks one server for JSON, from any thread.

    Args:
        url: its root; a user and password in it are sent as basic authentication.
        kind: what it is, for messages.
        variable: the setting that its address comes from.
        example: an address, for messages.

    Raises:
        SettingsError: it is no address.
    """

    def __init__(self, url: str, *, kind: str, variable: str, example: str) -> None:
        try:
            address = httpx.URL(url.strip().rstrip("/"))
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.scheme not in ("http", "https") or not address.host:
            raise SettingsError(f"{variable}: an address such as `{example}` is needed")
        self.name: Final = f"{kind} at {address.copy_with(userinfo=b'')}"
        """What messages call it."""
        self._kind = kind
        self._variable = variable
        self._address = address
        self._threads = ThreadPoolExecutor(_THREADS, f"venom-otel-{kind.lower()}")
        self._http = httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=8, max_keepalive_connections=4))

    async def run(self, work: Callable[[float], T]) -> T:
        """Ask in a thread of its own; the argument is when it must be over, for `get`.

        Raises:
            StoreError: it is closed, or as `work` does.
        """
        try:
            future = self._threads.submit(lambda: work(time.monotonic() + QUESTION_S))
        except RuntimeError:  # what an executor says after its end
            raise StoreError(f"{self.name} is not asked any more") from None
        return await asyncio.wrap_future(future)

    def get(self, path: str, params: Mapping[str, str | int], until: float, *, or_nothing: bool = False) -> dict[str, Any]:
        """The object that it answers.

        Args:
            path: below the root, with a slash in front.
            params: of the query.
            until: when the question is given up, by `time.monotonic()`.
            or_nothing: a 404 says that there is nothing, and not that the address is wrong: the object is then empty.

        Raises:
            ReplyTooLargeError: the reply has more than `REPLY_BYTES`.
            StoreError: it cannot be reached, refuses, takes too long, or answers what is no JSON object.
        """
        left = until - time.monotonic()
        if left <= 0:
            raise self._too_slow()
        try:
            with self._http.stream(
                "GET", f"{self._address}{path}", params=params, timeout=httpx.Timeout(left, connect=min(left, CONNECT_S))
            ) as reply:
                body = self._read(reply, until)
        except httpx.TimeoutException as error:
            raise self._too_slow() from error
        except httpx.RequestError as error:
            raise StoreError(f"{self.name} cannot be reached ({error}): check {self._variable} and whether it runs.") from error
        except RuntimeError as error:  # what a closed client says
            raise StoreError(f"{self.name} is not asked any more") from error
        if or_nothing and reply.status_code == httpx.codes.NOT_FOUND:
            return {}
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not reply.is_success:
            words = said["error"] if isinstance(said, dict) and isinstance(said.get("error"), str) else body.decode("utf-8", "replace")
            words = words.strip()[:_MAX_WORDS]
            raise StoreError(f"{self.name} answers {reply.status_code} {reply.reason_phrase}" + (f": {words}" if words else "."))
        if not isinstance(said, dict):
            raise StoreError(f"{self.name} answers what is no JSON object: check that {self._variable} is {self._kind}'s HTTP address.")
        return said

    def close(self) -> None:
        """Let running questions end and release the connections."""
        self._threads.shutdown(wait=True, cancel_futures=True)
        self._http.close()

    def _read(self, reply: httpx.Response, until: float) -> bytes:
        """The body, whose parts may each come in time and yet never end."""
        body = bytearray()
        for part in reply.iter_bytes():
            body += part
            if len(body) > REPLY_BYTES:
                raise ReplyTooLargeError(f"{self.name} answers more than {REPLY_BYTES // 1_048_576} MiB at once")
            if time.monotonic() > until:
                raise self._too_slow()
        return bytes(body)

    def _too_slow(self) -> StoreError:
        return StoreError(f"{self.name} does not answer in time: ask for a shorter range, or see why it is slow.")
