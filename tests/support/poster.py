"""POST requests by the thousand: no more of HTTP/1.1 than a test needs, since a whole client costs ten times the server."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    """By name in lower case."""
    body: bytes


class Poster:
    """Some connections to one server, each used by one request at a time."""

    def __init__(self, host: str, connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]]) -> None:
        self._host = host
        self._free: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
        for connection in connections:
            self._free.put_nowait(connection)

    async def post(self, path: str, body: bytes, media_type: str) -> Answer:
        """Send a request and wait for its answer; raises OSError or EOFError where the server is gone."""
        reader, writer = await self._free.get()
        try:
            head = f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
            first, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").strip().split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            return Answer(int(first.split()[1]), headers, await reader.readexactly(int(headers["content-length"])))
        finally:
            self._free.put_nowait((reader, writer))


@contextlib.asynccontextmanager
async def poster(url: str, connections: int = 8) -> AsyncIterator[Poster]:
    """To the server at `http://host:port`."""
    host, _, port = url.removeprefix("http://").partition(":")
    opened = [await asyncio.open_connection(host, int(port)) for _ in range(connections)]
    try:
        yield Poster(host, opened)
    finally:
        for _, writer in opened:
            writer.close()
        for _, writer in opened:
            with contextlib.suppress(OSError):
                await writer.wait_closed()
