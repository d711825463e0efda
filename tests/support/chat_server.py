"""A scripted HTTP server on a real socket: what a chat service's client meets in a test.

A `Persona` answers the questions about who the server is; each POST is answered by the next `Behaviour` of the script, the last one
staying.

    with ChatServer(personas.VLLM) as server:
        server.play(behaviours.status(500), behaviours.ok())
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.async_server import AsyncServer, reset
from support.patience import WAIT_S

if TYPE_CHECKING:
    import asyncio

Behaviour = Callable[["Exchange"], Awaitable[None]]
"""Answers one POST."""

Persona = Callable[[str], tuple[int, str, bytes] | None]
"""Answers a GET's path with status, content type and body; None never answers."""


@dataclass(eq=False)
class Request:
    """One POST as it came, and what became of it. The events can be waited for from any thread."""

    path: str
    headers: dict[str, str]
    body: dict[str, Any]
    query: str = ""
    arrived: threading.Event = field(default_factory=threading.Event)
    paused: threading.Event = field(default_factory=threading.Event)
    """The behaviour has sent what it wanted to and waits for the client to leave."""
    closed_early: threading.Event = field(default_factory=threading.Event)
    """The client closed the connection before the reply was whole."""


class Exchange:
    """What a behaviour has in its hands: the request, and the ways to answer it."""

    def __init__(self, request: Request, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, headers: dict[str, str]) -> None:
        self.request = request
        self._reader = reader
        self._writer = writer
        self._headers = headers

    async def reply(self, status: int, body: Any, content_type: str = "application/json", **headers: str) -> None:
        """Send a whole reply; `body` is text, bytes or something for JSON."""
        data = _encode(body)
        self._head(status, {"content-type": content_type, "content-length": str(len(data)), **headers})
        self._writer.write(data)
        await self._writer.drain()

    async def begin(self, status: int, content_type: str, **headers: str) -> None:
        """Send the head of a stream."""
        self._head(status, {"content-type": content_type, "transfer-encoding": "chunked", **headers})
        await self._writer.drain()

    async def send(self, data: Any) -> None:
        """Send one piece of a stream."""
        piece = _encode(data)
        self._writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        await self._writer.drain()

    async def end(self) -> None:
        """End a stream."""
        self._writer.write(b"0\r\n\r\n")
        await self._writer.drain()

    async def cut(self, status: int, content_type: str, body: Any) -> None:
        """Send half of a reply and reset the connection."""
        data = _encode(body)
        self._head(status, {"content-type": content_type, "content-length": str(len(data))})
        self._writer.write(data[: len(data) // 2])
        await self._writer.drain()
        self.reset()

    def reset(self) -> None:
        """End the connection with an RST: the client has an error, not an end of file."""
        reset(self._writer)
        raise ConnectionResetError

    async def until_closed(self) -> None:
        """Keep silent until the client closes the connection."""
        self.request.paused.set()
        try:
            while await self._reader.read(4096):
                pass
        finally:
            self.request.closed_early.set()
        raise ConnectionResetError

    def _head(self, status: int, headers: dict[str, str]) -> None:
        lines = [f"HTTP/1.1 {status} .", *(f"{name}: {value}" for name, value in {**self._headers, **headers}.items())]
        self._writer.write("\r\n".join([*lines, "", ""]).encode())


class ChatServer(AsyncServer):
    """`requests` are the POSTs, `asked` the paths of the GETs."""

    def __init__(self, persona: Persona, headers: dict[str, str] | None = None) -> None:
        super().__init__("chat server")
        self.requests: list[Request] = []
        self.asked: list[str] = []
        self.headers = headers or {}
        self._persona = persona
        self._script: list[Behaviour] = []
        self._changed = threading.Condition()

    def play(self, *script: Behaviour) -> None:
        """Forget the past; answer the next POSTs by `script`, whose last behaviour stays."""
        with self._changed:
            self._script = list(script)
            self.requests = []

    def wait_for(self, count: int) -> list[Request]:
        """The first `count` POSTs, as soon as they have arrived."""
        with self._changed:
            if not self._changed.wait_for(lambda: len(self.requests) >= count, WAIT_S):
                raise TimeoutError(f"{count} requests expected, {len(self.requests)} came")
            return self.requests[:count]

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await self._answer(reader, writer):
            pass

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        method, path, _ = head[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        path, _, query = path.partition("?")
        if method != "POST":
            self.asked.append(path)
            exchange = Exchange(Request(path, headers, {}), reader, writer, self.headers)
            reply = self._persona(path)
            if reply is None:
                await exchange.until_closed()
            else:
                status, content_type, content = reply
                await exchange.reply(status, content, content_type)
            return True
        request = Request(path, headers, json.loads(body), query)
        with self._changed:
            self.requests.append(request)
            behaviour = self._script[min(len(self.requests), len(self._script)) - 1]
            self._changed.notify_all()
        request.arrived.set()
        await behaviour(Exchange(request, reader, writer, self.headers))
        return True


class ClosedPort:
    """A port that refuses every connection for as long as this object is open."""

    def __init__(self) -> None:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))  # bound, so that nobody else gets it; not listening, so that it refuses
        self.port = self._socket.getsockname()[1]

    @property
    def url(self) -> str:
        """The root of the server that is not there."""
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


def _encode(body: Any) -> bytes:
    if isinstance(body, bytes):
        return body
    return body.encode() if isinstance(body, str) else json.dumps(body).encode()
