"""The rules as a provisioning file of Grafana's own alerting.

Its form is that of Grafana's `AlertRuleV1` (pkg/services/provisioning/alerting). Grafana expands `$` in labels, which
have none, but not in annotations and queries.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from venom_otel.grafana import uids
from venom_otel.grafana.alerts import links
from venom_otel.grafana.alerts.prometheus_rules import GROUP, INTERVAL
from venom_otel.grafana.alerts.rules import RULES

if TYPE_CHECKING:
    from venom_otel.grafana.alerts.rule import Rule

EVALUATORS: Final = {"above": "gt", "below": "lt"}
_QUERY, _CONDITION = "A", "B"


def content() -> dict[str, Any]:
    """The file's content."""
    group = {"orgId": 1, "name": GROUP, "folder": uids.FOLDER, "interval": INTERVAL, "rules": [_rule(rule) for rule in RULES]}
    return {"apiVersion": 1, "groups": [group]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "uid": rule.uid,
        "title": rule.title,
        "condition": _CONDITION,
        "data": [
            {
                "refId": _QUERY,
                "relativeTimeRange": {"from": rule.lookback_s, "to": 0},
                "datasourceUid": uids.PROMETHEUS,
                "model": {"refId": _QUERY, "expr": rule.query, "instant": True, "range": False},
            },
            {
                "refId": _CONDITION,
                "relativeTimeRange": {"from": 0, "to": 0},
                "datasourceUid": "__expr__",
                "model": {
                    "refId": _CONDITION,
                    "type": "threshold",
                    "expression": _QUERY,
                    "conditions": [{"evaluator": {"type": EVALUATORS[rule.is_], "params": [rule.threshold]}}],
                },
            },
        ],
        "noDataState": "Alerting" if rule.silence_fires else "OK",
        "execErrState": "Error",
        "for": rule.hold,
        "annotations": {
            "summary": rule.summary,
            "description": rule.description.replace("{value}", f'{{{{ printf "%.3g" .Values.{_QUERY}.Value }}}}'),
            "dashboard_url": links.dashboard(rule),
            "runbook_url": links.runbook(rule),
        },
        "labels": {"severity": rule.severity, **rule.labels},
        "isPaused": False,
    }
