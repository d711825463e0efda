"""One look at one server, by the adapter of its provider: always a reading, never an exception."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from venom_otel.runtimes.model import Reading, Runtime

DEADLINE_S: Final = 3.0
"""For everything that is asked of one server in one look."""


async def read(runtime: Runtime, *, deadline_s: float = DEADLINE_S) -> Reading:
    """Look at a server; comes back within `deadline_s`. Call it for several servers at once.

    Raises:
        NotImplementedError: until the adapters are here.
    """
    raise NotImplementedError
