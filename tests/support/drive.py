"""How an application uses a chat service: by a call or a stream, to the end or not. Each act runs against bare and recorded services."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from semantic_kernel.connectors.ai.function_choice_behavior import FunctionChoiceBehavior
from semantic_kernel.functions import kernel_function
from support.app import history, settings_for
from support.patience import WAIT_S

if TYPE_CHECKING:
    from semantic_kernel import Kernel
    from support.app import Seen
    from support.chat_server import ChatServer


@dataclass
class Target:
    """Whom an act calls, and how."""

    connector: str
    service: Any
    kernel: Kernel
    server: ChatServer | None
    stream: bool
    override: str | None = None

    def settings(self, **more: Any) -> Any:
        """The settings of a request."""
        return settings_for(self.connector, **({"ai_model_id": self.override} if self.override else {}), **more)


Act = Callable[["Target", "Seen"], Awaitable[None]]


class Clock:
    """A plugin with a function that takes nothing, so that its result is the same each time."""

    @kernel_function
    def time(self) -> str:
        """Tell the time."""
        return "noon"


async def plain(target: Target, seen: Seen) -> None:
    """Call and wait, or read the stream to its end."""
    await _ask(target, seen, target.settings())


async def tools(target: Target, seen: Seen) -> None:
    """Let the model call a function on the way."""
    target.kernel.add_plugin(Clock(), "clock")
    await _ask(target, seen, target.settings(function_choice_behavior=FunctionChoiceBehavior.Auto()))


async def early_break(target: Target, seen: Seen) -> None:
    """Break out of a stream after two chunks, as `async for … break` does, and keep nothing of it."""
    count = 0
    async for chunk in _stream(target):
        seen.take(chunk)
        seen.look()
        count += 1
        if count == 2:
            break
    del chunk


async def aclose(target: Target, seen: Seen) -> None:
    """Close a stream after two chunks."""
    stream = _stream(target)
    seen.take(await anext(stream))
    seen.take(await anext(stream))
    await stream.aclose()


async def garbage_collected(target: Target, seen: Seen) -> None:
    """Lose a stream after two chunks in a reference cycle, which only the garbage collector finds."""
    stream = _stream(target)
    seen.take(await anext(stream))
    seen.take(await anext(stream))
    cycle: list[Any] = [stream]
    cycle.append(cycle)
    del stream, cycle
    gc.collect()


async def cancelled(target: Target, seen: Seen) -> None:
    """Cancel the task that waits for an answer, or for the third chunk of a stream."""
    two = asyncio.Event()

    async def wait() -> None:
        if not target.stream:
            seen.take(await _call(target, target.settings()))
            return
        async for chunk in _stream(target):
            seen.take(chunk)
            seen.look()
            if len(seen.results) == 2:
                two.set()

    task = asyncio.create_task(wait())
    assert target.server is not None
    [request] = await asyncio.to_thread(target.server.wait_for, 1)
    assert await asyncio.to_thread(request.paused.wait, WAIT_S)
    if target.stream:
        await two.wait()
    task.cancel()
    await task


async def _ask(target: Target, seen: Seen, settings: Any) -> None:
    asked = history()
    try:
        if target.stream:
            async for chunk in target.service.get_streaming_chat_message_contents(asked, settings, kernel=target.kernel):
                seen.take(chunk)
                seen.look()
        else:
            seen.take(await target.service.get_chat_message_contents(asked, settings, kernel=target.kernel))
    finally:
        seen.history = [message.model_dump() for message in asked.messages]


def _stream(target: Target) -> Any:
    return target.service.get_streaming_chat_message_contents(history(), target.settings(), kernel=target.kernel)


async def _call(target: Target, settings: Any) -> Any:
    return await target.service.get_chat_message_contents(history(), settings, kernel=target.kernel)
