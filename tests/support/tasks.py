"""Tasks over model servers on real sockets, with all that belongs to them: the real kernel, monitor, store and state."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from support.acting import acting
from support.patience import WAIT_S

from venom_otel.cli.task_telemetry import TaskTelemetry
from venom_otel.health import Monitor
from venom_otel.runtimes.finding import find
from venom_otel.services.configuration import InUse
from venom_otel.services.history import History
from venom_otel.services.tasks.availability import MonitorAvailability
from venom_otel.services.tasks.choosing import Chooser, Preferences
from venom_otel.services.tasks.kernel import KernelAnswers
from venom_otel.services.tasks.limits import Limits
from venom_otel.services.tasks.model import EventKind, Message, Role, Wanted
from venom_otel.services.tasks.tasks import Tasks
from venom_otel.settings import RuntimeSettings
from venom_otel.state.tasks import KeptTasks
from venom_otel.store.embedded import EmbeddedStore
from venom_otel.store.protocol import Search

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from venom_otel.services.servers import LlmServers
    from venom_otel.services.tasks.kernel import Answering
    from venom_otel.services.tasks.model import Position, Task, TaskEvent
    from venom_otel.state.store import State
    from venom_otel.store.protocol import RequestSummary


@dataclass
class Asked:
    """Tasks, and what lies behind them."""

    tasks: Tasks
    servers: LlmServers
    monitor: Monitor
    history: History
    store: EmbeddedStore
    state: State
    telemetry: TaskTelemetry
    answering: Any
    preferences: dict[str, Any] = field(default_factory=dict)

    async def ask(self, prompt: str = "Why is the sky blue?", **wanted: Any) -> Task:
        """Begin a task."""
        return await self.tasks.begin(Wanted([Message(Role.USER, prompt)], **wanted))

    async def end_of(self, task: Task) -> Task:
        """Wait for its end."""
        events = await self.told(task)
        return events[-1].body

    async def told(self, task: Task, after: Position | None = None) -> list[TaskEvent]:
        """All that happens to it, to its end."""
        async with asyncio.timeout(WAIT_S):
            return [event async for event in self.tasks.follow(task.id, *([] if after is None else [after]))]

    async def requests_of(self, task: Task) -> list[RequestSummary]:
        """What the history says of it, oldest first."""
        for provider in (self.telemetry.tracer_provider, self.telemetry.logger_provider):
            assert await asyncio.to_thread(provider.force_flush)
        page = await self.history.requests(search=Search(attributes={"llm.task.id": task.id}))
        return sorted(page.items, key=lambda request: request.start_ns)


@contextlib.asynccontextmanager
async def asked(
    folder: Path,
    *,
    limits: Limits | None = None,
    in_use: InUse = InUse(),  # noqa: B008 - immutable
    models: Mapping[str, str] | None = None,
    answering: Answering | None = None,
    interval_s: float = 60.0,
    watching: Monitor | None = None,
    **endpoints: str,
) -> AsyncIterator[Asked]:
    """Tasks over the servers that the settings `endpoints` name, or that a monitor is `watching`; `answering` in place of the kernel."""
    settings = RuntimeSettings(**{"ollama_host": "", **endpoints})
    limits = limits or Limits()
    with (
        EmbeddedStore(folder / "telemetry.db", min_free_bytes=0) as store,
        watching or Monitor(functools.partial(find, settings), interval_s=interval_s) as monitor,
        acting(folder, monitor) as parts,
    ):
        telemetry = TaskTelemetry(store)
        with telemetry.recording():
            answers = answering or KernelAnswers(telemetry, MonitorAvailability(parts.servers.known), stall_s=limits.stall_s)
            preferred = {"in_use": in_use, "models": models or {}}
            tasks = Tasks(
                parts.servers,
                chooser=Chooser(lambda: Preferences(**preferred)),
                answering=answers,
                telemetry=telemetry,
                kept=KeptTasks(parts.state),
                limits=limits,
            )
            await parts.servers.all()
            try:
                yield Asked(tasks, parts.servers, monitor, History(store), store, parts.state, telemetry, answers, preferred)
            finally:
                await tasks.close()


def text_of(events: list[TaskEvent]) -> str:
    """The answer that events tell."""
    return "".join(event.body for event in events if event.kind is EventKind.TOKEN)


def kinds_of(events: list[TaskEvent]) -> list[str]:
    """What happened, tokens that follow one another once."""
    kinds = [str(event.kind) for event in events]
    return [kind for number, kind in enumerate(kinds) if number == 0 or kind != "token" or kinds[number - 1] != "token"]
