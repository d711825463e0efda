"""One model server on the page: how it is and why, what it has in memory, and what it can be told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nicegui import ui

from venom_otel.cockpit import formats, looks, texts, theme, views
from venom_otel.cockpit.asking import done, sure
from venom_otel.cockpit.controls import icon_button, quiet_button
from venom_otel.cockpit.home import server_views
from venom_otel.cockpit.home.sparkline import Sparkline
from venom_otel.cockpit.words import Words
from venom_otel.control.model import Action
from venom_otel.runtimes.model import Status
from venom_otel.state.model import OperationState

if TYPE_CHECKING:
    from venom_otel.cockpit.visit import Visit
    from venom_otel.health import Server
    from venom_otel.runtimes.protocol import Progress
    from venom_otel.services.operations import Operations
    from venom_otel.services.servers import LlmServers
    from venom_otel.state.model import Operation

_ICONS: Final = {Action.START: "play_arrow", Action.RESTART: "restart_alt", Action.STOP: "stop"}


class ServerCard:
    """Shows one server, and the operation on it that runs, whoever began it, as long as the visit lasts."""

    def __init__(self, server: Server, servers: LlmServers, operations: Operations, visit: Visit) -> None:
        self._name = server.runtime.name
        self._label = server.runtime.label
        self._servers = servers
        self._operations = operations
        self._visit = visit
        self._server = server
        self._followed: str | None = None
        """The operation whose steps are shown."""
        self._build(server)
        self.show(server)

    def show(self, server: Server) -> None:
        """Show how it is now."""
        self._server = server
        condition, reading = server.condition, server.reading
        look = looks.look(condition.state)
        self._card.classes(remove=looks.ALL.replace(look, ""), add=look)
        self._state.text = texts.STATES[condition.state]
        self._since.text = server_views.for_how_long(condition.since_ns)
        self._where.text = " · ".join(part for part in (views.short_endpoint(server.runtime.endpoint.url), reading.version) if part)
        self._latency.text = formats.seconds(reading.latency_s)
        self._line.show(self._servers.latencies(self._name))
        self._facts.text = server_views.facts(reading)
        self._facts.set_visibility(bool(self._facts.text))
        self._cause.say(condition.cause)
        running = self._operations.running(self._name)
        refused = self._servers.unsupported(server.runtime)
        for action, button in self._buttons.items():
            possible = action not in refused and running is None and _makes_sense(action, condition.status)
            button.set_visibility(possible)
        # What is being done with models is shown above them.
        if running is not None and running.wanted.model is None and running.id != self._followed:
            self._followed = running.id
            self._visit.begin(self._follow(running), f"following {running.id}")

    def remove(self) -> None:
        """Take it off the page."""
        self._card.delete()

    def _build(self, server: Server) -> None:
        with ui.element("article").classes("server").props(f'aria-label="{self._label}"') as self._card:
            with ui.element("div").classes("server-head"):
                ui.element("span").classes("state-mark")
                name = ui.label(self._label).classes("provider server-name").style(theme.provider_mark(server.runtime.provider))
                name.tooltip(self._label)
                self._state = ui.label().classes("server-state").props("role=status")
                self._since = ui.label().classes("muted server-since")
                ui.space()
                self._buttons = {action: self._button(action) for action in (Action.START, Action.RESTART, Action.STOP)}
            with ui.element("div").classes("server-body"):
                self._where = ui.label().classes("server-where")
                self._facts = ui.label().classes("server-facts")
                self._line = Sparkline()
                self._latency = ui.label().classes("server-latency")
            self._cause = Words().classes("server-cause")
            with ui.element("div").classes("server-doing") as self._doing:
                ui.spinner(size="14px", color=None)
                self._step = Words().props("role=status")
            self._progress = ui.linear_progress(show_value=False, size="3px", color=None).classes("server-progress")
            with ui.element("div").classes("failure server-failure").props("role=alert") as self._failure:
                self._failed = Words().classes("failure-words")
                with ui.expansion(texts.LAST_LINES, value=True).props("dense").classes("server-log") as self._log:
                    self._lines = ui.label().classes("server-lines")
                quiet_button(texts.DISMISS, lambda: self._failure.set_visibility(False))
            for part in (self._doing, self._progress, self._failure):
                part.set_visibility(False)

    def _button(self, action: Action) -> ui.button:
        words = texts.act_on(action, self._label)
        return icon_button(_ICONS[action], words, lambda: self._asked(action)).tooltip(words)

    async def _asked(self, action: Action) -> None:
        """Somebody pressed a button."""
        if await act(self._servers, self._server, action) and not self._visit.over:
            self.show(self._server)

    async def _follow(self, operation: Operation) -> None:
        """Show the steps of an operation, up to its end."""
        self._failure.set_visibility(False)
        self._doing.set_visibility(True)
        self._step.text = texts.DOING[operation.wanted.kind]
        ended = operation
        async for event in self._operations.follow(operation.id):
            ended = event.operation
            if event.progress is not None:
                self._show_progress(event.progress)
        self._followed = None
        self._doing.set_visibility(False)
        self._progress.set_visibility(False)
        if ended.state is OperationState.FAILED:
            self._show_failure(ended)
        self.show(await self._servers.one(self._name) or self._server)

    def _show_progress(self, progress: Progress) -> None:
        self._step.text = progress.words
        counted = progress.completed is not None and bool(progress.total)
        self._progress.set_visibility(counted)
        if progress.completed is not None and progress.total:
            self._progress.value = round(progress.completed / progress.total, 3)

    def _show_failure(self, operation: Operation) -> None:
        words, _, lines = (operation.error or "").partition("\n")
        self._failed.text = words
        self._lines.text = lines
        self._log.set_visibility(bool(lines))
        self._failure.set_visibility(True)


async def act(servers: LlmServers, server: Server, action: Action) -> bool:
    """Tell a server something, once whoever wants it means it; whether it was begun."""
    title = texts.act_on(action, server.runtime.label)
    words = texts.breaks_off(server.reading.requests_running)
    if action is not Action.START and not await sure(f"{title}?", words, texts.ACTIONS[action]):
        return False
    return await done(servers.act(server.runtime.name, action, "page"))


def _makes_sense(action: Action, status: Status) -> bool:
    """A server that is online is not started, and one that is not is not restarted; stopping is for what hangs, too."""
    return status is Status.OFFLINE if action is Action.START else action is Action.STOP or status is Status.ONLINE
