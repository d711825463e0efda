"""Why a request was slow: a bar of all that its time went into, each part named with its figures, and why a part is not known."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nicegui import ui

from venom_otel.cockpit import formats, theme, timings
from venom_otel.cockpit.texts import timing as texts

if TYPE_CHECKING:
    from venom_otel.services.timing import Timing


def timing_bar(timing: Timing, *, cold_start: bool) -> None:
    """Build it into the current element; nothing for a request that took no time.

    Args:
        timing: of the request.
        cold_start: whether the runtime says that it loaded the model for it.
    """
    parts = timings.shown(timing, cold_start=cold_start)
    if not parts:
        return
    with ui.element("section").classes("timing").props(f'aria-label="{texts.TITLE}"'):
        with ui.element("div").classes("timing-bar").props("aria-hidden=true"):
            for one in parts:
                with ui.element("span").classes(f"timing-part is-{one.part}").style(f"flex-grow: {one.share:.4f}; {_colour(one)}"):
                    ui.tooltip(f"{one.name} {one.length}")
        with ui.element("ul").classes("timing-legend"):
            for one in parts:
                with ui.element("li"):
                    ui.element("span").classes(f"timing-mark is-{one.part}").style(_colour(one)).props("aria-hidden=true")
                    ui.label(one.name).classes("figure-name")
                    ui.label(one.length).classes("figure-value")
                    ui.label(formats.share(one.share)).classes("muted")
        words = [timing.unknown] if timing.unknown else []
        if timing.tries > 1:
            words.append(texts.tries(timing.tries))
        if words:
            ui.label(" ".join(words)).classes("timing-why")


def _colour(one: timings.Shown) -> str:
    return f"--part: var(--{theme.PARTS[one.part]})"
