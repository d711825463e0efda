"""One turn of a chat: what was asked, and the answer as it comes, stamped with who gave it."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel import semconv
from venom_otel.cockpit import answer_html, theme, views
from venom_otel.cockpit.chat_elements import AnswerText
from venom_otel.cockpit.controls import icon_button, quiet_button
from venom_otel.cockpit.copying import copy
from venom_otel.cockpit.home import chat_views
from venom_otel.cockpit.texts import SPEED_HELP
from venom_otel.cockpit.texts import chat as texts
from venom_otel.cockpit.words import Words
from venom_otel.errors import StateError
from venom_otel.services.figures import SECOND
from venom_otel.services.tasks.model import EventKind, Fallback, Request, Task, TaskStatus

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from venom_otel.services.tasks.model import TaskEvent
    from venom_otel.services.tasks.tasks import Tasks

PAUSE_S: Final = 0.03
"""Between two messages with more of an answer; what comes within is one. The first token waits for nothing."""
_SHORT: Final = 400
"""Characters of a prompt that never takes more room than there is, in whichever window; and lines, the next."""
_FEW_LINES: Final = 9
_LENGTH: Final = "length"
"""A finish reason: as many tokens as may be."""


class Turn:
    """One question of a reader, and its task. Built where the page is at this moment.

    Args:
        tasks: where it is worked on.
        task: the answer's.
        prompt: what was asked; None where that is not kept any more.
        again: whether it was asked once more, so that it is not shown a second time.
        ask_again: asks the same anew.
    """

    def __init__(self, tasks: Tasks, task: Task, prompt: str | None, *, again: bool, ask_again: Callable[[Turn], Awaitable[None]]) -> None:
        self.task = task
        self.prompt = prompt
        self.again = again
        self._tasks = tasks
        self._ask_again = ask_again
        self._failed: dict[str, str] = {}
        """What the newest failed request of each server said; by its name, as the next."""
        self._why: dict[str, Words] = {}
        """Where that stands: it may be told before another server is asked, and after."""
        self._pending: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._any_text = False
        self._removed = False
        self._over = False
        """Whether nothing more is shown of it, even if nobody could say how it ended."""
        with ui.element("article").classes("turn").props(f'aria-label="{texts.TURN}" aria-busy=true') as self._turn:
            self._build()
        self._show_who()

    @property
    def under_way(self) -> bool:
        """Whether its answer is still to come."""
        return not self.task.status.ended and not self._over

    def remove(self) -> None:
        """Take it off the page."""
        self._removed = True
        self._turn.delete()

    async def cancel(self) -> None:
        """End it; the server that is at it stops."""
        await self._tasks.cancel(self.task.id)

    async def follow(self) -> None:
        """Show what happens to the task, up to its end and what came of it."""
        whole = self.task.status.ended  # then its text is shown at once
        try:
            async for event in self._tasks.follow(self.task.id):
                if self._removed:
                    return
                if event.kind is not EventKind.TOKEN or not whole:
                    self._take(event)
            self._flush()
            answer = self._tasks.answer(self.task.id)
        except StateError as error:
            self._show_failure(str(error))
            return
        finally:
            self._over = True
            self._end_timer()
        await self._show_end(answer)

    def tick(self) -> None:
        """Show how long it has taken so far."""
        begun_ns = self.task.started_ns or self.task.created_ns
        self._doing_words.text = texts.for_so_long(self._doing_now(), max(time.time_ns() - begun_ns, 0) // SECOND)

    # -- how it looks ----------------------------------------------------------------------------------------------------------------

    def _build(self) -> None:
        if self.prompt is not None and not self.again:
            with ui.chat_message(sent=True).classes("turn-asked"):
                prompt = ui.label(answer_html.displayable(self.prompt)).classes("turn-prompt")
                if len(self.prompt) > _SHORT or self.prompt.count("\n") > _FEW_LINES:  # it scrolls, so by keys too
                    prompt.props("tabindex=0")
        with ui.chat_message().classes("turn-answered"), ui.element("div").classes("turn-body") as self._body:
            with ui.element("div").classes("turn-who"):
                self._provider = ui.label().classes("provider")
                self._model = ui.label().classes("turn-model")
                self._arrow = ui.label("→").classes("arrow").props(f'role=img aria-label="{texts.ANSWERED_BY}"')
                self._answered = ui.label().classes("answered")
                self._endpoint = ui.label().classes("turn-endpoint")
            self._notes = ui.element("div").classes("turn-notes")
            self._text = AnswerText()
            with ui.element("div").classes("turn-doing") as self._doing:
                ui.spinner(size="14px", color=None)
                self._doing_words = ui.label(self._doing_now())
                quiet_button(texts.STOP_THIS, self.cancel)

    def _doing_now(self) -> str:
        if self.task.status is TaskStatus.PENDING:
            return texts.WAITING
        return texts.ANSWERING if self._any_text else texts.asking(chat_views.server_of(self.task.party))

    def _show_who(self) -> None:
        party, answered = self.task.party, chat_views.answered_as(self.task)
        self._provider.text = party.provider
        self._provider.style(theme.provider_mark(party.provider))
        self._model.text = answer_html.displayable(party.model)
        self._answered.text = answer_html.displayable(answered)
        for part in (self._arrow, self._answered):
            part.set_visibility(bool(answered))
        self._endpoint.text = views.short_endpoint(party.endpoint)

    # -- what happens ----------------------------------------------------------------------------------------------------------------

    def _take(self, event: TaskEvent) -> None:
        match event.body:
            case str() as text:
                self._add(text)
            case Fallback() as fallback:
                self._show_fallback(fallback)
            case Request() as request:
                self._failed[request.party.service_id] = request.error.words if request.error is not None else ""
                self._show_why(request.party.service_id)
            case Task() as task:
                self.task = task
                self._show_who()
        if not self._any_text:
            self.tick()

    def _show_fallback(self, fallback: Fallback) -> None:
        self.task = replace(self.task, party=fallback.target)
        self._show_who()
        server = fallback.source.service_id
        with self._notes, ui.element("div").classes("turn-note").props("role=status"):
            ui.label(chat_views.failed_over(fallback)).classes("turn-fallback")
            self._why[server] = Words().classes("muted turn-why")
        self._show_why(server)

    def _show_why(self, server: str) -> None:
        if (label := self._why.get(server)) is not None:
            label.say(answer_html.displayable(self._failed.get(server, "")))

    def _add(self, text: str) -> None:
        self._any_text = True
        self._pending.append(text)
        if self._timer is None:
            self._flush_and_wait()

    def _flush_and_wait(self) -> None:
        self._timer = None
        if self._pending:
            self._flush()
            self._timer = asyncio.get_running_loop().call_later(PAUSE_S, self._flush_and_wait)

    def _flush(self) -> None:
        if self._pending:
            self._text.append("".join(self._pending))
            self._pending.clear()

    def _end_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # -- its end ---------------------------------------------------------------------------------------------------------------------

    async def _show_end(self, answer: str | None) -> None:
        """Show how it ended: the text as Markdown, what went wrong, and the figures."""
        if answer:
            html = await asyncio.to_thread(answer_html.html, answer)
            if self._removed:
                return
            if html is not None:
                self._text.show(html)
            elif not self._any_text:
                self._text.append(answer)
        words = chat_views.failure(self.task)
        if words:
            self._show_failure(f"{texts.LOST}: {words}" if self.task.status is TaskStatus.LOST else words)
        self._doing.set_visibility(False)
        with self._body, ui.element("div").classes("turn-foot"):
            self._build_foot(answer)
        self._turn.props("aria-busy=false")

    def _build_foot(self, answer: str | None) -> None:
        task = self.task
        if words := _ended(task, answer):
            ui.label(words).classes("turn-ended")
        for words, help_words in (
            (chat_views.first_token(task), texts.FIRST_HELP),
            (chat_views.speed(task), SPEED_HELP),
            (chat_views.duration(task), ""),
            (chat_views.tokens(task), ""),
        ):
            if words:
                label = ui.label(words)
                if help_words:
                    label.tooltip(help_words)
        if trace := chat_views.trace(task):
            ui.link(texts.TRACE, trace).classes("quiet-link")
        if answer:
            icon_button("content_copy", texts.COPY_ANSWER, self._copy_answer)
        if self.prompt is not None and task.status is not TaskStatus.COMPLETED:
            quiet_button(texts.AGAIN, lambda: self._ask_again(self))

    def _show_failure(self, words: str) -> None:
        error = self.task.error
        meaning = semconv.ERROR_KINDS.get(error.kind or "", "") if error is not None else ""
        self._doing.set_visibility(False)
        with self._body, ui.element("div").classes("failure").props("role=alert"):
            Words(answer_html.displayable(words)).classes("failure-words")
            if meaning:
                ui.label(f"{meaning[0].upper()}{meaning[1:]}.").classes("failure-meaning")

    def _copy_answer(self) -> None:
        text = self._tasks.answer(self.task.id)
        if text is None:
            ui.notify(texts.GONE)
            return
        copy(answer_html.displayable(text))


def _ended(task: Task, answer: str | None) -> str:
    """What is to be said of an end besides its figures."""
    if task.status is TaskStatus.CANCELLED:
        return texts.CANCELLED
    if task.status is not TaskStatus.COMPLETED:
        return ""
    if answer is None:
        return texts.GONE
    if task.finish_reason == _LENGTH:
        return texts.CUT_OFF
    return "" if answer else texts.NO_TEXT
