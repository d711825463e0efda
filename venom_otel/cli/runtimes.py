"""`venom-otel runtimes`: how the model servers are, asked now and here; no cockpit is needed."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar

import typer

from venom_otel import semconv
from venom_otel.cli.servers import Row, printer, screen
from venom_otel.identity.background import Loop
from venom_otel.runtimes.finding import LOCAL_ENDPOINT, find
from venom_otel.runtimes.model import Status
from venom_otel.runtimes.names import USUAL_PORTS
from venom_otel.runtimes.reading import read
from venom_otel.runtimes.registry import adapter
from venom_otel.settings import InstrumentationSettings, RuntimeSettings, load

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable

    from venom_otel.runtimes.model import Runtime

T = TypeVar("T")

_PAUSE_S: Final = 2.0
"""Between two looks, with `--watch`."""


def runtimes(
    context: typer.Context,
    *,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Look again and again, until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one for each server.")] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show each question, what came, and what was concluded from it.")] = False,
) -> None:
    """Say how the model servers are, and why; start, stop or restart one.

    Asked are those that the settings name; where no local one is named, whoever answers at the usual local ports. In a terminal as aligned
    lines; into a pipe or file with a heading and tabs between the fields. Exit status 0 when all are online.
    """
    if context.invoked_subcommand is not None:
        return
    look = Look(load(RuntimeSettings), load(InstrumentationSettings).server_aliases)
    if watch:
        with contextlib.suppress(KeyboardInterrupt):
            run(_watch(look, as_json=as_json, explain=explain))
        return
    rows = run(look.take())
    printer(as_json=as_json, explain=explain)(rows)
    if not rows:
        typer.echo(_nobody(), err=True)
    if not rows or any(row.reading.state.status is Status.OFFLINE for row in rows):
        raise typer.Exit(1)


def run(work: Coroutine[Any, Any, T]) -> T:
    """In a loop whose end does not wait for a name server that has not answered; `asyncio.run` does."""
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(work)


class Look:
    """Looks at all servers, each no more often than it is good for; one that was found once is looked at from then on."""

    def __init__(self, settings: RuntimeSettings, aliases: str) -> None:
        self._settings = settings
        self._aliases = aliases
        self._rows: dict[str, Row] = {}
        self._not_before: dict[str, float] = {}

    async def take(self) -> list[Row]:
        """A row for each server, in an order that stays.

        Raises:
            SettingsError: a variable cannot be used.
        """
        known = {place: row.runtime for place, row in self._rows.items()}
        for runtime in await find(self._settings, aliases=self._aliases):
            place = _place(runtime)
            if place not in known or runtime.provider != semconv.PROVIDER_UNKNOWN:  # one that has ended no longer says who it is
                known[place] = runtime
        now = time.monotonic()
        due = {place: runtime for place, runtime in known.items() if now >= self._not_before.get(place, 0.0)}
        for place, runtime in due.items():
            self._not_before[place] = now + adapter(runtime.provider).least_interval_s
        readings = await asyncio.gather(*(read(runtime) for runtime in due.values()))
        for (place, runtime), reading in zip(due.items(), readings, strict=True):
            self._rows[place] = Row(runtime, reading, time.time())
        return list(self._rows.values())


def _place(runtime: Runtime) -> str:
    """What stays the same of a server: its name where a variable gives it one, else its address."""
    return runtime.name if runtime.named_by not in {None, LOCAL_ENDPOINT} else runtime.endpoint.url


async def _watch(look: Look, *, as_json: bool, explain: bool) -> None:
    """A screen that changes; into a pipe or file, and as JSON, a line whenever a server's state or cause is another one."""
    with screen(as_json=as_json, explain=explain) as show:
        shown: dict[str, object] = {}
        while True:
            rows = await look.take()
            show(rows if show.whole else _changed(rows, shown))
            await asyncio.sleep(_PAUSE_S)


def _changed(rows: Iterable[Row], shown: dict[str, object]) -> list[Row]:
    """The rows that say something new; notes them as shown."""
    news = []
    for row in rows:
        said = (row.reading.state, row.reading.reason)
        if shown.get(row.runtime.name) != said:
            shown[row.runtime.name] = said
            news.append(row)
    return news


def _nobody() -> str:
    ports = ", ".join(f"{port} ({name})" for port, name in USUAL_PORTS.items())
    return (
        f"No model server answers at the usual local ports: {ports}. Start one, or name it: OLLAMA_ENDPOINT, VLLM_ENDPOINT, "
        "LLAMACPP_ENDPOINT, OPENAI_BASE_URL."
    )
