"""What Grafana reads at its start, held to the form that its own readers have (pkg/services/provisioning in Grafana's repository).

No schema of them is published: the forms are written out from `AlertRuleV1`, `ContactPointV1`, `NotificationPolicyV1`,
`upsertDataSourceFromConfigV1` and the dashboards' `configV1`.
"""

from __future__ import annotations

import re

import pytest
import yaml
from jsonschema import Draft202012Validator
from support.repository import ROOT

from venom_otel.grafana import uids
from venom_otel.grafana.alerts import prometheus_rules
from venom_otel.grafana.alerts.rules import RULES

FOLDER = ROOT / "dashboards" / "provisioning"
TEXT = {"type": "string", "minLength": 1}
SPAN = {"type": "string", "pattern": r"^[0-9]+[smhd]$"}


def closed(required, **optional):
    """An object with these fields and no others."""
    return {"type": "object", "properties": {**required, **optional}, "required": list(required), "additionalProperties": False}


def many(item):
    return {"type": "array", "items": item, "minItems": 1}


QUERY = closed(
    {
        "refId": TEXT,
        "relativeTimeRange": closed({"from": {"type": "integer"}, "to": {"type": "integer"}}),
        "datasourceUid": TEXT,
        "model": {"type": "object", "required": ["refId"]},
    },
    queryType=TEXT,
)
RULE = closed(
    {
        "uid": {"type": "string", "pattern": r"^[a-zA-Z0-9_-]{1,40}$"},
        "title": {"type": "string", "minLength": 1, "maxLength": 190},
        "condition": TEXT,
        "data": many(QUERY),
        "noDataState": {"enum": ["Alerting", "NoData", "OK", "KeepLast"]},
        "execErrState": {"enum": ["Alerting", "Error", "OK", "KeepLast"]},
        "for": SPAN,
        "annotations": {"type": "object", "additionalProperties": TEXT},
        "labels": {"type": "object", "additionalProperties": TEXT},
        "isPaused": {"type": "boolean"},
    },
    dashboardUid=TEXT,
    panelId={"type": "integer"},
    keepFiringFor=SPAN,
)
GROUP = closed({"orgId": {"type": "integer"}, "name": TEXT, "folder": TEXT, "interval": SPAN, "rules": many(RULE)})
DATASOURCE = closed(
    {"name": TEXT, "uid": TEXT, "type": TEXT, "access": {"enum": ["proxy"]}, "url": TEXT, "jsonData": {"type": "object"}},
    orgId={"type": "integer"},
    isDefault={"type": "boolean"},
    editable={"type": "boolean"},
    secureJsonData={"type": "object"},
)
PROVIDER = closed(
    {"name": TEXT, "type": {"const": "file"}, "options": closed({"path": TEXT}, foldersFromFilesStructure={"type": "boolean"})},
    orgId={"type": "integer"},
    folder=TEXT,
    disableDeletion={"type": "boolean"},
    allowUiUpdates={"type": "boolean"},
    updateIntervalSeconds={"type": "integer"},
)
SETTINGS = {
    "webhook": closed({"url": TEXT}, httpMethod={"enum": ["POST", "PUT"]}),
    "slack": closed({"url": TEXT}, title=TEXT, text=TEXT),
    "email": closed({"addresses": TEXT}, subject=TEXT, message=TEXT, singleEmail={"type": "boolean"}),
}
"""What each kind of receiver takes, as far as we use it."""
RECEIVER = {
    "oneOf": [
        closed({"uid": TEXT, "type": {"const": kind}, "settings": settings}, disableResolveMessage={"type": "boolean"})
        for kind, settings in SETTINGS.items()
    ]
}
POINT = closed({"orgId": {"type": "integer"}, "name": TEXT, "receivers": many(RECEIVER)})
POLICY = closed(
    {"orgId": {"type": "integer"}, "receiver": TEXT},
    group_by=many(TEXT),
    group_wait=SPAN,
    group_interval=SPAN,
    repeat_interval=SPAN,
)
NOTIFICATIONS = closed(
    {"apiVersion": {"const": 1}}, contactPoints=many(POINT), policies=many(POLICY), resetPolicies=many({"type": "integer"})
)
FORMS = {
    "alerting": closed({"apiVersion": {"const": 1}, "groups": many(GROUP)}),
    "datasources": closed({"apiVersion": {"const": 1}, "datasources": many(DATASOURCE)}, prune={"type": "boolean"}),
    "dashboards": closed({"apiVersion": {"const": 1}, "providers": many(PROVIDER)}),
}


def content(kind):
    return yaml.safe_load((FOLDER / kind / "venom-otel.yaml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kind", FORMS)
def test_a_file_has_its_form(kind):
    faults = [f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(FORMS[kind]).iter_errors(content(kind))]
    assert faults == []


WAYS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in (ROOT / "dashboards" / "notifications").glob("*.yaml")}


@pytest.mark.parametrize("name", WAYS)
def test_a_way_to_be_told_has_its_form(name):
    assert [f"{fault.json_path}: {fault.message}" for fault in Draft202012Validator(NOTIFICATIONS).iter_errors(WAYS[name])] == []


def test_unless_somebody_chooses_no_policy_of_anybody_is_touched():
    assert WAYS.keys() == {"nobody", "reset", *SETTINGS}
    assert WAYS["nobody"] == {"apiVersion": 1} == yaml.safe_load((FOLDER / "alerting" / "notifications.yaml").read_text(encoding="utf-8"))
    assert WAYS["reset"] == {"apiVersion": 1, "resetPolicies": [1]}


@pytest.mark.parametrize("name", SETTINGS)
def test_a_way_leads_to_where_a_variable_of_compose_says(name):
    """Grouped by labels that alerts have, so that one place is one message. Grafana takes each `$` for a variable, and there is but one."""
    (point,), (policy,) = WAYS[name]["contactPoints"], WAYS[name]["policies"]
    assert policy["receiver"] == point["name"]
    (group,) = content("alerting")["groups"]
    assert set(policy["group_by"]) <= {"grafana_folder", "alertname"}.union(*(rule["labels"] for rule in group["rules"]))
    assert {"provider", "model", "endpoint"} < set(policy["group_by"])
    variables = re.findall(r"\$(\w+)", str(WAYS[name]))
    assert len(variables) == str(WAYS[name]).count("$") == 1
    environment = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]["environment"]
    assert environment[variables[0]].startswith(f"${{{variables[0]}:-")


def test_grafana_s_rules_and_prometheus_s_ask_the_same():
    (group,) = content("alerting")["groups"]
    rules = yaml.safe_load((ROOT / "dashboards" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))["groups"][0]["rules"]
    comparisons = {"gt": ">", "lt": "<"}
    for ours, one, other in zip(RULES, group["rules"], rules, strict=True):
        query, condition = one["data"]
        (asked,) = condition["model"]["conditions"]
        comparison, (limit,) = comparisons[asked["evaluator"]["type"]], asked["evaluator"]["params"]
        assert f"({query['model']['expr']}) {comparison} {limit:g}" == other["expr"] == prometheus_rules.expression(ours)
        assert (one["for"], one["labels"]) == (other["for"], other["labels"])
        assert one["annotations"].keys() == other["annotations"].keys()
        assert one["condition"] == condition["refId"]
        assert condition["model"]["expression"] == query["refId"]
        assert query["relativeTimeRange"]["from"] >= ours.lookback_s


def test_what_grafana_would_take_for_a_variable_of_the_environment_is_escaped():
    """It expands `$` in titles, labels and datasources; in annotations and queries it does not."""
    (group,) = content("alerting")["groups"]
    for rule in group["rules"]:
        assert "$" not in rule["title"] + "".join(rule["labels"].values())
    text = (FOLDER / "datasources" / "venom-otel.yaml").read_text(encoding="utf-8")
    assert re.findall(r"(?<!\$)\$(?:\$\$)*(?!\$)", text) == []


def test_a_server_that_nothing_is_heard_of_counts_as_down():
    (group,) = content("alerting")["groups"]
    assert {rule["title"]: rule["noDataState"] for rule in group["rules"] if rule["noDataState"] != "OK"} == {
        "A model server is down": "Alerting"
    }


def test_exemplars_lead_to_traces_and_traces_to_metrics():
    prometheus, tempo, _ = content("datasources")["datasources"]
    assert (prometheus["uid"], tempo["uid"]) == (uids.PROMETHEUS, uids.TEMPO)
    places = prometheus["jsonData"]["exemplarTraceIdDestinations"]
    assert [place.get("datasourceUid") or place["url"] for place in places] == [
        "tempo",
        "/d/venom-otel-trace?var-trace=$${__value.raw}",
        "http://127.0.0.1:8765/trace/$${__value.raw}",
    ]
    assert tempo["jsonData"]["tracesToMetrics"]["datasourceUid"] == "prometheus"


def test_traces_lead_to_log_records_and_these_to_traces():
    _, tempo, loki = content("datasources")["datasources"]
    to_logs = tempo["jsonData"]["tracesToLogsV2"]
    assert (to_logs["datasourceUid"], loki["uid"]) == (uids.LOKI, uids.LOKI)
    assert to_logs["tags"] == [{"key": "service.name", "value": "service_name"}]
    assert to_logs["query"] == '{$${__tags}} | trace_id="$${__trace.traceId}"'
    fields = loki["jsonData"]["derivedFields"]
    assert {(field["matcherType"], field["matcherRegex"]) for field in fields} == {("label", "trace_id")}
    assert [field.get("datasourceUid") or field["url"] for field in fields] == [
        "tempo",
        "/d/venom-otel-trace?var-trace=$${__value.raw}",
        "http://127.0.0.1:8765/trace/$${__value.raw}",
    ]
    assert fields[0]["url"] == "$${__value.raw}"


def test_the_stack_mounts_what_grafana_is_told_to_read():
    grafana = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]["grafana"]
    *plain, chosen, _ = grafana["volumes"]
    mounted = dict(volume.split(":")[:2] for volume in plain)
    assert mounted["./dashboards/provisioning"] == "/etc/grafana/provisioning"
    (provider,) = content("dashboards")["providers"]
    assert mounted["./dashboards"] == provider["options"]["path"]
    # Within a folder that is only read, which needs to have a file of that name.
    assert chosen["source"] == "./dashboards/notifications/${ALERTS_TO:-nobody}.yaml"
    assert (FOLDER / chosen["target"].removeprefix("/etc/grafana/provisioning/")).is_file()
