"""Which model really answered last, by what is stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from venom_otel.errors import StoreError

if TYPE_CHECKING:
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary


class LastAnswered:
    """Tells the newest request that succeeded, and its model; remembers it where the store fails."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: RequestSummary | None = None

    def __call__(self) -> tuple[str, str, str] | None:
        """The model, as `who` says it; for a thread without an event loop."""
        return who(asyncio.run(self.now()))

    async def now(self) -> RequestSummary | None:
        """The request; None where no model that has a name has answered."""
        try:
            newest = await self._history.answered_last()
        except StoreError:
            return self._known
        self._known = newest if newest is not None and (newest.response_model or newest.model) else None
        return self._known


def who(request: RequestSummary | None) -> tuple[str, str, str] | None:
    """Model, provider and endpoint of a request; None for none."""
    if request is None:
        return None
    return (request.response_model or request.model or "", request.provider or "", request.endpoint or "")
