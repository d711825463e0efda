"""Runbooks: what each alert means and what to do, so that an alert's link leads somewhere without a network."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders

from venom_otel.grafana import links, panels, uids
from venom_otel.grafana.alerts.rules import RULES

if TYPE_CHECKING:
    from pathlib import Path


def make(texts: Path) -> builders.Dashboard:
    """The dashboard, of the files `NAME.md` in `texts`, one for each rule and in their order, for `alerts.links` counts on that.

    Raises:
        FileNotFoundError: a rule has none.
    """
    made = builders.Dashboard(f"venom-otel / {links.TITLES[uids.RUNBOOKS]}").uid(uids.RUNBOOKS).tags([uids.TAG]).timezone("browser")
    made = made.description("What each alert means, what to look at and what to do.")
    for rule in RULES:
        heading, _, body = (texts / f"{rule.name}.md").read_text(encoding="utf-8").partition("\n")
        title = heading.removeprefix("# ").strip()
        made = made.with_panel(panels.words(title, body.strip(), size=panels.Size(12, 14)))
    return made
