"""What the start page is made of."""

from __future__ import annotations

from typing import Protocol


class Part(Protocol):
    """One browser's look at one thing: built once, then kept true."""

    def build(self) -> None:
        """Build it where the page is at this moment, still empty."""

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this."""
