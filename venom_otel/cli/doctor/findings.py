"""What the doctor finds, and how it says so: a line for each thing it looked at, and below it what would mend it."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable


class Status(StrEnum):
    """How it is with one thing."""

    OK = "ok"
    NOTE = "note"
    """Good to know; neither good nor bad."""
    WARNING = "warning"
    """It may well be meant so, but it is a common cause of trouble."""
    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    status: Status
    what: str
    """What was looked at, with what was found."""
    mend: str = ""
    """What to do about it; empty where nothing has to be done."""


def ok(what: str) -> Finding:
    """It works."""
    return Finding(Status.OK, what)


def note(what: str, mend: str = "") -> Finding:
    """It is so."""
    return Finding(Status.NOTE, what, mend)


def warning(what: str, mend: str = "") -> Finding:
    """It may be wrong."""
    return Finding(Status.WARNING, what, mend)


def broken(what: str, mend: str) -> Finding:
    """It does not work."""
    return Finding(Status.BROKEN, what, mend)


_SIGNS: Final = {Status.OK: ("✓", "green"), Status.NOTE: ("·", "dim"), Status.WARNING: ("!", "yellow"), Status.BROKEN: ("✗", "bold red")}
_WORDS: Final = {Status.OK: "fine", Status.NOTE: "to know", Status.WARNING: "to look at", Status.BROKEN: "broken"}


class Report:
    """Takes findings section by section, shows each as it comes, and remembers the worst."""

    def __init__(self, *, as_json: bool) -> None:
        self._console = None if as_json else Console(highlight=False, soft_wrap=True)
        self._found: list[tuple[str, Finding]] = []

    def section(self, name: str, findings: Iterable[Finding]) -> None:
        """Show a section's findings."""
        if self._console is not None:
            self._console.print(Text(f"\n{name}", style="bold"))
        for finding in findings:
            self._found.append((name, finding))
            if self._console is not None:
                _show(self._console, finding)

    @property
    def is_broken(self) -> bool:
        """Whether anything does not work."""
        return any(finding.status is Status.BROKEN for _, finding in self._found)

    def end(self) -> None:
        """Say how it is altogether."""
        if self._console is None:
            found = [{"section": section, **asdict(finding)} for section, finding in self._found]
            print(json.dumps({"ok": not self.is_broken, "findings": found}, ensure_ascii=False))
            return
        counts = Counter(finding.status for _, finding in self._found)
        parts = [f"{counts[status]} {_WORDS[status]}" for status in (Status.OK, Status.WARNING, Status.BROKEN) if counts[status]]
        self._console.print(f"\n{', '.join(parts)}.")


def _show(console: Console, finding: Finding) -> None:
    sign, style = _SIGNS[finding.status]
    console.print(Text.assemble("  ", (sign, style), "  ", _printable(finding.what)))
    if finding.mend:
        console.print(Text(f"     → {_printable(finding.mend)}", style="cyan"))


def _printable(words: str) -> str:
    """Without control characters: what a server answers must not steer the terminal."""
    return "".join(character if character.isprintable() else " " for character in words)
