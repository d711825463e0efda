"""One process, one event loop: the page with the API, and the receiver over HTTP and gRPC. Ends all on SIGINT, SIGTERM and SIGHUP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Any, Final

import uvicorn

if TYPE_CHECKING:
    import socket
    from collections.abc import Awaitable, Callable, Coroutine, Iterator

    import grpc

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_GRACE: Final = 0.5
"""Seconds that answers in progress may still take once the end was asked for."""
_KEEP_ALIVE_S: Final = 120
"""How long a connection stays open that nobody uses: longer than OpenTelemetry's SDKs pause between two exports, which are five seconds for
spans and sixty for metrics. uvicorn's own five would close it just as the next batch is sent, and not every exporter sends that again."""


def serve(
    applications: list[tuple[Any, socket.socket]],
    *,
    start_grpc: Callable[[], Awaitable[grpc.aio.Server]] | None,
    beside: Callable[[], Coroutine[Any, Any, None]],
    on_ready: Callable[[], None],
    on_end: Callable[[], None],
    on_ended: Callable[[], Awaitable[None]],
) -> None:
    """Serve each ASGI application on its listening socket, and gRPC, until a signal asks for the end.

    Connections that only wait (browsers, exporters that keep theirs open) are closed at once, answers in progress after half a second.

    Args:
        applications: pairs of an application and the socket it listens on.
        start_grpc: starts a gRPC server in the running event loop; None for none.
        beside: runs in the same event loop as long as something is served.
        on_ready: called once all of them answer.
        on_end: called as soon as the end is asked for; lets go of whoever only waits for something to happen.
        on_ended: awaited, in the same event loop, once nothing is served any more.
    """
    logging.getLogger("uvicorn.error").addFilter(_not_of_the_cut_off)
    servers = [(_Server(_config(application)), sock) for application, sock in applications]
    with asyncio.Runner(loop_factory=servers[0][0].config.get_loop_factory()) as runner:
        runner.run(_serve(servers, start_grpc, beside=beside, on_ready=on_ready, on_end=on_end, on_ended=on_ended))


async def _serve(
    servers: list[tuple[_Server, socket.socket]],
    start_grpc: Callable[[], Awaitable[grpc.aio.Server]] | None,
    *,
    beside: Callable[[], Coroutine[Any, Any, None]],
    on_ready: Callable[[], None],
    on_end: Callable[[], None],
    on_ended: Callable[[], Awaitable[None]],
) -> None:
    ended = asyncio.Event()

    def end(number: int) -> None:
        on_end()
        ended.set()
        for server, _ in servers:
            server.handle_exit(number, None)  # a second SIGINT no longer waits for answers in progress

    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup sets it, for a process that shall stay
            loop.add_signal_handler(number, end, number)
    rpc = await start_grpc() if start_grpc else None
    try:
        async with asyncio.TaskGroup() as group:
            if rpc:
                group.create_task(_stop_after(ended, rpc))
            for server, sock in servers:
                group.create_task(server.serve(sockets=[sock]))
            for server, _ in servers:
                await server.ready.wait()
            group.create_task(_until(ended, beside()))
            on_ready()
    finally:
        await on_ended()


async def _until(ended: asyncio.Event, work: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(work)
    await ended.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _stop_after(ended: asyncio.Event, rpc: grpc.aio.Server) -> None:
    await ended.wait()
    await rpc.stop(_GRACE)


class _Server(uvicorn.Server):
    """A server that leaves the signals to its process, which has two of them, and says when it answers."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


def _not_of_the_cut_off(record: logging.LogRecord) -> bool:
    """Keep quiet about requests that were not complete when the grace had passed: their senders are told by the closed connection."""
    cancelled = record.exc_info is not None and isinstance(record.exc_info[1], asyncio.CancelledError)
    return not cancelled and not str(record.msg).startswith("Cancel %s running task")


def _config(application: Any) -> uvicorn.Config:
    config = uvicorn.Config(application, log_config=None, access_log=False, server_header=False, timeout_keep_alive=_KEEP_ALIVE_S)
    # Annotated as int, but used as the timeout of asyncio.wait_for.
    config.timeout_graceful_shutdown = _GRACE  # type: ignore[assignment]
    return config
