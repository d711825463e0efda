"""Requests as lines: aligned and coloured for a terminal, separated by tabs for a program, JSON where it is asked for."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.text import Text

from venom_otel.cli.aligned import GAP
from venom_otel.cockpit import failures

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

COLUMNS: Final = (
    "time",
    "status",
    "provider",
    "model",
    "answered_by",
    "endpoint",
    "duration_s",
    "first_token_s",
    "input_tokens",
    "output_tokens",
    "error",
)
"""The columns for programs; a field that is not known is empty."""

_WIDTHS: Final = {"time": 8, "status": 9, "provider": 12, "duration": 9, "first": 9, "tokens": 13}
_LEAST_MODEL: Final = 16
_STYLES: Final = {"COMPLETED": "green", "FAILED": "bold red", "CANCELLED": "yellow"}

Item = dict[str, Any]


def printer(*, as_json: bool, heading: bool = True) -> Callable[[Iterable[Item]], None]:
    """What prints requests to standard output, in the order given. The heading, where there is one, is printed at once.

    Args:
        as_json: as objects for a program.
        heading: whether a terminal gets one; where programs read, it is there in any case.
    """
    if as_json:
        return _print_json
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        print("\t".join(COLUMNS), flush=True)
        return _print_tabs
    if heading:
        console.print(_heading(console.width))
    return lambda items: _print_lines(console, items)


def _print_json(items: Iterable[Item]) -> None:
    for item in items:
        print(json.dumps(item, ensure_ascii=False), flush=True)


def _print_tabs(items: Iterable[Item]) -> None:
    for item in items:
        usage = item["usage"] or {}
        fields = (
            item["created_at"],
            item["status"],
            item["llm_provider"],
            item["llm_model"],
            item["llm_response_model"],
            item["llm_endpoint"],
            item["duration_seconds"],
            item["first_token"],
            usage.get("input_tokens"),
            usage.get("output_tokens"),
            _failure(item),
        )
        # One request is one line, whatever a server put into its words.
        print("\t".join(" ".join(str(field).split()) if field is not None else "" for field in fields), flush=True)


def _print_lines(console: Console, items: Iterable[Item]) -> None:
    for item in items:
        console.print(_line(item, console.width))
        if failure := _failure(item):
            console.print(Text(f"{' ' * _WIDTHS['time']}{GAP}{_printable(failure)}", style="red"))


def _heading(width: int) -> Text:
    names = {"time": "TIME", "status": "STATUS", "provider": "PROVIDER", "duration": "DURATION", "first": "1ST TOKEN", "tokens": "TOKENS"}
    return Text(_row(names, "MODEL", width), style="dim")


def _line(item: Item, width: int) -> Text:
    usage = item["usage"] or {}
    tokens = [usage.get("input_tokens"), usage.get("output_tokens")]
    model, answered = item["llm_model"] or "", item["llm_response_model"]
    words = {
        "time": _clock(item["created_at"]),
        "status": item["status"].lower(),
        "provider": item["llm_provider"] or "unknown",
        "duration": _seconds(item["duration_seconds"]),
        "first": _seconds(item["first_token"]),
        "tokens": " → ".join("?" if one is None else str(one) for one in tokens) if item["usage"] else "",
    }
    row = _row(words, f"{model} → {answered}" if answered and answered != model else model, width)
    line = Text(_printable(row))
    begin = _WIDTHS["time"] + len(GAP)
    line.stylize("dim", 0, begin)
    line.stylize(_STYLES.get(item["status"], ""), begin, begin + _WIDTHS["status"])
    return line


def _row(words: dict[str, str], model: str, width: int) -> str:
    fixed = sum(_WIDTHS.values()) + len(GAP) * len(_WIDTHS)
    room = max(width - fixed, _LEAST_MODEL)
    left = [_fit(words[name], _WIDTHS[name]) for name in ("time", "status", "provider")]
    right = [_fit(words[name], _WIDTHS[name], right=True) for name in ("duration", "first", "tokens")]
    return GAP.join([*left, _fit(model, room), *right])


def _fit(words: str, width: int, *, right: bool = False) -> str:
    words = words if len(words) <= width else words[: width - 1] + "…"
    return words.rjust(width) if right else words.ljust(width)


def _failure(item: Item) -> str:
    """Why a request failed; empty where it did not."""
    error = item["error"]
    if error is None or item["status"] != "FAILED":
        return ""
    return failures.in_words(error["code"], error["kind"], error["words"], item["llm_provider"], item["llm_endpoint"])


def _printable(words: str) -> str:
    """Without control characters: what a server answers must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in words)


def _clock(moment: str) -> str:
    """The time of day in this machine's zone."""
    return datetime.fromisoformat(moment).astimezone().strftime("%H:%M:%S")


def _seconds(number: float | None) -> str:
    return "" if number is None else f"{number:.2f} s" if number >= 1 else f"{number * 1000:.0f} ms"
