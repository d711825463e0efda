"""A loop of our own in a daemon thread, which nothing in the application ever waits for, and what becomes of its failures."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import functools
import logging
import os
import socket
import sys
import threading
import time
import weakref
from typing import TYPE_CHECKING, Any, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

logger: Final = logging.getLogger("venom_otel")

REPORT_AGAIN_S: Final = 60.0

_last_report: dict[str, float] = {}


def report(doing: str) -> None:
    """Log the exception being handled, at most once a minute for each `doing`. Call it only inside an ``except`` block.

    The project's own tests set ``VENOM_OTEL_RAISE_INTERNAL_ERRORS=1``: there it counts as unhandled in its thread, which fails the test.
    """
    if os.environ.get("VENOM_OTEL_RAISE_INTERNAL_ERRORS") == "1":
        threading.excepthook(threading.ExceptHookArgs((*sys.exc_info(), threading.current_thread())))
        return
    now = time.monotonic()
    if now - _last_report.get(doing, -REPORT_AGAIN_S) >= REPORT_AGAIN_S:
        _last_report[doing] = now
        logger.warning(
            "venom_otel failed while %s; the application is not affected. Please report it.",
            doing,
            exc_info=True,  # noqa: LOG014 - callers are except blocks
        )


async def in_daemon_thread(function: Callable[[], T]) -> T:
    """Run something that may block in a thread of its own.

    Unlike the threads of an executor, which the interpreter joins when it exits, a daemon thread that never comes back delays nobody.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(set_outcome: Callable[[Any], None], outcome: Any) -> None:
        if not future.done():
            set_outcome(outcome)

    def run() -> None:
        set_outcome: Callable[[Any], None] = future.set_result
        outcome: Any
        try:
            outcome = function()
        except Exception as error:
            set_outcome, outcome = future.set_exception, error
        with contextlib.suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            loop.call_soon_threadsafe(settle, set_outcome, outcome)

    threading.Thread(target=run, name="venom-otel-identity-blocking", daemon=True).start()
    return await future


class Loop(asyncio.SelectorEventLoop):
    """An event loop in a daemon thread.

    It inherits nothing from the code that starts it or gives it work: neither context variables nor a loop policy.

    Args:
        name: the thread's name.
        doing: what it is for, to end the sentence "venom_otel failed while …".
    """

    def __init__(self, name: str = "venom-otel-identity", doing: str = "finding out who is behind an endpoint") -> None:
        super().__init__()
        self.set_exception_handler(functools.partial(_report_failure, doing))
        self._clean = contextvars.Context()
        self._transports_made: weakref.WeakSet[asyncio.BaseTransport] = weakref.WeakSet()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def begin(self) -> None:
        """Start the thread.

        Raises:
            RuntimeError: no thread can be started, as there are too many or the interpreter is about to exit.
        """
        self._thread.start()

    def give(self, function: Callable[..., object], *args: Any) -> bool:
        """Have something run in the loop, from any thread and also within a finaliser; False where the loop has ended."""
        try:
            self.call_soon_threadsafe(function, *args, context=self._clean)
        except RuntimeError:
            return False
        return True

    def end(self, timeout: float) -> None:
        """Cancel what is running and end the thread; wait for that at most `timeout` seconds."""
        if self.give(self.stop) and self._thread is not threading.current_thread() and self._thread.is_alive():
            self._thread.join(timeout)

    async def getaddrinfo(
        self,
        host: Any,
        port: Any,
        *,
        family: int = 0,
        type: int = 0,  # noqa: A002 - its name in asyncio
        proto: int = 0,
        flags: int = 0,
    ) -> Any:
        """Look a name up. Name servers may take half a minute to be given up: not in a thread that holds up the interpreter's exit."""
        return await in_daemon_thread(lambda: socket.getaddrinfo(host, port, family, type, proto, flags))

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        """Connect, and remember it: anyio loses a connection whose waiter is cancelled at the moment it is there, and never closes it."""
        transport, protocol = await super().create_connection(*args, **kwargs)
        self._transports_made.add(transport)
        return transport, protocol

    def _run(self) -> None:
        try:
            self.run_forever()
            self.run_until_complete(self._tidy_up())
        finally:
            self.close()

    async def _tidy_up(self) -> None:
        while tasks := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.sleep(0)  # anyio's tasks warn of what they never awaited if they are cancelled before their first step
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        await self.shutdown_asyncgens()
        for transport in self._transports_made:
            transport.abort()  # type: ignore[attr-defined] # every transport of a connection has it
        await asyncio.sleep(0)  # for what closing them has scheduled


def _report_failure(doing: str, _: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    try:
        raise context.get("exception") or RuntimeError(context["message"])
    except Exception:
        report(doing)
