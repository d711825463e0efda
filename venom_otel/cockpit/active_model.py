"""The header's box of the active model: one look for the process, the same in every open page."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import looks, texts
from venom_otel.cockpit.texts import header as words
from venom_otel.cockpit.words import Words
from venom_otel.runtimes.model import Status
from venom_otel.services.active import Active

if TYPE_CHECKING:
    from venom_otel.services.active import ActiveModel
    from venom_otel.services.history import History

PAUSE_S: Final = 0.5
"""Between two looks at what has arrived; more changes than two a second nobody can read."""
IDLE_S: Final = 2.0
"""Until the next look while nothing arrives: a server's state and what is configured change without a request."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the box says, as plain texts."""

    look: str
    """The class of the mark; see `looks`."""
    state: str
    """The same in a word."""
    label: str
    """The model that should answer; empty where there is none."""
    help: str
    why: str = ""
    """What is wrong, or why another one answers."""
    instead: str = ""
    """The other one."""
    href: str = ""
    """Where the request is that shows it."""
    alarming: bool = False
    """Whether that one answers because something went wrong."""
    configured: bool = True
    """Whether it is the one that was chosen; else it is only the one that answered last, or should have."""


class ActiveModelBox:
    """Follows what is active, and shows it."""

    def __init__(self, active: ActiveModel, history: History) -> None:
        self._active = active
        self._history = history
        self._shown = shown(Active())

    async def follow(self) -> None:
        """Keep every open page's box true; runs until it is cancelled, or until waiting was ended."""
        with self._history.changes() as changes:
            while await changes.look_due(PAUSE_S, IDLE_S):
                before, self._shown = self._shown, shown(await self._active.now())
                if self._shown != before:
                    self.show.refresh()

    @ui.refreshable_method
    def show(self) -> None:
        """Put the box where the page is at this moment."""
        now = self._shown
        name = words.ACTIVE_MODEL if now.configured else words.NEWEST_ANSWER
        with ui.element("div").classes("active-model").props(f'role=status aria-label="{name}"') as box:
            with ui.tooltip():
                Words(now.help)
            if not now.label:
                ui.label(words.NO_MODEL).classes("active-none")
                return
            if not now.instead:
                box.classes(now.look)
                with ui.element("div").classes("active-line"):
                    _mark(now.state)
                    ui.label(words.ACTIVE if now.configured else words.ANSWERED_LAST).classes(
                        "active-word" if now.configured else "active-word is-last"
                    )
                    ui.label(now.label).classes("active-label")
                if now.why:
                    ui.label(now.why).classes("active-why")
                return
            box.classes("is-instead is-alarming" if now.alarming else "is-instead")
            with ui.link(target=now.href).classes("active-line"):
                ui.label(words.ANSWERED_BY).classes("active-word")
                ui.label(now.instead).classes("active-label")
            with ui.element("div").classes(f"active-why {now.look}"):
                ui.label(words.INSTEAD_OF)
                _mark(now.state)
                ui.label(f"{now.label}: {now.why}").classes("active-meant")


def shown(active: Active) -> Shown:
    """What the box says of what is active."""
    model, server, instead = active.model, active.server, active.instead
    if model is None:
        return Shown(looks.UNKNOWN, "", "", words.NO_MODEL_HELP)
    state = server.condition.state if server is not None else None
    look, state_word = looks.look(state), texts.STATES[state] if state is not None else words.NOT_WATCHED
    if instead is None:
        wrong = server is not None and server.condition.status is Status.OFFLINE
        cause = server.condition.cause if server is not None and wrong else None
        about = words.CONFIGURED_HELP if active.configured else words.ANSWERED_HELP
        help_words, why = f"{model.label}: {cause or about}", state_word if wrong else ""
        return Shown(look, state_word, model.label, help_words, why, configured=active.configured)
    fell_back = bool(instead.request.fallback)
    why = words.REASONS.get(instead.kind or "", words.FELL_BACK) if fell_back else words.asked_for(instead.request.service)
    return Shown(
        look,
        state_word,
        model.label,
        words.instead(instead.model.label, model.label, instead.words.rstrip(".") or why),
        why,
        instead.model.label,
        f"/requests/{instead.request.request_id}",
        fell_back or look == looks.DOWN,
        active.configured,
    )


def _mark(state: str) -> None:
    ui.element("span").classes("state-mark").props(f'role=img aria-label="{state}"')
