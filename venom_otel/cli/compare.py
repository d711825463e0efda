"""`venom-otel compare`: models and servers side by side in the terminal, from a running cockpit."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console
from rich.text import Text

from venom_otel import semconv
from venom_otel.cli.aligned import aligned, widths
from venom_otel.cli.client import Client, Query, cockpit_address
from venom_otel.cli.nothing import no_request, say
from venom_otel.cli.options import instant
from venom_otel.services.compared import Grouping

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PATH: Final = "/api/v1/history/compare"
FIELDS: Final = (
    "provider",
    "model",
    "endpoint",
    "requests",
    "completed",
    "failed",
    "cancelled",
    "error_rate",
    "error_kinds",
    "duration_p50_s",
    "duration_p95_s",
    "first_token_p50_s",
    "first_token_p95_s",
    "speed",
    "cold_starts",
    "stood_in",
    "gave_way",
    "input_tokens",
    "output_tokens",
    "cost",
    "currency",
)
"""The columns for programs; a field that is not known, or by which rows are not told apart, is empty."""
_HEADING: Final = ("REQUESTS", "P50", "P95", "1ST P50", "1ST P95", "TOKENS/S", "FAILED", "COLD", "STOOD IN", "GAVE WAY", "COST")
_UNKNOWN: Final = "\u2013"
_LONGER: Final = "--since 30d looks further back."

Row = dict[str, Any]


def compare(
    *,
    by: Annotated[Grouping, typer.Option(help="What a row is; a place is a model at an endpoint.")] = Grouping.PLACE,
    since: Annotated[str, typer.Option(help="Requests that began then or later: a time, or how long ago, such as 15m.")] = "24h",
    until: Annotated[str | None, typer.Option(help="Only those that began then or earlier.")] = None,
    service: Annotated[list[str] | None, typer.Option(help="Only those of this application; may be given several times.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, one for each row, as the API has it.")] = False,
    url: Annotated[
        str | None, typer.Option(envvar="VENOM_OTEL_URL", help="Address of the cockpit.", show_default="http://127.0.0.1:8765")
    ] = None,
) -> None:
    """Compare models and servers: how fast, how often they fail, what they cost.

    Durations are those of completed requests. In a terminal as aligned lines; into a pipe or file with a heading and tabs between the
    fields.
    """
    now_ns = time.time_ns()
    instant("--since", since, now_ns)
    instant("--until", until, now_ns)
    query: Query = {"by": by.value, "since": since}
    if until:
        query["until"] = until
    if service:
        query["service"] = service
    with Client(cockpit_address(url)) as client:
        found = client.get(_PATH, query, holding="items")
        rows = found["items"]
        nothing = "" if rows else no_request(client, f"no request{' of this application' if service else ''} in this time; {_LONGER}")
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False))
    elif console.is_terminal:
        for line in _lines(by, rows) if rows else ():
            console.print(line)
    else:
        print("\t".join(FIELDS))
        for row in rows:
            print("\t".join("" if value is None else " ".join(str(value).split()) for value in _fields(row)))
    for problem in filter(None, (found["prices_problem"], found["missing"])):
        say(problem)
    if nothing:
        say(nothing)


def _fields(row: Row) -> Iterable[Any]:
    group, cost, cold = row["group"], row["cost"] or {}, row["cold_starts"] or {}
    kinds = ",".join(f"{one['kind'] or 'unknown'}={one['requests']}" for one in row["error_kinds"])
    return (
        group.get("provider"),
        group.get("model"),
        group.get("endpoint"),
        *(row[name] for name in ("requests", "completed", "failed", "cancelled", "error_rate")),
        kinds,
        *(row[name][quantile] for name in ("duration", "first_token") for quantile in ("p50", "p95")),
        row["speed"],
        cold.get("cold"),
        row["stood_in"],
        row["gave_way"],
        *row["usage"].values(),
        cost.get("amount"),
        cost.get("currency"),
    )


def _lines(by: Grouping, rows: Sequence[Row]) -> Iterable[Text]:
    """The heading and a line for each row; what comes from few requests is dim."""
    words = [(by.upper(), *_HEADING), *((_name(row), *_numbers(row)) for row in rows)]
    to = widths(*words)
    for line, few in zip(words, [True, *(row["few"] for row in rows)], strict=True):
        yield Text(_printable(aligned(line, to)), style="dim" if few else "")


def _name(row: Row) -> str:
    group = row["group"]
    model, provider, endpoint = (group.get(name) for name in ("model", "provider", "endpoint"))
    if "model" in group:
        who = " ".join(filter(None, (provider, f"at {endpoint}" if endpoint else None)))
        return f"{model or semconv.PROVIDER_UNKNOWN}{f' ({who})' if who else ''}"
    return next(iter(group.values())) or semconv.PROVIDER_UNKNOWN


def _numbers(row: Row) -> Iterable[str]:
    cost, cold = row["cost"], row["cold_starts"]
    return (
        str(row["requests"]),
        *(_seconds(row[name][quantile]) for name in ("duration", "first_token") for quantile in ("p50", "p95")),
        _UNKNOWN if row["speed"] is None else f"{row['speed']:.1f}",
        f"{100 * row['error_rate']:.1f} %",
        _UNKNOWN if cold is None else str(cold["cold"]),
        str(row["stood_in"]),
        str(row["gave_way"]),
        _UNKNOWN if cost is None else f"{'>= ' if cost['without_price'] else ''}{cost['amount']:.4g} {cost['currency']}",
    )


def _seconds(number: float | None) -> str:
    return _UNKNOWN if number is None else f"{number:.2f} s" if number >= 1 else f"{number * 1000:.0f} ms"


def _printable(words: str) -> str:
    """Without control characters: what a server calls its model must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in words)
