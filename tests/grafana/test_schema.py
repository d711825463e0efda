"""The generated dashboards by Grafana's own word: the types of @grafana/schema 13 and the grammars of TraceQL and LogQL, from npm."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from support.repository import ROOT

from tools import grafana_schema

DASHBOARDS = sorted((ROOT / "dashboards").glob("*.json"))


@pytest.fixture(scope="session")
def check():
    command = grafana_schema.command()
    if not Path(command[-1]).is_file():
        pytest.skip("Grafana's types are not installed: run `make grafana-schema`")

    def run(*files):
        done = subprocess.run([*command, *files], capture_output=True, text=True, check=False)
        assert not done.stderr
        return done.stdout

    return run


def test_all_dashboards_are_what_grafana_takes(check):
    assert check(*DASHBOARDS) == f"{len(DASHBOARDS)} dashboards, 3 TraceQL queries, 1 LogQL queries, 0 faults\n"


def without_a_text(dashboard):
    del dashboard["panels"][0]["fieldConfig"]["defaults"]["noValue"]


def with_an_unknown_option(dashboard):
    dashboard["panels"][0]["options"]["colour"] = "red"


def with_a_wrong_mode(dashboard):
    dashboard["panels"][0]["options"]["legend"]["displayMode"] = "tree"


def without_a_type(dashboard):
    dashboard["templating"]["list"][0].pop("type")


def with_wrong_traceql(dashboard):
    next(panel for panel in dashboard["panels"] if panel["title"] == "Failed requests")["targets"][0]["query"] = "{ span.llm.outcome == }"


def with_wrong_logql(dashboard):
    dashboard["panels"][-1]["panels"][-1]["targets"][0]["expr"] = '{service_name=~".+"} | trace_id='


def with_an_unknown_option_in_a_closed_row(dashboard):
    dashboard["panels"][-1]["panels"][-1]["options"]["colour"] = "red"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (without_a_text, "noValue"),
        (with_an_unknown_option, "'colour' does not exist"),
        (with_a_wrong_mode, '"tree"'),
        (without_a_type, "'type' is missing"),
        (with_wrong_traceql, "not TraceQL at"),
        (with_wrong_logql, "not LogQL at"),
        (with_an_unknown_option_in_a_closed_row, "colour"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_it_would_tell(change, words, check, tmp_path):
    dashboard = json.loads((ROOT / "dashboards" / "failures.json").read_text(encoding="utf-8"))
    change(dashboard)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(dashboard), encoding="utf-8")
    assert words in check(path).replace('"colour"', "colour")
