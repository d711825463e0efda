"""Trace: one trace, for those who came by a link and may not use Explore."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models.dashboard import DashboardLinkType

from venom_otel.grafana import links, panels, uids, variables
from venom_otel.grafana.dashboards import frame

if TYPE_CHECKING:
    from grafana_foundation_sdk.builders.dashboard import Dashboard


def make() -> Dashboard:
    """The dashboard."""
    made = frame.dashboard(uids.TRACE, "One trace: its spans, their times and what they say.", [variables.trace()])
    made = made.with_panel(panels.one_trace("Trace", "${trace}", "No such trace (yet): paste its id above", size=panels.Size(24, 22)))
    cockpit = builders.DashboardLink("This trace in the cockpit").type(DashboardLinkType.LINK).icon("external link")
    return made.link(cockpit.url(f"{links.COCKPIT}/trace/${{trace}}").target_blank(True))
