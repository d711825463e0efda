"""Model servers as lines: aligned and coloured for a terminal, separated by tabs for a program, JSON where it is asked for."""

from __future__ import annotations

import contextlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from venom_otel.cli.aligned import GAP, aligned, widths
from venom_otel.runtimes.model import State

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from venom_otel.runtimes.model import Exchange, Reading, Runtime

FIELDS: Final = (
    "name",
    "provider",
    "endpoint",
    "status",
    "state",
    "latency_ms",
    "version",
    "models_loaded",
    "requests_running",
    "requests_waiting",
    "error_message",
)
"""The fields for programs; one that is not known is empty."""

_HEADING: Final = ("NAME", "STATE", "ENDPOINT", "VERSION", "LATENCY", "REQUESTS", "MODELS")
_INDENT: Final = "    "
_STYLES: Final = {
    State.READY: "green",
    State.DEGRADED: "yellow",
    State.LOADING: "cyan",
    State.STARTING: "cyan",
    State.STOPPED: "bold red",
    State.FAILING: "bold red",
    State.UNREACHABLE: "bold red",
}
_SHOWN_MODELS: Final = 3


@dataclass(frozen=True, slots=True)
class Row:
    """A server, and what the last look at it brought."""

    runtime: Runtime
    reading: Reading
    checked_at: float
    """Seconds since the epoch."""


def printer(*, as_json: bool, explain: bool) -> Callable[[Iterable[Row]], None]:
    """What prints rows to standard output; the heading for programs, where there is one, is printed at once."""
    if as_json:
        return lambda rows: _print_json(rows, explain=explain)
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal and not explain:
        print("\t".join(FIELDS), flush=True)
        return _print_tabs
    return lambda rows: _print_lines(console, list(rows), explain=explain)


class Screen:
    """Shows rows again and again."""

    def __init__(self, show: Callable[[Iterable[Row]], None], *, whole: bool) -> None:
        self._show = show
        self.whole = whole
        """Each call replaces what was shown, so that it takes all rows; else each adds to it."""

    def __call__(self, rows: Iterable[Row]) -> None:
        """Show rows."""
        self._show(rows)


@contextlib.contextmanager
def screen(*, as_json: bool, explain: bool) -> Iterator[Screen]:
    """For `--watch`: in a terminal the lines stay in their place."""
    console = Console(highlight=False)
    if as_json or not console.is_terminal:
        yield Screen(printer(as_json=as_json, explain=explain), whole=False)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="visible") as live:
        yield Screen(lambda rows: live.update(Group(*_lines(list(rows), explain=explain)), refresh=True), whole=True)


def _print_json(rows: Iterable[Row], *, explain: bool) -> None:
    for row in rows:
        print(json.dumps(_fields(row) | _more(row, explain=explain), ensure_ascii=False), flush=True)


def _print_tabs(rows: Iterable[Row]) -> None:
    for row in rows:
        fields = _fields(row) | {"models_loaded": ",".join(_fields(row)["models_loaded"])}
        print("\t".join("" if (value := fields[name]) is None else " ".join(str(value).split()) for name in FIELDS), flush=True)


def _print_lines(console: Console, rows: list[Row], *, explain: bool) -> None:
    for line in _lines(rows, explain=explain):
        console.print(line)


def _fields(row: Row) -> dict[str, Any]:
    runtime, reading = row.runtime, row.reading
    return {
        "name": runtime.name,
        "provider": runtime.provider,
        "endpoint": runtime.endpoint.url,
        "status": reading.state.status,
        "state": reading.state,
        "latency_ms": None if reading.latency_s is None else round(reading.latency_s * 1000, 1),
        "version": reading.version,
        "models_loaded": [model.name for model in reading.models_loaded],
        "requests_running": reading.requests_running,
        "requests_waiting": reading.requests_waiting,
        "error_message": reading.cause,
    }


def _more(row: Row, *, explain: bool) -> dict[str, Any]:
    """What JSON has beyond the fields in lines."""
    reading = row.reading
    more = {
        "checked_at": datetime.fromtimestamp(row.checked_at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "configured_by": row.runtime.named_by,
        "reason": reading.reason,
        "memory_bytes": reading.memory_bytes,
        "cache_usage": reading.cache_usage,
        "models": [asdict(model) for model in reading.models],
    }
    return more | {"exchanges": [asdict(exchange) for exchange in reading.exchanges]} if explain else more


def _lines(rows: list[Row], *, explain: bool) -> Iterator[Text]:
    """A heading, and for each server a line, below it the cause where there is one, and the exchanges where they are wanted."""
    if not rows:
        return
    cells = [_cells(row) for row in rows]
    columns = widths(_HEADING, *cells)
    yield Text(aligned(_HEADING, columns), style="dim")
    for row, words in zip(rows, cells, strict=True):
        line = Text(aligned(words, columns))
        begin = columns[0] + len(GAP)
        line.stylize("bold", 0, columns[0])
        line.stylize(_STYLES[row.reading.state], begin, begin + columns[1])
        yield line
        if row.reading.cause is not None:
            yield Text(f"{_INDENT}{row.reading.cause}", style=_STYLES[row.reading.state].removeprefix("bold "))
        if explain:
            for exchange in row.reading.exchanges:
                yield from _explained(exchange)


def _cells(row: Row) -> tuple[str, ...]:
    reading = row.reading
    counts = (reading.requests_running, reading.requests_waiting)
    requests = "" if counts[0] is None else f"{counts[0]} running" + (f", {counts[1]} waiting" if counts[1] else "")
    latency = "" if reading.latency_s is None else f"{reading.latency_s * 1000:.0f} ms"
    return row.runtime.name, reading.state, row.runtime.endpoint.url, reading.version or "", latency, requests, _models(reading)


def _models(reading: Reading) -> str:
    """Those in memory by name; of the others how many there are."""
    loaded = [model.name for model in reading.models_loaded]
    if not reading.models:
        return ""
    if not loaded:
        told = any(model.loaded is not None for model in reading.models)
        return f"{len(reading.models)} models{', none loaded' if told else ''}"
    more = f" and {len(loaded) - _SHOWN_MODELS} more" if len(loaded) > _SHOWN_MODELS else ""
    others = len(reading.models) - len(loaded)
    return f"{', '.join(loaded[:_SHOWN_MODELS])}{more}{f' (of {len(reading.models)})' if others else ''}"


def _explained(exchange: Exchange) -> Iterator[Text]:
    status = "—" if exchange.status is None else str(exchange.status)
    yield Text.assemble(f"{_INDENT}{exchange.request}  ", (f"{status}, {exchange.seconds * 1000:.0f} ms", "dim"))
    yield Text(f"{_INDENT * 2}{exchange.reply}", style="dim")
    yield Text(f"{_INDENT * 2}→ {exchange.verdict}", style="cyan")
