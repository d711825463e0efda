"""Where an alert leads: the dashboard set to what it is about, and its runbook."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venom_otel.grafana import uids
from venom_otel.grafana.alerts.rules import RULES

if TYPE_CHECKING:
    from venom_otel.grafana.alerts.rule import Rule


def dashboard(rule: Rule) -> str:
    """The dashboard with its variables set to the series' labels; a label that the series lacks leaves its variable open."""
    variables = "".join(
        f"{{{{ with .Labels.{label} }}}}&var-{variable}={{{{ . | urlquery }}}}{{{{ end }}}}" for variable, label in rule.variables.items()
    )
    return f"{uids.GRAFANA_URL}/d/{rule.dashboard}?from=now-1h&to=now{variables}"


def runbook(rule: Rule) -> str:
    """The rule's panel on the dashboard of runbooks, which is made of docs/runbooks."""
    return f"{uids.GRAFANA_URL}/d/{uids.RUNBOOKS}?viewPanel=panel-{panel_id(rule)}"


def panel_id(rule: Rule) -> int:
    """The number of the rule's panel on the dashboard of runbooks."""
    return RULES.index(rule) + 1
