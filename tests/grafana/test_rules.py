"""Each alert rule, tried by Prometheus's own `promtool test rules`: fires from a series that was not there, keeps still, ends.

Values are those of promtool, a minute apart: `1x9` is a 1 and nine more of it, `_x9` no sample nine times, `0+2x9` grows by 2 each minute.
"""

from __future__ import annotations

import subprocess
from dataclasses import dataclass, field

import pytest
import yaml
from support.repository import ROOT

from venom_otel.grafana import names, uids
from venom_otel.grafana.alerts.rules import RULES
from venom_otel.grafana.promql import grown, quantile

FILE = ROOT / "dashboards" / "prometheus" / "rules.yml"
WHO = 'llm_provider="vllm",llm_model="qwen",llm_endpoint="http://gpu:8000/v1",service_name="shop",instance="a"'
IDENTITY = {"provider": "vllm", "model": "qwen", "endpoint": "http://gpu:8000/v1"}
RUNTIME = 'llm_runtime_name="vllm",llm_provider="vllm",llm_endpoint="http://gpu:8000",service_name="venom-otel-monitor"'
UP = f"llm_runtime_up{{{RUNTIME}}}"
ALIVE = {UP: "1x300"}
FALLBACKS = 'llm_fallbacks_total{{llm_route_from="vllm",llm_route_to="ollama",error_type="{}",instance="a"}}'


def requests(error: str = "") -> str:
    return f'{names.REQUESTS}{{{WHO},error_type="{error}"}}' if error else f"{names.REQUESTS}{{{WHO}}}"


def streams(values: str, *, fast: bool) -> dict[str, str]:
    """As many streams as `values` says, all of them either below 0.64 s or between 5.12 and 10.24 s."""
    bounds = {"0.64": fast, "5.12": fast, "10.24": True, "+Inf": True}
    buckets = {f'{names.FIRST_TOKEN}{{{WHO},le="{bound}"}}': values if inside else "0x300" for bound, inside in bounds.items()}
    return {**buckets, f"{names.STREAMS}{{{WHO}}}": values}


@dataclass(frozen=True)
class Case:
    """Series, and in which minutes the alert `rule` fires, with these labels, or does not."""

    rule: str
    what: str
    series: dict[str, str]
    fires: tuple[int, ...] = ()
    quiet: tuple[int, ...] = ()
    labels: dict[str, str] = field(default_factory=dict)


FAILING = {**IDENTITY, "error_type": "404"}
DOWN = {"runtime": "vllm", "provider": "vllm", "endpoint": "http://gpu:8000"}
NONE = {"runtime": "any", "provider": "any", "endpoint": "any"}
FELL_BACK = {"provider": "vllm", "fallback_provider": "ollama"}
SHOP = {"service": "shop"}

CASES = [
    Case("ModelFailing", "nothing at all", {}, quiet=(1, 60)),
    Case("ModelFailing", "the first failure of a new series, then its end", {requests("404"): "_x10 1x60"}, (10, 14), (9, 15, 40), FAILING),
    Case("ModelFailing", "one more after a long time", {requests("404"): "5x90 6x30"}, (91, 95), (60, 90, 96), FAILING),
    Case("ModelFailing", "the process began again", {requests("404"): "5x30 1x30"}, (31,), (30, 40), FAILING),
    Case("ModelFailing", "the road was down for a while and nothing failed", {requests("404"): "5x30 _x30 5x30"}, quiet=(30, 61, 66)),
    Case("ModelFailing", "the road was down for a while and one failed", {requests("404"): "5x30 _x30 6x30"}, (62,), (30, 70), FAILING),
    Case("ModelFailing", "another failure", {requests("429"): "_x10 1x60", requests(): "0+5x60"}, quiet=(10, 14)),
    Case("RuntimeDown", "nothing known of any server", {}, (2, 30), (0,), NONE),
    Case("RuntimeDown", "it says so, then it is up again", {UP: "1x9 0x9 1x30"}, (12, 18), (5, 10, 22), DOWN),
    Case("RuntimeDown", "its series ends", {UP: "1x9 _x60", UP.replace("gpu", "cpu"): "1x100"}, (16, 60), (10, 75), DOWN),
    Case("RuntimeDown", "a short look away", {UP: "1x9 _x2 1x60"}, quiet=(10, 12, 30)),
    Case("FallbackActive", "nothing at all", {}, quiet=(1, 60)),
    Case("FallbackActive", "never", {FALLBACKS.format("404"): "0x60"}, quiet=(1, 30)),
    Case("FallbackActive", "the first", {FALLBACKS.format("404"): "0x9 1x60"}, (10, 14), (9, 15), {**FELL_BACK, "error_type": "404"}),
    Case(
        "FallbackActive", "after an unusual error",
        {FALLBACKS.format("418"): "_x10 1x60"}, (10,), (9, 16), {**FELL_BACK, "error_type": "418"},
    ),
    Case("ErrorRateBurn", "nothing at all", {}, quiet=(1, 60)),
    Case(
        "ErrorRateBurn", "a third fails, then none",
        {requests(): "0+2x200", requests("500"): "_x30 1+1x60 61x100"}, (60, 90), (20, 31, 100), IDENTITY,
    ),
    Case("ErrorRateBurn", "one of a hundred", {requests(): "0+99x200", requests("500"): "0+1x200"}, quiet=(10, 60, 120)),
    Case("ErrorRateBurn", "few requests", {requests("500"): "_x10 1 2 3 4 5 6 7x60"}, quiet=(10, 16, 30)),
    Case("SlowFirstToken", "nothing at all", {}, quiet=(1, 60)),
    Case(
        "SlowFirstToken", "from the first stream on, then its end",
        streams("_x10 1+1x30 31x60", fast=False), (20, 40), (10, 14, 52), IDENTITY,
    ),
    Case("SlowFirstToken", "quick ones", streams("_x10 1+1x90", fast=True), quiet=(20, 40)),
    Case("SlowFirstToken", "few streams", streams("_x10 1 2 3x60", fast=False), quiet=(12, 17, 20)),
    Case("TelemetryMissing", "nothing at all", {}, (6, 60), (4,), {"service": "any"}),
    Case(
        "TelemetryMissing", "a service falls silent, then comes back",
        {**ALIVE, requests(): "1x20 _x30 1x60"}, (31, 50), (20, 28, 52), SHOP,
    ),
    Case("TelemetryMissing", "forgotten after an hour", {**ALIVE, requests(): "1x20 _x200"}, (40, 78), (20, 82), SHOP),
    Case("TelemetryMissing", "all speak", {**ALIVE, requests(): "1x300"}, quiet=(30, 200)),
]  # fmt: skip


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.rule}, {case.what}")
def test_it_fires_when_it_should_and_no_longer(case, promtool_program, tmp_path):
    severity = next(rule.severity for rule in RULES if rule.name == case.rule)
    alert = {"__name__": "ALERTS", "alertname": case.rule, "alertstate": "firing", "severity": severity, **case.labels}
    samples = [{"labels": "{" + ", ".join(f'{name}="{value}"' for name, value in alert.items()) + "}", "value": 1}]
    asked = f'ALERTS{{alertname="{case.rule}",alertstate="firing"}}'
    promtool_test(
        promtool_program,
        tmp_path,
        case.series,
        promql_expr_test=[
            *({"expr": asked, "eval_time": f"{minute}m", "exp_samples": relabelled(samples, case)} for minute in case.fires),
            *({"expr": asked, "eval_time": f"{minute}m"} for minute in case.quiet),
        ],
    )


def relabelled(samples, case):
    """An alert keeps the labels of its series besides its own."""
    own = (
        {
            "ModelFailing": {"llm_provider": "vllm", "llm_model": "qwen", "llm_endpoint": "http://gpu:8000/v1"},
            "ErrorRateBurn": {"llm_provider": "vllm", "llm_model": "qwen", "llm_endpoint": "http://gpu:8000/v1"},
            "SlowFirstToken": {"llm_provider": "vllm", "llm_model": "qwen", "llm_endpoint": "http://gpu:8000/v1"},
            "RuntimeDown": {"llm_runtime_name": "vllm", "llm_provider": "vllm", "llm_endpoint": "http://gpu:8000"},
            "FallbackActive": {"llm_route_from": "vllm", "llm_route_to": "ollama"},
            "TelemetryMissing": {"service_name": "shop"},
        }[case.rule]
        if case.series
        else {}
    )
    (sample,) = samples
    more = "".join(f', {name}="{value}"' for name, value in own.items())
    return [{**sample, "labels": sample["labels"].removesuffix("}") + more + "}"}]


def test_every_rule_is_tried_from_silence_quiet_and_to_its_end():
    for rule in RULES:
        cases = [case for case in CASES if case.rule == rule.name]
        assert any(not case.series for case in cases), f"{rule.name} from an absent series"
        assert any(case.fires for case in cases), f"{rule.name} fires"
        assert any(not case.fires and case.series for case in cases), f"{rule.name} keeps still"
        assert any(case.fires and max(case.quiet) > max(case.fires) for case in cases), f"{rule.name} ends"


AT_SERVER = {"llm_provider": "vllm", "llm_model": "qwen", "llm_endpoint": "http://gpu:8000/v1"}
SET = "from=now-1h&to=now&var-provider=vllm&var-model=qwen&var-endpoint=http%3A%2F%2Fgpu%3A8000%2Fv1"


@dataclass(frozen=True)
class Message:
    """What an alert says that fires in a minute: its labels, its words, and the dashboard it leads to."""

    rule: str
    series: dict[str, str]
    minute: int
    labels: dict[str, str]
    summary: str
    description: str
    dashboard: str


MESSAGES = [
    Message(
        "ModelFailing",
        {requests("404"): "_x10 1x60"},
        10,
        {**FAILING, **AT_SERVER},
        "qwen at vllm (http://gpu:8000/v1) fails with 404",
        (
            "Requests answered that way in the last five minutes: 1. 404: the server does not have this model, or the base URL is "
            "wrong. 500: the server failed while it worked on the request."
        ),
        f"{uids.FAILURES}?{SET}",
    ),
    Message(
        "RuntimeDown",
        {UP: "1x9 0x30"},
        12,
        {**DOWN, "llm_runtime_name": "vllm", "llm_provider": "vllm", "llm_endpoint": "http://gpu:8000"},
        "Model server vllm (http://gpu:8000) is down, or not watched any more",
        "Requests cannot be sent there, or nobody says that they can. The dashboard says since when and how it was before.",
        f"{uids.RUNTIMES}?from=now-1h&to=now&var-provider=vllm&var-endpoint=http%3A%2F%2Fgpu%3A8000",
    ),
    Message(
        "RuntimeDown",
        {},
        5,
        NONE,
        "No model server is watched: nothing comes from venom-otel up or monitor",
        "Requests cannot be sent there, or nobody says that they can. The dashboard says since when and how it was before.",
        f"{uids.RUNTIMES}?from=now-1h&to=now",
    ),
    Message(
        "FallbackActive",
        {FALLBACKS.format("404"): "0x9 2x60"},
        10,
        {**FELL_BACK, "error_type": "404", "llm_route_from": "vllm", "llm_route_to": "ollama"},
        "ollama is asked instead of vllm (404)",
        "Times in the last five minutes: 2. Applications get answers, from another server than they should.",
        f"{uids.OVERVIEW}?from=now-1h&to=now",
    ),
    Message(
        "ErrorRateBurn",
        {requests(): "0+1x60", requests("500"): "0+1x60"},
        20,
        {**IDENTITY, **AT_SERVER},
        "qwen at vllm (http://gpu:8000/v1) fails too often",
        "Of its requests 99% should succeed. Over the last hour failures came 50 times faster than that allows, and they still do.",
        f"{uids.FAILURES}?{SET}",
    ),
    Message(
        "SlowFirstToken",
        streams("0+1x60", fast=False),
        20,
        {**IDENTITY, **AT_SERVER},
        "qwen at vllm (http://gpu:8000/v1) begins its answers slowly",
        "One stream of twenty took 9.98 s or more to its first token in the last ten minutes; 5 s are the limit.",
        f"{uids.OVERVIEW}?{SET}",
    ),
    Message(
        "TelemetryMissing",
        {**ALIVE, requests(): "1x20 _x60"},
        40,
        {"service": "shop", "service_name": "shop"},
        "Nothing comes from shop any more",
        "It was heard of within the last hour, or never. Other alerts about it cannot be trusted until it is heard of again.",
        f"{uids.OVERVIEW}?from=now-1h&to=now&var-service=shop",
    ),
]


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.summary)
def test_its_words_name_who_it_is_about_and_lead_to_dashboard_and_runbook(message, promtool_program, tmp_path):
    rule, place = next((rule, place) for place, rule in enumerate(RULES, 1) if rule.name == message.rule)
    annotations = {
        "summary": message.summary,
        "description": message.description,
        "dashboard_url": f"http://127.0.0.1:3000/d/{message.dashboard}",
        "runbook_url": f"http://127.0.0.1:3000/d/{uids.RUNBOOKS}?viewPanel=panel-{place}",
    }
    expected = {"exp_labels": {"severity": rule.severity, **message.labels}, "exp_annotations": annotations}
    asked = {"eval_time": f"{message.minute}m", "alertname": message.rule, "exp_alerts": [expected]}
    promtool_test(promtool_program, tmp_path, message.series, alert_rule_test=[asked])


def test_increase_alone_misses_the_first_failure_and_the_rules_way_does_not(promtool_program, tmp_path):
    series = requests("404")
    samples = [{"labels": "{}", "value": 0}], [{"labels": "{}", "value": 1}]
    asked = [f"sum(increase({series}[5m]))", f"sum({grown(series, '5m')})"]
    tests = [{"expr": expr, "eval_time": "12m", "exp_samples": sample} for expr, sample in zip(asked, samples, strict=True)]
    promtool_test(promtool_program, tmp_path, {series: "_x10 1x60"}, promql_expr_test=tests)


def test_a_quantile_of_nothing_is_nothing_and_not_nan(promtool_program, tmp_path):
    """Streams that ended long ago: their buckets are there and do not grow."""
    of_streams = grown(names.FIRST_TOKEN, "5m")
    bare = f"histogram_quantile(0.95, sum by (le) ({of_streams}))"
    nan = {"expr": f"{bare} != bool {bare}", "eval_time": "60m", "exp_samples": [{"labels": "{}", "value": 1}]}
    ours = {"expr": quantile(0.95, of_streams), "eval_time": "60m"}
    while_they_came = {"expr": f"{quantile(0.95, of_streams)} > bool 5", "eval_time": "5m", "exp_samples": [{"labels": "{}", "value": 1}]}
    promtool_test(promtool_program, tmp_path, streams("0+1x9 9x60", fast=False), promql_expr_test=[nan, ours, while_they_came])


def test_promtool_would_tell(promtool_program, tmp_path):
    """The tool is really asked: an alert that nobody raises is missed."""
    with pytest.raises(AssertionError, match="FAILED"):
        promtool_test(
            promtool_program,
            tmp_path,
            ALIVE,
            promql_expr_test=[{"expr": "ALERTS", "eval_time": "1m", "exp_samples": [{"labels": "x", "value": 1}]}],
        )


def promtool_test(promtool, folder, series, **tests):
    file = folder / "test.yml"
    inputs = [{"series": name, "values": values} for name, values in series.items()]
    test = {"interval": "1m", "input_series": inputs, **tests}
    file.write_text(yaml.safe_dump({"rule_files": [str(FILE)], "evaluation_interval": "30s", "tests": [test]}), encoding="utf-8")
    done = subprocess.run([promtool, "test", "rules", file], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
