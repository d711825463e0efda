"""Who answered last: the header's mark, one for the process, the same in every open page."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel import semconv
from venom_otel.cockpit import texts, theme, views
from venom_otel.errors import StoreError
from venom_otel.store.protocol import RequestFilter, RequestStatus

if TYPE_CHECKING:
    from venom_otel.services.history import History
    from venom_otel.store.protocol import RequestSummary

_PAUSE: Final = 0.5
"""Seconds between two looks at what has arrived; more changes than two a second nobody can read."""


class Answering:
    """Follows the history and shows the last request that a model really answered."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._last: RequestSummary | None = None

    async def follow(self) -> None:
        """Keep every open page's mark true; runs until it is cancelled."""
        with self._history.changes() as changes:
            await self._look()
            async for _ in changes:
                await self._look()
                await asyncio.sleep(_PAUSE)

    async def _look(self) -> None:
        try:
            page = await self._history.requests(RequestFilter(status=RequestStatus.COMPLETED), limit=1)
        except StoreError:
            return  # the mark stays as it is; what is wrong is said where the list is
        last = page.items[0] if page.items else None
        before, self._last = self._last, last
        if _who(last) != _who(before):
            self.mark.refresh()

    @ui.refreshable_method
    def mark(self) -> None:
        """Provider, model and endpoint of the last answer."""
        with ui.element("div").classes("answering").tooltip(texts.ANSWERING_HELP) as box:
            box.props("role=status")
            ui.label(texts.ANSWERING).classes("answering-label")
            last = self._last
            if last is None:
                ui.label(texts.NOBODY_ANSWERED).classes("answering-none")
                return
            provider = last.provider or semconv.PROVIDER_UNKNOWN
            ui.label(provider).classes("provider").style(theme.provider_mark(last.provider))
            ui.label(last.response_model or last.model or texts.UNKNOWN_MODEL).classes("answering-model")
            ui.label(views.short_endpoint(last.endpoint)).classes("answering-endpoint")


def _who(request: RequestSummary | None) -> tuple[str | None, ...] | None:
    return (request.provider, request.model, request.response_model, request.endpoint) if request is not None else None
