"""The switch of a list that takes what arrives: on, off by the reader's wish, or held while the reader is in the list."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit.texts import feed as texts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class LiveSwitch:
    """One list's switch.

    Args:
        on_resume: shows at once what has waited.
    """

    def __init__(self, on_resume: Callable[[], Awaitable[object]]) -> None:
        self._on_resume = on_resume
        self._off = False
        self._holds: set[str] = set()
        self.running = asyncio.Event()
        """Set while the list takes what arrives."""
        self.running.set()

    def build(self) -> None:
        """Build the button."""
        with ui.button(on_click=self._press, color=None).props("flat dense no-caps").classes("live") as self._button:
            self._tip = ui.tooltip()
        self._show()

    def holds_within(self, element: ui.element) -> None:
        """Hold the list while the pointer or the keyboard is in `element`: what one reaches for must not move away.

        A focus that does not show is left from a click or given back by a page, and holds nothing.
        """
        for what, begin, end, begins in (
            ("pointer", "mouseenter", "mouseleave", "() => emit()"),
            ("focus", "focusin", "focusout", "(event) => { if (event.target.matches(':focus-visible')) emit(); }"),
        ):
            element.on(begin, lambda what=what: self._hold(what), js_handler=begins)
            element.on(end, lambda what=what: self._release(what), js_handler="() => emit()")

    def tell(self, waiting: int) -> None:
        """Say how many requests wait while it is not running."""
        if not self.running.is_set():
            self._button.text = texts.waiting(waiting)

    async def _press(self) -> None:
        self._off = not self._off
        await self._settle()

    async def _hold(self, what: str) -> None:
        self._holds.add(what)
        await self._settle()

    async def _release(self, what: str) -> None:
        self._holds.discard(what)
        await self._settle()

    async def _settle(self) -> None:
        running = not self._off and not self._holds
        if running == self.running.is_set():
            self._show()
        elif running:
            self.running.set()
            self._show()
            await self._on_resume()
        else:
            self.running.clear()
            self._show()

    def _show(self) -> None:
        paused = not self.running.is_set()
        if not paused or texts.PAUSED not in self._button.text:  # else it says how many wait
            self._button.text = texts.PAUSED if paused else texts.LIVE
        self._tip.text = texts.PAUSED_HELP if self._off else texts.HELD_HELP if paused else texts.LIVE_HELP
        self._button.props(f"aria-pressed={str(self._off).lower()}")
        self._button.classes(add="is-paused" if paused else "", remove="" if paused else "is-paused")
