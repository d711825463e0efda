"""The list of requests as text for other programs, line by line: JSON lines, or CSV with what is nested side by side."""

from __future__ import annotations

import csv
import io
import json
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from venom_otel.services.timing import Part

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping


class Format(StrEnum):
    """How requests are written."""

    CSV = "csv"
    JSONL = "jsonl"


COLUMNS: Final = (
    "request_id", "cursor", "status", "service", "llm_provider", "llm_model", "llm_response_model", "llm_endpoint", "created_at",
    "finished_at", "duration_seconds", "first_token", "streaming", "usage.input_tokens", "usage.output_tokens", "speed",
    "error.kind", "error.code", "error.words", "fallback", *(f"timing.{part}" for part in Part),
)  # fmt: skip
"""Of the CSV; the names are the API's."""


def head(form: Format) -> str:
    """What stands before the first request; "" where nothing does."""
    return _csv_line(COLUMNS) if form is Format.CSV else ""


def lines(form: Format, rows: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """A line for each request, its end included; `rows` are requests as the API has them, with JSON's types."""
    for row in rows:
        yield json.dumps(row, ensure_ascii=False) + "\n" if form is Format.JSONL else _csv_line(_flat(row))


def _flat(row: Mapping[str, Any]) -> list[Any]:
    values = {**row, "timing": (row["timing"] or {}).get("parts")}
    flat = {f"{name}.{inner}": value for name, nested in values.items() if isinstance(nested, dict) for inner, value in nested.items()}
    return [(values | flat).get(column) for column in COLUMNS]


def _csv_line(values: Iterable[Any]) -> str:
    line = io.StringIO()
    csv.writer(line, lineterminator="\n").writerow(values)
    return line.getvalue()
