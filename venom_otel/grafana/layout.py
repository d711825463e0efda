"""What a dashboard's JSON is made of, whoever reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator


def every_panel(dashboard: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The panels of a dashboard in their order, rows and those within closed rows among them."""
    for panel in dashboard["panels"]:
        yield panel
        yield from panel.get("panels") or ()
