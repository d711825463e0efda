"""A small line of a server's latency: paths of SVG, which cost a page less than a chart of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from nicegui import ui

from venom_otel.cockpit import formats
from venom_otel.cockpit.texts import servers as texts
from venom_otel.services.latencies import STEPS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.services.latencies import Step

WIDTH: Final = 2 * STEPS
HEIGHT: Final = 24
LEAST_S: Final = 0.02
"""What fills the height at least: a server that answers within milliseconds draws a line that lies low, not one of noise."""


class Drawing(NamedTuple):
    """What is drawn, as paths of SVG, and the same in words."""

    line: str
    missed: str
    words: str


class Sparkline:
    """Draws the line where the page is at this moment."""

    def __init__(self) -> None:
        with ui.element("svg").classes("sparkline") as self._drawing:
            self._drawing.props(f'viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio=none role=img')
            ui.element("path").classes("sparkline-ground").props(f'd="M0 {HEIGHT - 1}H{WIDTH}"')
            self._line = ui.element("path").classes("sparkline-line")
            self._missed = ui.element("path").classes("sparkline-missed")
        self._shown: Drawing | None = None

    def show(self, steps: Sequence[Step]) -> None:
        """Draw what is known now."""
        drawn = drawing(steps)
        if drawn != self._shown:
            self._shown = drawn
            self._line.props(f'd="{drawn.line}"')
            self._missed.props(f'd="{drawn.missed}"')
            self._drawing.props(f'aria-label="{drawn.words}"')


def drawing(steps: Sequence[Step]) -> Drawing:
    """The paths for steps, the newest at the right; the line breaks off where no look was answered, and a bar stands there."""
    if not steps:
        return Drawing("", "", texts.latency("", "", 0))
    first = steps[-1].number - STEPS + 1
    slowest = max((step.slowest_s for step in steps if step.slowest_s is not None), default=0.0)
    top = max(slowest, LEAST_S)
    line: list[str] = []
    begun = False
    for step in steps:
        if step.slowest_s is None:
            begun = False
            continue
        x, y = _x(step.number - first), round(HEIGHT - 2 - (HEIGHT - 4) * step.slowest_s / top, 1)
        line.append(f"L{x} {y:g}" if begun else f"M{x} {y:g}h0")
        begun = True
    missed = "".join(f"M{_x(step.number - first)} {HEIGHT}v-6" for step in steps if step.unanswered)
    now = steps[-1].slowest_s
    words = texts.latency(formats.seconds(now), formats.seconds(slowest or None), sum(step.unanswered for step in steps))
    return Drawing("".join(line), missed, words)


def _x(place: int) -> int:
    return round((place + 0.5) * WIDTH / STEPS)
