"""What an existing Grafana should have: the dashboards and alert rules, set to its own datasources and addresses."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import GrafanaError
from venom_otel.grafana import uids
from venom_otel.grafana.alerts import grafana_rules

if TYPE_CHECKING:
    from collections.abc import Sequence

Json = dict[str, Any]
MARK: Final = "__venom_otel__"
"""The annotation of a rule that says what was pushed; Grafana shows none that begins with two underscores."""
_SECONDS: Final = {"s": 1, "m": 60, "h": 3600}
_INSTALLED, _CHECKOUT = Path(__file__).with_name("made"), Path(__file__).parents[2] / "dashboards"
_OTHERS: Final = ("provenance", "id", "updated", "orgID")
_NOTHING: Final[tuple[object, ...]] = (None, False, "", "0s", {})
"""What Grafana may write or leave out as it likes."""
_ADDED: Final = ("intervalMs", "maxDataPoints", "datasource", "hide", "queryType", "legendFormat", "editorMode")
"""What Grafana and its editor write into the model of a query beside what we say."""


@dataclass(frozen=True)
class Target:
    """The Grafana that it is for: its address, the cockpit's, and the uids and names of its datasources."""

    url: str
    cockpit: str
    prometheus: Json
    tempo: Json | None
    loki: Json | None = None


def dashboards(target: Target) -> Sequence[Json]:
    """The dashboards as Grafana's JSON."""
    folder = _INSTALLED if _INSTALLED.is_dir() else _CHECKOUT
    return [_set_to(json.loads(path.read_text(encoding="utf-8")), target) for path in sorted(folder.glob("*.json"))]


def rules(target: Target, folder: str, organization: int) -> Sequence[Json]:
    """The alert rules in the form of Grafana's provisioning API, each with a mark of its own content."""
    (group,) = grafana_rules.content()["groups"]
    made = []
    for rule in group["rules"]:
        words = json.dumps(rule).replace(uids.GRAFANA_URL, target.url)
        one: Json = {**json.loads(words), "folderUID": folder, "ruleGroup": group["name"], "orgID": organization}
        for query in one["data"]:
            if query["datasourceUid"] == uids.PROMETHEUS:
                query["datasourceUid"] = target.prometheus["uid"]
        made.append({**one, "annotations": {**one["annotations"], MARK: digest(plain_rule(one))}})
    return made


def group() -> tuple[str, int]:
    """The name of the rules' group, and how often Grafana evaluates it, in seconds."""
    (found,) = grafana_rules.content()["groups"]
    interval = found["interval"]
    return found["name"], int(interval[:-1]) * _SECONDS[interval[-1]]


def plain_dashboard(dashboard: Json) -> Json:
    """What of a dashboard is said by whoever made it, not by Grafana."""
    return {name: value for name, value in dashboard.items() if name not in ("id", "version")}


def plain_rule(rule: Json) -> Json:
    """The same of an alert rule, without our mark."""
    kept = {name: value for name, value in rule.items() if name not in _OTHERS and value not in _NOTHING}
    kept["annotations"] = {name: value for name, value in rule.get("annotations", {}).items() if name != MARK}
    kept["data"] = [_plain_query(query) for query in rule["data"]]
    return kept


def digest(content: Json) -> str:
    """What tells two contents apart."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def choose(sources: Sequence[Json], kind: str, uid: str | None) -> Json | None:
    """The datasource of a type: the one of that uid, of our name, the only one, or the default; None where there is none of the type.

    Raises:
        GrafanaError: there is none of that uid, or it cannot be told which is meant; the message names those there are.
    """
    found = [one for one in sources if one["type"] == kind]
    listed = ", ".join(f"{one['uid']} ({one['name']})" for one in found) or "none"
    if uid:
        for one in found:
            if one["uid"] == uid:
                return one
        raise GrafanaError(f"--{kind}-uid {uid}: Grafana has no datasource of type {kind} with that uid. It has: {listed}.")
    if not found:
        return None
    for fits in (
        lambda one: one["uid"] == kind,
        lambda one: one["name"].lower() == kind,
        lambda one: one is found[-1] and one is found[0],
        lambda one: one.get("isDefault"),
    ):
        for one in found:
            if fits(one):
                return one
    raise GrafanaError(f"Grafana has several datasources of type {kind}: say which with --{kind}-uid. It has: {listed}.")


def _plain_query(query: Json) -> Json:
    """`relativeTimeRange` is left out by Grafana where it is nothing."""
    span = {"from": 0, "to": 0, **(query.get("relativeTimeRange") or {})}
    model = {name: value for name, value in query["model"].items() if name not in _ADDED}
    return {"refId": query["refId"], "datasourceUid": query["datasourceUid"], "relativeTimeRange": span, "model": model}


def _set_to(dashboard: Json, target: Target) -> Json:
    """Its variables set to the Grafana's datasources and the cockpit's address."""
    chosen = {
        uids.PROMETHEUS: (target.prometheus["name"], target.prometheus["uid"]),
        "cockpit": (target.cockpit, target.cockpit),
        **({uids.TEMPO: (target.tempo["name"], target.tempo["uid"])} if target.tempo else {}),
        **({uids.LOKI: (target.loki["name"], target.loki["uid"])} if target.loki else {}),
    }
    for variable in dashboard.get("templating", {}).get("list", []):
        if variable["name"] in chosen:
            text, value = chosen[variable["name"]]
            variable["current"] = {**variable["current"], "text": text, "value": value}
            if variable["type"] == "textbox":
                variable["query"] = value
    return dashboard
