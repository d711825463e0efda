"""Models as lines: aligned and coloured for a terminal, separated by tabs for a program, JSON where it is asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from venom_otel.cli.aligned import GAP, aligned, widths
from venom_otel.runtimes.names import same_model

if TYPE_CHECKING:
    from collections.abc import Iterator

FIELDS: Final = (
    "provider",
    "server",
    "name",
    "friendly_name",
    "configured",
    "answered",
    "loaded",
    "size_bytes",
    "parameters",
    "quantization",
    "context_tokens",
    "folder",
    "problem",
)
"""The fields for programs; one that is not known is empty."""

_HEADING: Final = ("", "NAME", "SERVER", "PARAMETERS", "QUANTIZATION", "SIZE", "CONTEXT", "STATE")
_IN_USE: Final = "→"
_UNITS: Final = ((10**12, "TB"), (10**9, "GB"), (10**6, "MB"), (10**3, "kB"))

Models = dict[str, Any]
"""The answer of `GET /api/v1/models`."""


def print_models(found: Models, *, as_json: bool) -> None:
    """Print all models."""
    rows = list(_rows(found))
    console = Console(highlight=False, soft_wrap=True)
    if as_json:
        for row in rows:
            print(json.dumps(row, ensure_ascii=False), flush=True)
    elif not console.is_terminal:
        print("\t".join(FIELDS), flush=True)
        for row in rows:
            print("\t".join(_plain(row[name]) for name in FIELDS), flush=True)
    else:
        for line in _lines(found, rows):
            console.print(line)


def _rows(found: Models) -> Iterator[dict[str, Any]]:
    """One for each model, with what it is to others."""
    answered = found["active"]["answered"]
    for provider, group in found["providers"].items():
        for model in group["models"]:
            yield {"provider": provider, **model, "answered": answered is not None and _answered(provider, model, answered)}


def _answered(provider: str, model: dict[str, Any], answered: dict[str, Any]) -> bool:
    there = model["server"] == answered["server"] if answered["server"] is not None else provider == answered["provider"]
    return there and any(same_model(name, answered["model"]) for name in (model["name"], *model["aliases"]))


def _plain(value: object) -> str:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else " ".join(str(value).split())


def _lines(found: Models, rows: list[dict[str, Any]]) -> Iterator[Text]:
    """What is in use, the models, and the servers that are offline."""
    for title, key in (("In use", "configured"), ("Answered last", "answered")):
        one = found["active"][key]
        if one is not None:
            yield Text(f"{title}: {one['label']}{', ' + one['status'] if one['status'] else ''}")
    if rows:
        cells = [_cells(row) for row in rows]
        columns = widths(_HEADING, *cells)
        yield Text(aligned(_HEADING, columns), style="dim")
        for row, words in zip(rows, cells, strict=True):
            yield Text(aligned(words, columns), style="bold green" if row["configured"] else "")
            if row["problem"] is not None:
                yield Text(f"{GAP * 2}{row['problem']}", style="red")
    for group in found["providers"].values():
        for server in group["servers"]:
            if server["status"] != "online":
                yield Text(f"{server['label']} is {server['state']}: {server['error_message']}", style="red")


def _cells(row: dict[str, Any]) -> tuple[str, ...]:
    where = row["server"] or row["provider"]
    if row["server"] is None:
        state = "cannot be served" if row["problem"] else "in its folder"
    else:
        state = "" if row["loaded"] is None else "in memory" if row["loaded"] else "not loaded"
    context = "" if row["context_tokens"] is None else str(row["context_tokens"])
    return (
        _IN_USE if row["configured"] else "",
        row["name"],
        where,
        row["parameters"] or "",
        row["quantization"] or "",
        size(row["size_bytes"]),
        context,
        state,
    )


def size(number: int | None) -> str:
    """Bytes for people, in powers of ten as Ollama and disks count; empty where nobody knows."""
    if not number:
        return ""
    for unit, name in _UNITS:
        if number >= unit:
            return f"{number / unit:.1f} {name}"
    return f"{number} B"
