"""Where a browser's list stands: its filters are the address's query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from venom_otel.cockpit.address import PageAddress
from venom_otel.cockpit.history.filters import PATH, Filters

if TYPE_CHECKING:
    from nicegui.sub_pages_router import SubPagesRouter


_HOME: Final = "/"


class ListAddress(PageAddress[Filters]):
    """The list's address, one for each browser; it is kept while a trace is shown, so that the way back leads to the same list.

    The start page has a list too: `back` leads to whichever the reader came from.
    """

    def __init__(self, router: SubPagesRouter) -> None:
        self._from_home = False
        super().__init__(PATH, Filters, router)

    @property
    def href(self) -> str:
        """Where the list stands."""
        return self.chosen.address()

    @property
    def back(self) -> str:
        """The way back from a trace: to the list, or to the start page if the reader was there last."""
        return _HOME if self._from_home else self.href

    def _is_a_step(self, before: Filters, after: Filters) -> bool:
        """While the reader types one search, no step of it is a place to come back to."""
        return not (before.text and after.text and before.text != after.text)

    def _moved(self, path: str) -> None:
        place = urlsplit(path).path
        if place in (_HOME, PATH):
            self._from_home = place == _HOME
        super()._moved(path)
