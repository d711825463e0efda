"""What Grafana reads at its start: datasources that lead to one another, and where the dashboards lie.

Grafana expands `$` in these files, so that its own variables are written `$$`. A trace leads to the cockpit from the dashboards, not by a
correlation: Grafana's reader of provisioned ones takes none of the type `external`.
"""

from __future__ import annotations

from typing import Any, Final

from venom_otel import semconv
from venom_otel.grafana import logql, names, panels, uids
from venom_otel.grafana.promql import quantile, rate, share, total

DASHBOARDS_AT: Final = "/etc/venom-otel/dashboards"
"""Where docker-compose.yml puts the folder dashboards/."""
_TAGS: Final = "$$__tags"
"""Where Grafana puts the span's own labels into a query."""
# Grafana opens a datasource's trace in Explore, which is not for those who may only look: hence the dashboard of one trace.
_IN_EXPLORE: Final = "Trace in Explore"
_PAGES: Final = {
    "Trace": f"/d/{uids.TRACE}?var-trace=$${{__value.raw}}",
    "Trace in the cockpit": f"{uids.COCKPIT_URL}/trace/$${{__value.raw}}",
}


def datasources() -> dict[str, Any]:
    """Prometheus, whose exemplars lead to traces, Tempo, whose spans lead to metrics and records, and Loki, whose records lead to traces.

    Grafana asks none of them by itself: a Loki that is not there is heard of by whoever opens its panel or looks for a span's records.
    """
    return {"apiVersion": 1, "prune": True, "datasources": [_prometheus(), _tempo(), _loki()]}


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
                {"name": "trace_id", "datasourceUid": uids.TEMPO, "urlDisplayLabel": _IN_EXPLORE},
                *({"name": "trace_id", "url": url, "urlDisplayLabel": label} for label, url in _PAGES.items()),
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
            "tracesToLogsV2": {
                "datasourceUid": uids.LOKI,
                "spanStartTimeShift": "-5m",
                "spanEndTimeShift": "5m",
                "tags": [{"key": semconv.SERVICE_NAME, "value": logql.label(semconv.SERVICE_NAME)}],
                "customQuery": True,
                "query": logql.of_trace("$${__tags}", "$${__trace.traceId}"),
            },
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


def _loki() -> dict[str, Any]:
    by_trace = {"matcherType": "label", "matcherRegex": logql.TRACE_ID}
    return {
        "name": "Loki",
        "uid": uids.LOKI,
        "type": "loki",
        "access": "proxy",
        "url": "http://loki:3100",
        "editable": False,
        "jsonData": {
            "derivedFields": [
                {"name": "Trace", **by_trace, "url": "$${__value.raw}", "datasourceUid": uids.TEMPO, "urlDisplayLabel": _IN_EXPLORE},
                *({"name": label, **by_trace, "url": url, "urlDisplayLabel": label} for label, url in _PAGES.items()),
            ],
        },
    }
