"""A server of the test's own process, on a real socket and in a thread with a loop of its own.

So a test may block, cancel or collect its own loop's tasks as it likes.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from abc import ABC, abstractmethod
from typing import Self

from support.patience import WAIT_S


class AsyncServer(ABC):
    """Serves on a free port of 127.0.0.1 while its context is open; then breaks off what is still connected."""

    def __init__(self, name: str) -> None:
        """`name` is its thread's."""
        self.port = 0
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    @property
    def url(self) -> str:
        """The server's root, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(WAIT_S):
            raise TimeoutError(f"the {self._thread.name} does not start")
        return self

    def __exit__(self, *exc: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)

    @abstractmethod
    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection to its end; that it breaks off may be raised."""

    def break_off(self) -> None:
        """End every connection, from any thread; new ones are served."""
        self._loop.call_soon_threadsafe(self._break_off)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        # Python 3.11 loses a connection that is being accepted while the server is closed: first let none come any more.
        self._loop.remove_reader(server.sockets[0].fileno())
        await asyncio.sleep(0)
        while under_way := asyncio.all_tasks() - {asyncio.current_task()}:
            self._break_off()
            await asyncio.wait(under_way, timeout=0.01)
        server.close()

    def _break_off(self) -> None:
        for writer in self._connections.values():
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections[task] = writer
        try:
            await self.talk(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the client, or the test's end, closed the connection
        finally:
            del self._connections[task]
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()


def reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with an RST: the client has an error, not an end of file."""
    sock = writer.get_extra_info("socket")
    if sock is not None:
        with contextlib.suppress(OSError):  # it has ended already
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
