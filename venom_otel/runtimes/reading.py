"""One look at one server, by the adapter of its provider: always a reading, never an exception."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Final

from venom_otel.runtimes.asking import Client
from venom_otel.runtimes.model import Reading, Reason, State
from venom_otel.runtimes.registry import adapter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from venom_otel.runtimes.model import Runtime

logger: Final = logging.getLogger("venom_otel")

DEADLINE_S: Final = 3.0
"""For everything that is asked of one server in one look."""

GRACE_S: Final = 0.5
"""For an adapter to put its reading together, after the deadline for its questions."""


async def read(runtime: Runtime, *, deadline_s: float = DEADLINE_S) -> Reading:
    """Look at a server; comes back within `deadline_s` and half a second. Call it for several servers at once.

    An adapter that fails, which one of another package may, makes a reading that says so.
    """
    client = Client(runtime, deadline_s)
    try:
        async with _limit(deadline_s), client:
            found = await adapter(runtime.provider).read(client, runtime)
            if not isinstance(found, Reading):
                raise TypeError(f"a Reading is wanted, not {type(found).__qualname__}")
            return found
    except Exception as error:  # whatever an adapter does: one server's trouble must not hide the others
        logger.warning("the adapter of %s failed: %s", runtime.provider, type(error).__qualname__)
        logger.debug("how", exc_info=True)
        cause = f"the adapter of {runtime.provider} failed ({type(error).__qualname__}); please report it to who made it"
        return Reading(State.UNREACHABLE, Reason.INTERNAL, cause, exchanges=client.exchanges())


@contextlib.asynccontextmanager
async def _limit(deadline_s: float) -> AsyncIterator[None]:
    """Raise TimeoutError `GRACE_S` after the deadline: from when it is noticed, for where the machine stood still nobody else is late."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        deadline = loop.call_later(deadline_s, lambda: limit.reschedule(loop.time() + GRACE_S))
        try:
            yield
        finally:
            deadline.cancel()
