"""Asks a running cockpit's API; what goes wrong becomes one line of words."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Self

import httpx

from venom_otel.errors import CockpitError

if TYPE_CHECKING:
    from types import TracebackType

_REQUESTS: Final = "/api/v1/history/requests"
_TIMEOUT_S: Final = 10.0

Query = dict[str, str | int | list[str]]


class Client:
    """A cockpit's API at `url`. A context manager."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        # Never through a proxy: a cockpit is on this machine or the network at hand.
        self._http = httpx.Client(trust_env=False, timeout=_TIMEOUT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._http.close()

    def requests(self, query: Query, *, wait_s: float = 0) -> dict[str, Any]:
        """One page of requests, as the API's `Requests` has it.

        Args:
            query: the API's parameters.
            wait_s: how long the cockpit may hold the answer back until there is one to give; only with `after`.

        Raises:
            CockpitError: nothing answers there, or it is no cockpit, or it refuses; the message says what to do.
        """
        return self.get(_REQUESTS, query | {"wait": int(wait_s)} if wait_s else query, holding="items", wait_s=wait_s)

    def get(self, path: str, query: Query | None = None, *, holding: str, wait_s: float = 0) -> dict[str, Any]:
        """What the API answers at `path`; what does not hold a field `holding` is no answer of ours.

        Raises:
            CockpitError: as for `requests`.
        """
        try:
            reply = self._http.get(f"{self._url}{path}", params=query, timeout=_TIMEOUT_S + wait_s)
        except httpx.TransportError as error:
            raise CockpitError(
                f"no cockpit answers at {self._url} ({error}). Start one with `venom-otel up`, or name another with --url."
            ) from None
        except httpx.InvalidURL as error:
            raise CockpitError(f"--url {self._url}: {error}. It must look like http://127.0.0.1:8765.") from None
        return self._body(reply, holding)

    def _body(self, reply: httpx.Response, holding: str) -> dict[str, Any]:
        try:
            body = reply.json()
        except ValueError:
            body = None
        if reply.is_success and isinstance(body, dict) and holding in body:
            return body
        detail = body.get("detail") if isinstance(body, dict) else None
        problem = reply.headers.get("content-type", "").startswith("application/problem+json")
        if isinstance(detail, str) and (problem or reply.status_code != HTTPStatus.NOT_FOUND):
            raise CockpitError(f"the cockpit at {self._url} answers: {detail}")
        raise CockpitError(
            f"what answers at {self._url} is no venom-otel cockpit (HTTP {reply.status_code}). Name the right one with --url."
        )
