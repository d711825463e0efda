"""The state's DDL and queries, each in a file of its own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """The text of `{name}.sql`."""
    return (files(__package__) / f"{name}.sql").read_text(encoding="utf-8")


@cache
def versions() -> tuple[str, ...]:
    """Every step of the layout, in order: the first makes version 1."""
    steps = (entry for entry in (files(__package__) / "schema").iterdir() if entry.name.endswith(".sql"))
    return tuple(entry.read_text(encoding="utf-8") for entry in sorted(steps, key=lambda entry: entry.name))
