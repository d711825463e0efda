"""What all dashboards have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.dashboard import DashboardCursorSync, DashboardLinkType

from venom_otel.grafana import links, names, panels, uids, variables
from venom_otel.grafana.promql import grown, legend, select, total

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder
    from grafana_foundation_sdk.models.dashboard import VariableModel


def dashboard(uid: str, description: str, chosen: list[Builder[VariableModel]]) -> builders.Dashboard:
    """A dashboard without panels; it keeps its variables and its time when it leads to another one of ours."""
    title = links.TITLES[uid]
    made = builders.Dashboard(f"venom-otel / {title}").uid(uid).description(description).tags([uids.TAG]).editable()
    made = made.time("now-1h", "now").refresh("30s").timezone("browser").tooltip(DashboardCursorSync.CROSSHAIR)
    for variable in [*variables.datasources(), *chosen]:
        made = made.with_variable(variable)
    others = builders.DashboardLink("venom-otel").type(DashboardLinkType.DASHBOARDS).tags([uids.TAG]).keep_time(True).include_vars(True)
    cockpit = builders.DashboardLink("Cockpit").type(DashboardLinkType.LINK).url(links.COCKPIT).target_blank(True).icon("external link")
    return made.link(others).link(cockpit)


def fallbacks() -> AnnotationQuery:
    """A mark wherever a fallback was asked."""
    happened = total(grown(select(names.FALLBACKS, (names.FROM, "=~", "$provider")), panels.EXPORTED), names.FROM, names.TO, names.ERROR)
    text = f"{legend(names.TO)} instead of {legend(names.FROM)} ({legend(names.ERROR)})"
    return AnnotationQuery("Fallbacks", f"{happened} > 0", text)


class _PrometheusAnnotation(model.AnnotationQuery):
    """The SDK's model lacks what Prometheus's own annotations have."""

    text: str = ""

    def to_json(self) -> dict[str, object]:
        return {**super().to_json(), "titleFormat": self.name, "textFormat": self.text}


class AnnotationQuery(builders.AnnotationQuery):
    """Marks at each moment at which `expr` has a value; `text` with `{{label}}`."""

    def __init__(self, name: str, expr: str, text: str) -> None:
        self._internal = _PrometheusAnnotation(name=name, datasource=panels.PROMETHEUS, enable=True, icon_color="orange", expr=expr)
        self._internal.text = text
