"""The address of a page with choices: they are its query, and the browser's back and forth move between them."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Generic, Protocol, Self, TypeVar
from urllib.parse import urlsplit

from nicegui import ui

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from nicegui.sub_pages_router import SubPagesRouter


class Choices(Protocol):
    """What a reader chose on a page."""

    @classmethod
    def from_address(cls, address: str) -> Self:
        """Read an address's query; what is unknown or cannot be used counts as not said."""

    def address(self) -> str:
        """Where the page shows these."""


C = TypeVar("C", bound=Choices)


class PageAddress(ABC, Generic[C]):
    """One page's address, one for each browser; it is kept while another page is shown.

    Args:
        path: the page's.
        choices: what its query says.
        router: knows where the browser is.
    """

    def __init__(self, path: str, choices: type[C], router: SubPagesRouter) -> None:
        self._path = path
        self._choices = choices
        self.chosen: C = choices.from_address("")
        """What is chosen now."""
        self._listener: Callable[[C], None] | None = None
        self._moved(router.current_path)
        router.on_path_changed(self._moved)

    def go(self, chosen: C) -> None:
        """Show this in the address bar."""
        before, self.chosen = self.chosen, chosen
        if self._is_a_step(before, chosen):
            ui.navigate.history.push(chosen.address())
        else:
            ui.navigate.history.replace(chosen.address())

    @contextlib.contextmanager
    def followed(self, listener: Callable[[C], None]) -> Iterator[None]:
        """Tell `listener` where the browser moves the page."""
        self._listener = listener
        try:
            yield
        finally:
            if self._listener == listener:
                self._listener = None

    @abstractmethod
    def _is_a_step(self, before: C, after: C) -> bool:
        """Whether what was chosen before is a place to come back to."""

    def _moved(self, path: str) -> None:
        """The browser went somewhere."""
        if urlsplit(path).path != self._path:
            return
        before, self.chosen = self.chosen, self._choices.from_address(path)
        if self._listener is not None and self.chosen != before:
            self._listener(self.chosen)
