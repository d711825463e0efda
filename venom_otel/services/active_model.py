"""Which model really answered last, by what is stored."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from venom_otel.errors import StoreError
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from venom_otel.services.history import History


class LastAnswered:
    """Tells the model of the newest request that succeeded; remembers it where the store fails."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._known: tuple[str, str, str] | None = None

    def __call__(self) -> tuple[str, str, str] | None:
        """See `now`; for a thread without an event loop."""
        return asyncio.run(self.now())

    async def now(self) -> tuple[str, str, str] | None:
        """Model, provider and endpoint; None where none has answered."""
        try:
            page = await self._history.requests(RequestFilter(status=RequestStatus.COMPLETED), 1)
        except StoreError:
            return self._known
        self._known = None
        for request in page.items:
            model = request.response_model or request.model
            if model is not None:
                self._known = (model, request.provider or "", request.endpoint or "")
        return self._known
