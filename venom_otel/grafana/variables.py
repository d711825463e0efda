"""What a dashboard can be set to: datasources, and which requests or servers it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import dashboard

from venom_otel import semconv
from venom_otel.grafana import names, traceql, uids
from venom_otel.grafana.panels import PROMETHEUS
from venom_otel.grafana.promql import select

if TYPE_CHECKING:
    from grafana_foundation_sdk.cog.builder import Builder

    from venom_otel.grafana.promql import Matcher

LABELS: Final = {
    "provider": names.PROVIDER,
    "model": names.MODEL,
    "endpoint": names.ENDPOINT,
    "service": names.SERVICE,
}
_ATTRIBUTES: Final = {"provider": semconv.LLM_PROVIDER, "model": semconv.LLM_MODEL, "endpoint": semconv.LLM_ENDPOINT}
_TITLES: Final = {"provider": "Provider", "model": "Model", "endpoint": "Server", "service": "Service"}

_EVERY: Final = ".*"
_ALL: Final = dashboard.VariableOption(selected=True, text=["All"], value=["$__all"])


def datasources() -> list[Builder[dashboard.VariableModel]]:
    """Which Prometheus and which Tempo, and where the cockpit is."""
    return [
        builders.DatasourceVariable("prometheus").label("Metrics").type("prometheus").current(_chosen("Prometheus", uids.PROMETHEUS)),
        builders.DatasourceVariable("tempo").label("Traces").type("tempo").current(_chosen("Tempo", uids.TEMPO)),
        builders.TextBoxVariable("cockpit")
        .label("Cockpit")
        .default_value(uids.COCKPIT_URL)
        .current(_chosen(uids.COCKPIT_URL, uids.COCKPIT_URL)),
    ]


def loki() -> Builder[dashboard.VariableModel]:
    """Which Loki."""
    return builders.DatasourceVariable("loki").label("Log records").type("loki").current(_chosen("Loki", uids.LOKI))


def trace() -> Builder[dashboard.VariableModel]:
    """A trace's id."""
    return builders.TextBoxVariable("trace").label("Trace id").default_value("").current(_chosen("", ""))


def choices(metric: str, *wanted: str) -> list[Builder[dashboard.VariableModel]]:
    """Variables of the names `wanted`, each with what the series of `metric` have, those before it being chosen."""
    made: list[Builder[dashboard.VariableModel]] = []
    for place, name in enumerate(wanted):
        series = select(metric, *matchers(*wanted[:place]))
        query: dict[str, object] = {"query": f"label_values({series}, {LABELS[name]})", "refId": f"values-{name}"}
        variable = builders.QueryVariable(name).label(_TITLES[name]).datasource(PROMETHEUS).query(query)
        variable = variable.multi(True).include_all(True).all_value(_EVERY).current(_ALL)
        made.append(variable.refresh(dashboard.VariableRefresh.ON_TIME_RANGE_CHANGED).sort(dashboard.VariableSort.ALPHABETICAL_ASC))
    return made


def matchers(*wanted: str) -> list[Matcher]:
    """Matchers that hold a query to what the variables `wanted` are set to. `.*` also fits series without that label."""
    return [(LABELS[name], "=~", f"${name}") for name in wanted]


def conditions(*wanted: str) -> list[str]:
    """The same for TraceQL, where `.*` fits no span without that attribute."""
    return [
        traceql.resource(semconv.SERVICE_NAME, "=~", "$service")
        if name == "service"
        else traceql.any_of(_ATTRIBUTES[name], f"${name}", _EVERY)
        for name in wanted
    ]


def _chosen(text: str, value: str) -> dashboard.VariableOption:
    return dashboard.VariableOption(selected=True, text=text, value=value)
