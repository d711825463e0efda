"""Whom Grafana tells of alerts: one provisioning file for each way, of which docker-compose.yml takes the one that `ALERTS_TO` names.

Their form is that of Grafana's `ContactPointV1` and `NotificationPolicyV1` (pkg/services/provisioning/alerting). A file with a policy
takes the place of Grafana's whole tree of policies, which is why the one that holds unless somebody chooses has none.
"""

from __future__ import annotations

from typing import Any, Final

from venom_otel.grafana import uids

ADDRESS, EMAIL = "$ALERTS_URL", "$ALERTS_EMAIL"
"""Variables of Grafana's environment; it puts their values in."""

_TEXT: Final = (
    "{{ range .Alerts }}[{{ .Status }}] {{ .Annotations.summary }}\n{{ .Annotations.description }}\n"
    "{{ .Annotations.dashboard_url }}\n{{ .Annotations.runbook_url }}\n{{ end }}"
)
_TITLE: Final = "{{ .CommonLabels.alertname }}: {{ len .Alerts.Firing }} firing, {{ len .Alerts.Resolved }} resolved"
_SETTINGS: Final[dict[str, dict[str, Any]]] = {
    "webhook": {"url": ADDRESS, "httpMethod": "POST"},
    "slack": {"url": ADDRESS, "title": _TITLE, "text": _TEXT},
    "email": {"addresses": EMAIL, "subject": _TITLE, "message": _TEXT, "singleEmail": True},
}
NOBODY: Final = "nobody"
RESET: Final = "reset"
GROUP_BY: Final = ("grafana_folder", "alertname", "provider", "model", "endpoint")
"""One message for what fails in one place: not one for each kind of error, nor one for all servers together."""


def contents() -> dict[str, dict[str, Any]]:
    """Each file's content by its name, which is what `ALERTS_TO` says."""
    ways = {name: _told(name, settings) for name, settings in _SETTINGS.items()}
    return {NOBODY: {"apiVersion": 1}, **ways, RESET: {"apiVersion": 1, "resetPolicies": [1]}}


def _told(kind: str, settings: dict[str, Any]) -> dict[str, Any]:
    receiver = {"uid": f"{uids.FOLDER}-{kind}", "type": kind, "settings": settings, "disableResolveMessage": False}
    policy = {
        "orgId": 1,
        "receiver": uids.FOLDER,
        "group_by": list(GROUP_BY),
        "group_wait": "10s",
        "group_interval": "1m",
        "repeat_interval": "4h",
    }
    return {
        "apiVersion": 1,
        "contactPoints": [{"orgId": 1, "name": uids.FOLDER, "receivers": [receiver]}],
        "policies": [policy],
    }
