"""The chat: model servers are asked from the page, and every answer says who gave it.

Each tab has a conversation of its own. The tab keeps the ids of its tasks and what was chosen, nothing that was said: what was asked and
answered is the tasks' own, in memory, so that a page that is loaded anew finds the answer that is under way and goes on with it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from typing import TYPE_CHECKING, Any, Final

from nicegui import ui

from venom_otel.cockpit.chat_elements import ChatInput, ChatLog
from venom_otel.cockpit.controls import icon_button
from venom_otel.cockpit.copying import copy_button
from venom_otel.cockpit.home.chat_choice import ChatChoice, Chosen
from venom_otel.cockpit.home.chat_turn import Turn
from venom_otel.cockpit.texts import chat as texts
from venom_otel.cockpit.visit import Visit
from venom_otel.cockpit.words import Words
from venom_otel.errors import MissingExtraError, StateError, VenomError
from venom_otel.services.tasks.model import TaskStatus

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from venom_otel.services.servers import LlmServers
    from venom_otel.services.tasks.model import Task
    from venom_otel.services.tasks.tasks import Tasks

MOST_TURNS: Final = 100
"""Of a conversation on the page; the oldest go."""
IDLE_S: Final = 5.0
"""Seconds between two looks at which models there are while no server's state changes."""
PAUSE_S: Final = 0.2
TICK_S: Final = 1.0
_LONGEST_ID: Final = 64

logger: Final = logging.getLogger("venom_otel")


class ChatPanel:
    """One tab's chat.

    Args:
        tasks: asks the servers; None where it is not offered.
        servers: which there are.
    """

    def __init__(self, tasks: Tasks | None, servers: LlmServers) -> None:
        self._tasks = tasks if tasks is not None and _can_answer(tasks) else None
        self._servers = servers
        self._session = _new_session()
        self._turns: list[Turn] = []
        self._visit = Visit()
        self._choice = ChatChoice(self._keep)

    def build(self) -> None:
        """Build it, still empty."""
        with ui.element("section").classes("chat").props(f'aria-label="{texts.TITLE}"') as panel:
            if self._tasks is None:
                _what_it_takes()
                return
            with ui.element("div").classes("chat-head"):
                ui.label(texts.TITLE).props("role=heading aria-level=2").classes("chat-title")
                self._choice.build()
                ui.space()
                tune = icon_button("tune", texts.OPTIONS).tooltip(texts.OPTIONS)
                icon_button("add_comment", texts.NEW_CHAT, self._begin_anew).tooltip(texts.NEW_CHAT)
            options = self._choice.build_options()

            def show_options() -> None:
                options.set_visibility(not options.visible)
                tune.props(f"aria-expanded={str(options.visible).lower()}")

            tune.props("aria-expanded=false").on_click(show_options)
            with ChatLog(self._come_back) as self._log:
                self._forgotten = ui.label(texts.FORGOTTEN).classes("muted chat-forgotten")
                self._forgotten.set_visibility(False)
                self._empty = ui.label(texts.EMPTY).classes("muted chat-empty")
            self._refused = Words().classes("failure chat-refused").props("role=alert")
            self._refused.say(None)
            self._input = ChatInput(on_send=self._send, on_long=self._refuse_long, on_stop=self._stop, on_focus=self._tasks.prepare)
            # Where a list of choices is open, the key closes that.
            panel.on("keydown.escape", self._stop, js_handler="() => document.querySelector('.q-menu') ?? emit()")

    async def keep(self) -> None:
        """Keep it true until the reader goes elsewhere, which cancels this; tasks go on."""
        if self._tasks is None:
            return
        with self._visit, self._servers.changes() as changes:
            self._visit.begin(self._tick(), "how long answers have taken")
            await self._servers.all()  # so that what was chosen before is among the first that is offered
            while await changes.look_due(PAUSE_S, IDLE_S):
                self._choice.offer(self._servers.known())

    # -- what the reader does --------------------------------------------------------------------------------------------------------

    async def _send(self, prompt: str) -> None:
        if not await self._ask(prompt):
            self._input.refused(prompt)

    async def _ask_again(self, turn: Turn) -> None:
        assert turn.prompt is not None
        await self._ask(turn.prompt, again=True)

    async def _ask(self, prompt: str, *, again: bool = False) -> bool:
        """Begin a task; whether it was begun, or nobody is there any more to hear that it was not. A refusal is shown in words."""
        assert self._tasks is not None
        try:
            task = await self._tasks.begin(self._choice.chosen().wanted(prompt, self._session))
        except VenomError as error:
            if self._visit.over:
                return True
            self._refused.say(str(error))
            return False
        if self._visit.over:  # it goes on, as all tasks do
            return True
        self._refused.say(None)
        self._add(task, prompt, again=again)
        self._log.to_end()
        self._keep()
        return True

    async def _refuse_long(self, characters: int) -> None:
        self._refused.say(texts.too_long(characters))

    async def _stop(self) -> None:
        """End all that is under way here; what waits first, so that it does not begin meanwhile."""
        await _cancel(self._turns)

    async def _begin_anew(self) -> None:
        self._refused.say(None)
        self._forgotten.set_visibility(False)
        turns, self._turns = self._turns, []
        self._session = _new_session()
        self._keep()
        self._empty.set_visibility(True)
        for turn in turns:
            turn.remove()
        self._input.focus()
        await _cancel(turns)

    # -- the conversation ------------------------------------------------------------------------------------------------------------

    def _add(self, task: Task, prompt: str | None, *, again: bool) -> None:
        assert self._tasks is not None
        self._empty.set_visibility(False)
        with self._log:
            turn = Turn(self._tasks, task, prompt, again=again, ask_again=self._ask_again)
        self._turns.append(turn)
        if len(self._turns) > MOST_TURNS and not self._turns[0].under_way:
            self._turns.pop(0).remove()
        self._visit.begin(self._follow(turn), f"following {task.id}")

    async def _follow(self, turn: Turn) -> None:
        self._show_busy()
        try:
            await turn.follow()
        except Exception:
            logger.exception("venom_otel: an answer could not be shown")
        self._show_busy()

    async def _come_back(self, kept: Any) -> None:
        """Show the conversation that the tab was at."""
        if isinstance(kept, dict) and not self._turns:
            session = kept.get("session")
            found = list(self._found(kept.get("turns")))
            if isinstance(session, str) and 0 < len(session) <= _LONGEST_ID and any(prompt is not None for _, prompt, _ in found):
                self._session = session
            shown = [each for each in found if each[1] is not None or each[0].status is TaskStatus.LOST]
            self._forgotten.set_visibility(len(shown) < len(found) or any(prompt is None for _, prompt, _ in shown))
            for task, prompt, again in shown:
                self._add(task, prompt, again=again)
            self._choice.choose(Chosen.of(kept.get("choice")))
        self._log.to_end()
        self._keep()

    def _found(self, turns: Any) -> Iterator[tuple[Task, str | None, bool]]:
        """The tasks that a tab has kept the ids of, as far as there are any, with what was asked."""
        assert self._tasks is not None
        for each in turns[-MOST_TURNS:] if isinstance(turns, list) else ():
            if not isinstance(each, dict) or not isinstance(task_id := each.get("task"), str):
                continue
            with contextlib.suppress(StateError):  # said where the list of requests is
                if (task := self._tasks.get(task_id)) is not None:
                    asked = self._tasks.asked(task_id)
                    yield task, asked[-1].content if asked else None, bool(each.get("again"))

    def _keep(self) -> None:
        """Let the tab keep where it is."""
        turns = [{"task": turn.task.id, "again": turn.again} for turn in self._turns]
        self._log.keep({"session": self._session, "turns": turns, "choice": self._choice.chosen().kept()})

    def _under_way(self) -> list[Turn]:
        return [turn for turn in self._turns if turn.under_way]

    def _show_busy(self) -> None:
        self._input.show_busy(busy=bool(self._under_way()))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for turn in self._under_way():
                turn.tick()


async def _cancel(turns: Sequence[Turn]) -> None:
    for turn in reversed(turns):
        if turn.under_way:
            await turn.cancel()


def _can_answer(tasks: Tasks) -> bool:
    try:
        tasks.check()
    except MissingExtraError:
        return False
    return True


def _what_it_takes() -> None:
    """Say what to install."""
    with ui.element("div").classes("chat-missing"):
        ui.label(texts.TITLE).props("role=heading aria-level=2").classes("chat-title")
        Words(texts.INSTALL).classes("muted")
        with ui.element("div").classes("code"):
            with ui.element("pre"):
                ui.label(texts.INSTALL_COMMAND)
            copy_button(texts.INSTALL_COMMAND, texts.COPY)


def _new_session() -> str:
    return secrets.token_hex(8)
