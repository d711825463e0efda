"""A proxy between a browser and a cockpit: it counts connections by what they were opened for, and cuts them where a test wants it.

with Between(cockpit.port) as between:
    between.url; between.open_for("/api/v1/events"); between.cut("/stream")
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from dataclasses import dataclass, field

from support.async_server import AsyncServer, reset

ASKED = re.compile(rb"(?:^|\r\n)(?:GET|POST|DELETE) (\S+) HTTP/1\.1\r\n")
LAST = re.compile(rb"\r\nlast-event-id: ([^\r]*)\r\n", re.IGNORECASE)
CHUNK = 65536
SIGN_OF_LIFE = b"8\r\n: ping\n\n\r\n"
"""What a stream sends while it has nothing to tell, as a chunk."""


@dataclass(eq=False)
class Connection:
    """One that the browser has opened. `paths` are what was asked on it, the newest last; `after` the Last-Event-ID of each, or empty."""

    client: asyncio.StreamWriter
    paths: list[str] = field(default_factory=list)
    after: list[str] = field(default_factory=list)
    received: int = 0
    """Bytes that went to the browser since it asked last."""


class Between(AsyncServer):
    """Hands everything on to a port of 127.0.0.1.

    Args:
        port: the cockpit's.
        limits: paths that end so, and how many bytes their answers may have before the connection is reset; a test may change it.
    """

    def __init__(self, port: int, limits: dict[str, int] | None = None) -> None:
        super().__init__("proxy")
        self.limits = limits or {}
        self.silent = False
        """Whether signs of life are kept back; a test may set it."""
        self.asked: list[tuple[str, str]] = []
        """Every path that was asked, and the Last-Event-ID that came with it."""
        self._target = port
        self._open: set[Connection] = set()

    def open_for(self, path: str) -> int:
        """Connections that are open now and were asked for `path` last."""
        return sum(1 for each in list(self._open) if each.paths and each.paths[-1].endswith(path))

    def times(self, path: str) -> int:
        """How often something was asked."""
        return sum(1 for asked, _ in list(self.asked) if asked.endswith(path))

    def cut(self, path: str) -> None:
        """Reset the connections that were asked for `path` last."""
        for each in list(self._open):
            if each.paths and each.paths[-1].endswith(path):
                self._loop.call_soon_threadsafe(reset, each.client)

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(writer)
        self._open.add(connection)
        with contextlib.suppress(OSError):
            try:
                ours, theirs = await asyncio.open_connection("127.0.0.1", self._target)
            except OSError:
                reset(writer)
            else:
                there = asyncio.ensure_future(self._there(connection, reader, theirs))
                back = asyncio.ensure_future(self._back(connection, ours, writer))
                await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
                for each in (there, back):
                    each.cancel()
                await asyncio.gather(there, back, return_exceptions=True)
                theirs.transport.abort()
        self._open.discard(connection)
        writer.transport.abort()

    async def _there(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            for path in ASKED.findall(data):
                after = LAST.search(data)
                connection.paths.append(path.decode())
                connection.received = 0
                self.asked.append((path.decode(), after[1].decode() if after else ""))
            writer.write(data)
            await writer.drain()

    async def _back(self, connection: Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(CHUNK):
            if self.silent:
                data = data.replace(SIGN_OF_LIFE, b"")
            path = connection.paths[-1] if connection.paths else ""
            limit = next((limit for end, limit in self.limits.items() if path.endswith(end)), None)
            if limit is not None and connection.received + len(data) > limit:
                writer.write(data[: limit - connection.received])
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1):
                        await writer.drain()
                writer.transport.close()  # a reset would take back what the browser has not read yet
                return
            connection.received += len(data)
            writer.write(data)
            await writer.drain()
