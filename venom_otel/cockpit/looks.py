"""How a server's state looks, everywhere on the page: a class of the sheets, which gives its mark a shape and a colour."""

from __future__ import annotations

from typing import Final

from venom_otel.runtimes.model import State

UNKNOWN: Final = "is-unknown"
DOWN: Final = "is-down"
_LOOKS: Final = {
    State.READY: "is-ready",
    State.DEGRADED: "is-degraded",
    State.STARTING: "is-coming",
    State.LOADING: "is-coming",
}
ALL: Final = " ".join(dict.fromkeys((*_LOOKS.values(), DOWN, UNKNOWN)))


def look(state: State | None) -> str:
    """The class of a state; None is a server that nobody watches."""
    return UNKNOWN if state is None else _LOOKS.get(state, DOWN)
