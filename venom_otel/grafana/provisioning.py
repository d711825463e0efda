"""What Grafana reads at its start: datasources that lead to one another, and where the dashboards lie.

Grafana expands `$` in these files, so that its own variables are written `$$`. A trace leads to the cockpit from the dashboards, not by a
correlation: Grafana's reader of provisioned ones takes none of the type `external`.
"""

from __future__ import annotations

from typing import Any, Final

from venom_otel import semconv
from venom_otel.grafana import names, panels, uids
from venom_otel.grafana.promql import quantile, rate, share, total

DASHBOARDS_AT: Final = "/etc/venom-otel/dashboards"
"""Where docker-compose.yml puts the folder dashboards/."""
_TAGS: Final = "$$__tags"
"""Where Grafana puts the span's own labels into a query."""


def datasources() -> dict[str, Any]:
    """Prometheus, whose exemplars lead to traces, and Tempo, whose spans lead to metrics."""
    return {"apiVersion": 1, "prune": True, "datasources": [_prometheus(), _tempo()]}


def dashboards() -> dict[str, Any]:
    """The folder of dashboards."""
    provider = {
        "name": uids.FOLDER,
        "orgId": 1,
        "folder": uids.FOLDER,
        "type": "file",
        "disableDeletion": True,
        "allowUiUpdates": False,
        "updateIntervalSeconds": 30,
        "options": {"path": DASHBOARDS_AT, "foldersFromFilesStructure": False},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _prometheus() -> dict[str, Any]:
    return {
        "name": "Prometheus",
        "uid": uids.PROMETHEUS,
        "type": "prometheus",
        "access": "proxy",
        "url": "http://prometheus:9090",
        "isDefault": True,
        "editable": False,
        "jsonData": {
            "httpMethod": "POST",
            "prometheusType": "Prometheus",
            # The smallest window of a rate is four of these.
            "timeInterval": panels.EXPORTED,
            "exemplarTraceIdDestinations": [
                # Grafana opens a datasource's trace in Explore, which is not for those who may only look: hence the dashboard of one trace.
                {"name": "trace_id", "datasourceUid": uids.TEMPO, "urlDisplayLabel": "Trace in Explore"},
                {"name": "trace_id", "url": f"/d/{uids.TRACE}?var-trace=$${{__value.raw}}", "urlDisplayLabel": "Trace"},
                {"name": "trace_id", "url": f"{uids.COCKPIT_URL}/trace/$${{__value.raw}}", "urlDisplayLabel": "Trace in the cockpit"},
            ],
        },
    }


def _tempo() -> dict[str, Any]:
    attributes = (semconv.LLM_PROVIDER, semconv.LLM_MODEL, semconv.LLM_ENDPOINT)
    asked = f"{names.REQUESTS}{{{_TAGS}}}"
    failed = f'{names.REQUESTS}{{{_TAGS}, {names.ERROR}!=""}}'
    interval = "$$__rate_interval"
    return {
        "name": "Tempo",
        "uid": uids.TEMPO,
        "type": "tempo",
        "access": "proxy",
        "url": "http://tempo:3200",
        "editable": False,
        "jsonData": {
            "tracesToMetrics": {
                "datasourceUid": uids.PROMETHEUS,
                "spanStartTimeShift": "-15m",
                "spanEndTimeShift": "15m",
                "tags": [{"key": attribute, "value": names.label(attribute)} for attribute in attributes],
                "queries": [
                    {"name": "Requests of this model", "query": total(rate(asked, interval))},
                    {"name": "Error rate of this model", "query": share(total(rate(failed, interval)), total(rate(asked, interval)))},
                    {"name": "Duration, p95", "query": quantile(0.95, rate(f"{names.DURATION}{{{_TAGS}}}", interval))},
                ],
            },
            "nodeGraph": {"enabled": True},
            "traceQuery": {"timeShiftEnabled": True, "spanStartTimeShift": "-1h", "spanEndTimeShift": "1h"},
            "streamingEnabled": {"search": True, "metrics": True},
        },
    }
