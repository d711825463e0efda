"""Asks a running cockpit's API; what goes wrong becomes one line of words."""

from __future__ import annotations

import json
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Self

import httpx

from venom_otel.cli.running import Running, data_dir
from venom_otel.errors import CockpitError, SettingsError
from venom_otel.settings import CockpitSettings, load

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

_REQUESTS: Final = "/api/v1/history/requests"
_TIMEOUT_S: Final = 10.0
_STREAM_TIMEOUT: Final = httpx.Timeout(_TIMEOUT_S, read=45.0)
"""A stream of events says every 15 s that it lives."""
_ATTEMPTS: Final = 3
"""To go on with a stream that broke off."""
_PAUSE_S: Final = 0.5

Query = dict[str, str | int | list[str]]


class ServerSent(NamedTuple):
    """A server-sent event."""

    name: str
    id: str
    data: dict[str, Any]


class Client:
    """A cockpit's API at `url`. A context manager.

    Args:
        url: the cockpit's address.
        token: what writing asks for; None for one that only reads.
    """

    def __init__(self, url: str, token: str | None = None) -> None:
        self._url = url.rstrip("/")
        # Never through a proxy: a cockpit is on this machine or the network at hand.
        self._http = httpx.Client(trust_env=False, timeout=_TIMEOUT_S)
        self._authorized = {"Authorization": f"Bearer {token}"} if token else {}

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
        return self._body(self._ask("GET", path, params=query, timeout=_TIMEOUT_S + wait_s), holding)

    def send(self, method: str, path: str, body: dict[str, Any] | None = None, *, holding: str) -> dict[str, Any]:
        """What the API answers to a request that writes, with the token.

        Raises:
            CockpitError: as for `requests`.
        """
        return self._body(self._ask(method, path, json=body, headers=self._authorized, timeout=_TIMEOUT_S), holding)

    def follow(self, path: str) -> Iterator[ServerSent]:
        """Events of an operation, at its `links.stream`: progress, and at last the one named `finished`. Goes on where it breaks off.

        Raises:
            CockpitError: the cockpit no longer answers.
        """
        known, attempts = "", 0
        while True:
            headers = {"Last-Event-ID": known} if known else {}
            try:
                with self._http.stream("GET", f"{self._url}{path}", headers=headers, timeout=_STREAM_TIMEOUT) as reply:
                    if not reply.is_success:
                        reply.read()
                        self._body(reply, "nothing")
                    for event in server_sent(reply.iter_lines()):
                        known, attempts = event.id or known, 0
                        yield event
                        if event.name == "finished":
                            return
            except httpx.TransportError:
                pass
            attempts += 1
            if attempts >= _ATTEMPTS:
                raise CockpitError(
                    f"the cockpit at {self._url} no longer answers. What was begun may go on: `venom-otel runtimes` says how the "
                    "servers are."
                )
            time.sleep(_PAUSE_S)

    def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        try:
            return self._http.request(method, f"{self._url}{path}", **more)
        except httpx.TransportError as error:
            raise CockpitError(
                f"no cockpit answers at {self._url} ({error}). Start one with `venom-otel up`, or name another with --url."
            ) from None
        except httpx.InvalidURL as error:
            raise CockpitError(f"--url {self._url}: {error}. It must look like http://127.0.0.1:8765.") from None

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


def cockpit_address(url: str | None) -> str:
    """What `--url` says, else the cockpit that runs on this machine's data, else where one would be.

    Raises:
        SettingsError: it says no address.
    """
    if url:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"--url {url}: it must look like http://127.0.0.1:8765.")
        return url
    settings = load(CockpitSettings)
    running = Running.find(data_dir(settings))
    return running.page if running is not None else f"http://{settings.host}:{settings.port}"


def server_sent(lines: Iterable[str]) -> Iterator[ServerSent]:
    """The events in the lines of a stream (https://html.spec.whatwg.org/multipage/server-sent-events.html), as far as ours need it."""
    fields: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name:
            fields[name] = value.removeprefix(" ")
        elif not line:
            if "data" in fields:
                yield ServerSent(fields.get("event", "message"), fields.get("id", ""), json.loads(fields["data"]))
            fields.clear()
