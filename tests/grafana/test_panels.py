"""Every query of every panel, annotation and variable, evaluated by the real Prometheus over real metrics; every alert's too."""

from __future__ import annotations

import json
import re
import time
from dataclasses import dataclass

import httpx
import pytest
from grafana.traffic import ASKED
from support.program import eventually
from support.repository import ROOT

from venom_otel.grafana import names
from venom_otel.grafana.alerts.rules import RULES

pytestmark = pytest.mark.timeout(300)  # the first test starts four programs

DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))
VARIABLES = {
    "$__rate_interval": "2m",
    "$__interval": "2m",
    "$__range": "10m",
    "$provider": ".*",
    "$model": ".*",
    "$endpoint": ".*",
    "$service": ".*",
}
LEGEND = re.compile(r"\{\{(\w+)\}\}")


@dataclass(frozen=True)
class Asked:
    """A query, where it stands, and which labels its legend needs."""

    where: str
    expr: str
    labels: frozenset[str]

    @property
    def filled(self) -> str:
        expr = self.expr
        for name in sorted(VARIABLES, key=len, reverse=True):
            expr = expr.replace(name, VARIABLES[name])
        assert "$" not in expr, expr
        return expr


def queries() -> list[Asked]:
    found = []
    for path in DASHBOARDS:
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        for panel in dashboard["panels"]:
            for target in panel.get("targets", []):
                if target["datasource"]["type"] == "prometheus":
                    labels = frozenset(LEGEND.findall(target["legendFormat"]))
                    found.append(Asked(f"{path.stem}, {panel['title']}, {target['refId']}", target["expr"], labels))
        for annotation in dashboard.get("annotations", {}).get("list") or []:
            labels = frozenset(LEGEND.findall(annotation["textFormat"]))
            found.append(Asked(f"{path.stem}, mark {annotation['name']}", annotation["expr"], labels))
    return found


QUERIES = queries()


@pytest.mark.parametrize("asked", QUERIES, ids=lambda asked: asked.where)
def test_a_panel_s_query_gives_series_with_numbers_and_the_legend_s_labels(asked, prometheus):
    series = prometheus.query(asked.filled)
    assert series
    for one in series:
        assert one["value"][1] not in ("NaN", "+Inf", "-Inf"), one
        assert asked.labels <= one["metric"].keys(), one


def test_there_are_as_many_queries_as_the_dashboards_are_known_to_have():
    """So that a mistake in finding them does not pass for a dashboard without queries."""
    assert {path.stem: sum(asked.where.startswith(f"{path.stem},") for asked in QUERIES) for path in DASHBOARDS} == {
        "compare": 15,
        "failures": 8,
        "overview": 22,
        "runbooks": 0,
        "runtimes": 20,
        "trace": 0,
    }


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_an_alert_s_query_is_understood_by_it(rule, prometheus):
    prometheus.query(rule.query)


def value(prometheus, panel_title, dashboard="overview", **labels):
    (asked,) = [asked for asked in QUERIES if asked.where.startswith(f"{dashboard}, {panel_title}, ")]
    found = [one for one in prometheus.query(asked.filled) if labels.items() <= one["metric"].items()]
    (one,) = found
    return float(one["value"][1])


def test_the_figures_are_those_of_what_was_asked(prometheus):
    """24 answers, a 404, a 500, and a routed call whose first attempt is a 500: three of the round trips failed."""
    assert value(prometheus, "Requests") == ASKED
    assert value(prometheus, "Failed") == pytest.approx(3 / ASKED)
    assert value(prometheus, "Who was asked instead", llm_route_to="ollama", error_type="500") == 1
    assert value(prometheus, "Top failures", llm_provider="vllm", error_type="500") == 2
    assert value(prometheus, "Top failures", llm_provider="ollama", error_type="404") == 1
    assert value(prometheus, "What failed", "failures", service_name="shop", error_type="404") == 1
    assert value(prometheus, "States", "runtimes", llm_runtime_name="gone") == 7


def test_the_alerts_see_the_first_failures(prometheus):
    failing, down, fallback, *_ = (prometheus.query(rule.query) for rule in RULES)
    failed = {(one["metric"][names.PROVIDER], one["metric"][names.ERROR]): float(one["value"][1]) for one in failing}
    assert failed == {("vllm", "500"): 2, ("ollama", "404"): 1}
    assert {one["metric"][names.RUNTIME]: one["value"][1] for one in down} == {"vllm": "1", "gone": "0", "llamacpp": "1", "ollama": "1"}
    assert [one["value"][1] for one in fallback if one["value"][1] != "0"] == ["1"]


def test_prometheus_evaluates_the_rules_by_itself_and_raises_what_is_wrong(prometheus):
    def evaluated():
        (group,) = httpx.get(f"{prometheus.url}/api/v1/rules").json()["data"]["groups"]
        firing = {rule["name"] for rule in group["rules"] if rule["state"] == "firing"}
        return group["rules"] if firing >= {"ModelFailing", "FallbackActive"} else []

    rules = eventually(evaluated, 60)
    assert {rule["name"]: (rule["health"], rule.get("lastError")) for rule in rules} == {rule.name: ("ok", None) for rule in RULES}
    said = {alert["annotations"]["summary"] for rule in rules if rule["name"] == "ModelFailing" for alert in rule["alerts"]}
    assert {words.partition(" (")[0] for words in said} == {"simulated-broken at vllm", "simulated-missing at ollama"}


def variables():
    return [
        (f"{path.stem}, {variable['name']}", variable["query"]["query"])
        for path in DASHBOARDS
        for variable in json.loads(path.read_text(encoding="utf-8")).get("templating", {}).get("list", [])
        if variable["type"] == "query"
    ]


@pytest.mark.parametrize(("where", "query"), variables(), ids=[where for where, _ in variables()])
def test_a_variable_has_values_to_choose_from(where, query, prometheus):
    del where
    match = re.fullmatch(r"label_values\((.+), (\w+)\)", query)
    series = Asked("", match[1], frozenset()).filled
    answer = httpx.get(f"{prometheus.url}/api/v1/label/{match[2]}/values", params={"match[]": series}).json()
    assert answer["status"] == "success"
    assert answer["data"]


def test_exemplars_lead_from_the_panels_that_show_them_to_traces(prometheus):
    shown = [
        (panel, target)
        for path in DASHBOARDS
        for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
        for target in panel.get("targets", [])
        if target.get("exemplar")
    ]
    assert {panel["title"] for panel, _ in shown} == {"Duration", "Time to first token", "How long failures took"}
    for panel, target in shown:
        now = time.time()
        asked = {"query": Asked("", target["expr"], frozenset()).filled, "start": str(now - 600), "end": str(now + 60)}
        answer = httpx.get(f"{prometheus.url}/api/v1/query_exemplars", params=asked).json()
        found = [exemplar["labels"] for series in answer["data"] for exemplar in series["exemplars"]]
        assert found, panel["title"]
        assert all(re.fullmatch(r"[0-9a-f]{32}", labels["trace_id"]) for labels in found)
