"""The rules as a Prometheus rule file: for those who alert from Prometheus or Mimir, and for `promtool test rules`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from venom_otel.grafana.alerts import links
from venom_otel.grafana.alerts.rules import RULES

if TYPE_CHECKING:
    from venom_otel.grafana.alerts.rule import Rule

GROUP: Final = "venom-otel"
INTERVAL: Final = "30s"
COMPARISONS: Final = {"above": ">", "below": "<"}


def content() -> dict[str, Any]:
    """The file's content."""
    return {"groups": [{"name": GROUP, "interval": INTERVAL, "rules": [_rule(rule) for rule in RULES]}]}


def expression(rule: Rule) -> str:
    """The rule's query with its threshold: an alert for each series that is left."""
    return f"({rule.query}) {COMPARISONS[rule.is_]} {rule.threshold:g}"


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "alert": rule.name,
        "expr": expression(rule),
        "for": rule.hold,
        "labels": {"severity": rule.severity, **rule.labels},
        "annotations": {
            "summary": rule.summary,
            "description": rule.description.replace("{value}", '{{ printf "%.3g" .Value }}'),
            "dashboard_url": links.dashboard(rule),
            "runbook_url": links.runbook(rule),
        },
    }
