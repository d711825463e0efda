"""Questions to Tempo over HTTP: bounded in time and size, each failure in words.

https://grafana.com/docs/tempo/latest/api_docs/
"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any, Final

import httpx

from venom_otel.errors import SettingsError, StoreError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE: Final = "VENOM_OTEL_TEMPO_URL"
REPLY_BYTES: Final = 32 * 1024 * 1024
"""Largest reply that is read."""
CONNECT_S: Final = 3.0
_MAX_WORDS: Final = 300


class ReplyTooLargeError(StoreError):
    """There is more in a reply than is read at once; ask for less."""


class TempoClient:
    """Asks one Tempo, from any thread.

    Args:
        url: its root, where `/api/search` lies below; a user and password in it are sent as basic authentication.

    Raises:
        SettingsError: it is no address.
    """

    def __init__(self, url: str) -> None:
        try:
            address = httpx.URL(url.strip().rstrip("/"))
        except httpx.InvalidURL:
            address = httpx.URL()
        if address.scheme not in ("http", "https") or not address.host:
            raise SettingsError(f"{VARIABLE}: an address such as `http://localhost:3200` is needed")
        self.name: Final = f"Tempo at {address.copy_with(userinfo=b'')}"
        """What messages call it."""
        self._address = address
        self._http = httpx.Client(trust_env=False, limits=httpx.Limits(max_connections=8, max_keepalive_connections=4))

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
            raise StoreError(f"{self.name} cannot be reached ({error}): check {VARIABLE} and whether it runs.") from error
        except RuntimeError as error:  # what a closed client says
            raise StoreError(f"{self.name} is not asked any more") from error
        if or_nothing and reply.status_code == httpx.codes.NOT_FOUND:
            return {}
        if not reply.is_success:
            words = body.decode("utf-8", "replace").strip()[:_MAX_WORDS]
            raise StoreError(f"{self.name} answers {reply.status_code} {reply.reason_phrase}" + (f": {words}" if words else "."))
        try:
            said = json.loads(body)
        except (ValueError, RecursionError):
            said = None
        if not isinstance(said, dict):
            raise StoreError(f"{self.name} answers what is no JSON object: check that {VARIABLE} is Tempo's HTTP address.")
        return said

    def close(self) -> None:
        """Release its connections."""
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
