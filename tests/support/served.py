"""ASGI applications and the gRPC receiver on real sockets, in a thread of this process."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import threading
import time
from typing import TYPE_CHECKING, Any

import uvicorn
from support.patience import WAIT_S

from venom_otel.receiver import start_grpc

if TYPE_CHECKING:
    from collections.abc import Iterator

    from venom_otel.receiver import IngestService


@contextlib.contextmanager
def served(application: Any, send_buffer: int | None = None) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1; gives the base URL.

    Args:
        application: what is served.
        send_buffer: bytes that the system takes for a reader who does not read; as it likes where not said.
    """
    with socket.create_server(("127.0.0.1", 0)) as listening:
        if send_buffer is not None:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, send_buffer)
        config = uvicorn.Config(
            application,
            log_config=None,
            access_log=False,
            ws="websockets-sansio",
            timeout_graceful_shutdown=2,
            timeout_keep_alive=round(WAIT_S),
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="served")
        thread.start()
        try:
            deadline = time.monotonic() + WAIT_S
            while not server.started:
                assert thread.is_alive(), "the server ended while starting"
                assert time.monotonic() < deadline, "the server did not start"
                thread.join(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(WAIT_S)


@contextlib.contextmanager
def served_grpc(service: IngestService) -> Iterator[str]:
    """Serve on a free port of 127.0.0.1; gives `host:port`."""
    started: queue.SimpleQueue[tuple[str, asyncio.AbstractEventLoop, asyncio.Event]] = queue.SimpleQueue()

    async def serve() -> None:
        reserved = socket.socket()
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        reserved.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{reserved.getsockname()[1]}"
        server = await start_grpc(service, reserved)
        ended = asyncio.Event()
        started.put((address, asyncio.get_running_loop(), ended))
        await ended.wait()
        await server.stop(0.5)

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="served-grpc")
    thread.start()
    address, loop, ended = started.get(timeout=WAIT_S)
    try:
        yield address
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(WAIT_S)
