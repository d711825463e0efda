"""What is being done with the models of one server: how far it is, step by step, and why it failed if it did."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import theme
from venom_otel.cockpit.asking import done
from venom_otel.cockpit.controls import quiet_button
from venom_otel.cockpit.home.transfer import Transfer, whole_seconds
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.cockpit.words import Words
from venom_otel.runtimes.friendly import friendly_name
from venom_otel.services.figures import SECOND
from venom_otel.services.operations import can_be_cancelled
from venom_otel.state.model import OperationState

if TYPE_CHECKING:
    from venom_otel.runtimes.protocol import Progress
    from venom_otel.services.operations import Operations
    from venom_otel.state.model import Operation, Wanted

PAUSE_S: Final = 0.25
"""Seconds between two steps that are shown: bytes are counted more often than anyone reads."""


class ModelOperation:
    """Shows one operation at a time; the words of one that failed stay until the reader has taken note of them, or the next begins."""

    def __init__(self, operations: Operations, wanted: Wanted) -> None:
        self._operations = operations
        self._operation: Operation | None = None
        self._transfer = Transfer()
        with ui.element("div").classes("model-doing") as self._doing:
            with ui.element("div").classes("model-doing-head"):
                self._what = _who(wanted).classes("model-doing-what")
                self._for = ui.label().classes("muted model-doing-for")
                self._step = Words().classes("muted model-step").props("role=status")
                self._figures = ui.label().classes("model-figures")
                self._cancel = quiet_button(texts.CANCEL, self._give_up)
            self._bar = ui.linear_progress(show_value=False, size="4px", color=None).classes("model-bar")
        with ui.element("div").classes("failure model-failure").props("role=alert") as self._failure:
            with ui.element("div").classes("model-doing-head"):
                self._failed = _who(wanted).classes("failure-words")
                ui.space()
                quiet_button(texts.DISMISS, self._dismiss)
            self._why = Words().classes("model-failure-why")
            with ui.expansion(texts.LAST_LINES).props("dense").classes("model-more") as self._more:
                self._lines = ui.label().classes("model-lines")
        self._doing.set_visibility(False)
        self._failure.set_visibility(False)

    async def follow(self, operation: Operation) -> None:
        """Show an operation up to its end."""
        self._begin(operation)
        ended = operation
        async for event in self._operations.follow(operation.id):
            ended = event.operation
            if event.progress is not None and self._operation is operation:
                self._show(event.progress)
                await asyncio.sleep(PAUSE_S)
        if self._operation is operation:  # else the next one has its place
            self._operation = None
            self._doing.set_visibility(False)
        if ended.state is OperationState.FAILED:
            self._show_failure(ended)

    def tick(self) -> None:
        """Show how long it has been going on."""
        if self._operation is not None:
            seconds = (time.time_ns() - self._operation.created_ns) // SECOND
            self._for.text = texts.for_seconds(whole_seconds(seconds)) if seconds > 0 else ""

    def _begin(self, operation: Operation) -> None:
        wanted = operation.wanted
        self._operation = operation
        self._transfer = Transfer()
        self._what.text = texts.doing(wanted.kind, friendly_name(wanted.model or ""))
        self._for.text = self._step.text = ""
        self._bar.props("indeterminate").props["aria-label"] = texts.doing(wanted.kind, wanted.model or "")
        self._figures.set_visibility(False)
        self._cancel.props["aria-label"] = texts.cancel(wanted.kind, wanted.model or "")
        self._cancel.set_visibility(can_be_cancelled(operation))
        self._failure.set_visibility(False)
        self._doing.set_visibility(True)
        self.tick()

    def _show(self, progress: Progress) -> None:
        self._step.text = progress.words
        counted = progress.completed is not None and bool(progress.total)
        self._figures.set_visibility(counted)
        self._bar.props(remove="indeterminate") if counted else self._bar.props("indeterminate")
        if progress.completed is not None and progress.total:
            self._transfer.note(time.monotonic(), progress.completed, progress.total)
            self._bar.value = round(self._transfer.part, 3)
            self._figures.text = self._transfer.in_words()

    def _show_failure(self, operation: Operation) -> None:
        wanted = operation.wanted
        words, _, lines = (operation.error or "").partition("\n")
        self._failed.text = texts.failed(wanted.kind, friendly_name(wanted.model or ""))
        self._why.text = words
        self._lines.text = lines
        self._more.set_visibility(bool(lines))
        self._failure.set_visibility(True)

    async def _give_up(self) -> None:
        """Somebody wants no more of it."""
        operation = self._operation

        async def cancel() -> None:
            if operation is not None:
                self._operations.cancel(operation.id, "page")

        await done(cancel())

    def _dismiss(self) -> None:
        self._failure.set_visibility(False)


def _who(wanted: Wanted) -> ui.label:
    """A line that begins with its provider's mark."""
    return ui.label().classes("provider").style(theme.provider_mark(wanted.provider))
