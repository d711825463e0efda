"""Where a browser's list stands: its filters are the address's query, and the browser's back and forth move between them."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from nicegui import ui

from venom_otel.cockpit.history.filters import PATH, Filters

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nicegui.sub_pages_router import SubPagesRouter


_HOME: Final = "/"


class ListAddress:
    """The list's address, one for each browser; it is kept while a trace is shown, so that the way back leads to the same list.

    The start page has a list too: `back` leads to whichever the reader came from.
    """

    def __init__(self, router: SubPagesRouter) -> None:
        self.filters = Filters()
        self._from_home = False
        self._listener: Callable[[Filters], None] | None = None
        self._moved(router.current_path)
        router.on_path_changed(self._moved)

    @property
    def href(self) -> str:
        """Where the list stands."""
        return self.filters.address()

    @property
    def back(self) -> str:
        """The way back from a trace: to the list, or to the start page if the reader was there last."""
        return _HOME if self._from_home else self.href

    def go(self, filters: Filters) -> None:
        """Show these filters in the address bar; while the reader types one search, no step of it is a place to come back to."""
        before, self.filters = self.filters, filters
        if before.text and filters.text and before.text != filters.text:
            ui.navigate.history.replace(self.href)
        else:
            ui.navigate.history.push(self.href)

    @contextlib.contextmanager
    def followed(self, listener: Callable[[Filters], None]) -> Iterator[None]:
        """Tell `listener` where the browser moves the list."""
        self._listener = listener
        try:
            yield
        finally:
            if self._listener == listener:
                self._listener = None

    def _moved(self, path: str) -> None:
        place = urlsplit(path).path
        if place in (_HOME, PATH):
            self._from_home = place == _HOME
        if place != PATH:
            return
        before, self.filters = self.filters, Filters.from_address(path)
        if self._listener is not None and self.filters != before:
            self._listener(self.filters)
