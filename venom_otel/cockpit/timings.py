"""A request's time as the page draws it: what each part is called, how wide it is, and all of it in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from venom_otel.cockpit import formats, theme
from venom_otel.cockpit.texts import timing as texts
from venom_otel.services.timing import Part

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.services.timing import Timing


class Shown(NamedTuple):
    """One part."""

    part: Part
    name: str
    length: str
    share: float
    """Of the whole, 0 to 1."""


def shown(timing: Timing, *, cold_start: bool = False) -> Sequence[Shown]:
    """The parts in the order of time."""
    whole = sum(timing.parts.values())
    return [
        Shown(part, texts.COLD_START if cold_start and part is Part.LOAD else texts.PARTS[part], formats.duration(ns), ns / whole)
        for part, ns in timing.parts.items()
    ]


def in_words(timing: Timing) -> str:
    """All parts in one line: `Load 319 ms, Prompt 36 ms, Unknown 75 ms`."""
    return ", ".join(f"{one.name} {one.length}" for one in shown(timing))


def thin_bar(timing: Timing) -> str:
    """The style of an element that is drawn as the parts side by side: a list draws a hundred, so each is one element."""
    stops = []
    reached = 0.0
    for one in shown(timing):
        begin, reached = reached, reached + 100 * one.share
        stops.append(f"var(--{theme.PARTS[one.part]}) {begin:.1f}% {reached:.1f}%")
    return f"background: linear-gradient(to right, {', '.join(stops)})"
