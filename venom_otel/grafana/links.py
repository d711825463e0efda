"""Where panels lead: to traces in Tempo, to the cockpit, to one another."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from venom_otel.grafana import uids

if TYPE_CHECKING:
    from venom_otel.grafana.panels import Link

COCKPIT: Final = "${cockpit}"
"""The variable with the cockpit's address."""
_KEPT: Final = "${}:."
"""What must stay readable for Grafana to find its variables in an address."""


def field(label: str) -> str:
    """What a row of a table has in the column of a label, as part of an address."""
    return f"${{__data.fields.{label}:percentencode}}"


def series(label: str) -> str:
    """What a series has as its label, as part of an address."""
    return f"${{__field.labels.{label}:percentencode}}"


def dashboard(uid: str, title: str, variables: dict[str, str]) -> Link:
    """Another dashboard at the same time, its variables set."""
    chosen = "".join(f"&var-{name}={value}" for name, value in variables.items())
    return {"title": title, "url": f"/d/{uid}?${{__url_time_range}}{chosen}&${{prometheus:queryparam}}&${{tempo:queryparam}}"}


def explore(title: str, query: str) -> Link:
    """A TraceQL query in Grafana's Explore; variables in `query` are written as `${…:percentencode}`."""
    pane = {
        "datasource": "${tempo}",
        "queries": [
            {"refId": "A", "datasource": {"type": "tempo", "uid": "${tempo}"}, "queryType": "traceql", "query": query, "limit": 20}
        ],
        "range": {"from": "${__from}", "to": "${__to}"},
    }
    return {"title": title, "url": f"/explore?schemaVersion=1&orgId=1&panes={quote(json.dumps({'venom': pane}), safe=_KEPT)}"}


def trace(title: str, trace_id: str) -> Link:
    """One trace within a dashboard: whoever may only look has no Explore."""
    return dashboard(uids.TRACE, title, {"trace": trace_id})


def cockpit(title: str, path: str) -> Link:
    """A page of the cockpit."""
    return {"title": title, "url": f"{COCKPIT}{path}", "targetBlank": True}


TITLES: Final = {
    uids.OVERVIEW: "Overview",
    uids.RUNTIMES: "Runtimes",
    uids.FAILURES: "Failures",
    uids.COMPARE: "Compare models",
    uids.TRACE: "Trace",
    uids.RUNBOOKS: "Runbooks",
}
