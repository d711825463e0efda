"""The store's DDL and queries, each in a file of its own."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import NamedTuple


class SchemaVersion(NamedTuple):
    """One step of the layout."""

    number: int
    reason: str
    ddl: str


@cache
def statement(name: str) -> str:
    """The text of `{name}.sql`."""
    return (files(__package__) / f"{name}.sql").read_text(encoding="utf-8")


@cache
def versions() -> tuple[SchemaVersion, ...]:
    """Every step of the layout, in order; the first line of its file is the reason it was needed."""
    steps = (entry for entry in (files(__package__) / "schema").iterdir() if entry.name.endswith(".sql"))
    texts = sorted((int(entry.name.removesuffix(".sql")), entry.read_text(encoding="utf-8")) for entry in steps)
    return tuple(SchemaVersion(number, ddl.partition("\n")[0].removeprefix("-- "), ddl) for number, ddl in texts)
