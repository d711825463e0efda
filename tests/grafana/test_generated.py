"""What lies in dashboards/: made by the code, whole, and leading to where it says."""

from __future__ import annotations

import itertools
import json
import re
import shutil
import subprocess
import sys
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from support.repository import ROOT

from venom_otel.grafana import generate, uids
from venom_otel.grafana.alerts.rules import RULES
from venom_otel.grafana.dashboards.runtimes import STATES
from venom_otel.grafana.layout import every_panel
from venom_otel.runtimes.model import State

DASHBOARDS = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "dashboards").glob("*.json"))}
UIDS = {dashboard["uid"] for dashboard in DASHBOARDS.values()}


def run(*arguments, cwd):
    command = [sys.executable, "-m", "venom_otel.grafana", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def test_it_is_what_the_code_makes():
    assert generate.differing(ROOT) == []


def test_check_names_what_differs_and_writing_mends_it(tmp_path):
    for folder in ("dashboards", generate.RUNBOOKS):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    overview, rules, foreign = (tmp_path / "dashboards" / name for name in ("overview.json", "prometheus/rules.yml", "old.json"))
    overview.write_text("{}", encoding="utf-8")
    rules.unlink()
    foreign.write_text("{}", encoding="utf-8")
    found = run("--check", cwd=tmp_path)
    assert found.returncode == 1
    assert [line.split()[0] for line in found.stderr.splitlines()] == [
        f"dashboards/{name}" for name in ("old.json", "overview.json", "prometheus/rules.yml")
    ]
    assert run(cwd=tmp_path).returncode == 0
    assert run("--check", cwd=tmp_path).returncode == 0
    assert not foreign.exists()


def test_elsewhere_than_in_a_checkout_it_says_so(tmp_path):
    found = run("--check", cwd=tmp_path)
    assert found.returncode == 2
    assert f"{tmp_path} is no checkout of venom_otel" in found.stderr


def panels():
    return [(name, panel) for name, dashboard in DASHBOARDS.items() for panel in every_panel(dashboard)]


@pytest.mark.parametrize(("name", "panel"), panels(), ids=[f"{name}, {panel['title']}" for name, panel in panels()])
def test_a_panel_says_what_it_shows_and_what_its_emptiness_means(name, panel):
    del name
    if panel["type"] == "row":
        return
    assert panel["fieldConfig"]["defaults"]["noValue"]
    assert panel["title"]
    assert panel.get("description") or panel["type"] in ("text", "traces")
    for target in panel.get("targets", []):
        assert target["datasource"]["uid"] in ("${prometheus}", "${tempo}", "${loki}")


@pytest.mark.parametrize("name", DASHBOARDS)
def test_panels_lie_side_by_side_and_are_numbered(name):
    every = list(every_panel(DASHBOARDS[name]))
    places = [panel["gridPos"] for panel in every]
    assert all(place["x"] + place["w"] <= 24 for place in places)
    for one, other in itertools.combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        above = one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]
        assert beside or above, (one, other)
    assert [panel["id"] for panel in every] == list(range(1, len(places) + 1))


def test_loki_is_asked_by_nobody_who_has_not_opened_its_row():
    """It is there with a profile alone."""
    asking = [
        (name, panel["title"])
        for name, dashboard in DASHBOARDS.items()
        for panel in dashboard["panels"]
        if "${loki}" in str(panel.get("targets"))
    ]
    assert asking == []
    (row,) = [panel for panel in DASHBOARDS["failures"]["panels"] if panel["type"] == "row"]
    assert row["collapsed"] is True
    what_to_do, records = row["panels"]
    assert "COMPOSE_PROFILES=loki" in what_to_do["options"]["content"]
    assert records["targets"][0]["datasource"] == {"type": "loki", "uid": "${loki}"}


def urls(value):
    """Every address in a dashboard, wherever it stands."""
    if isinstance(value, dict):
        if isinstance(value.get("url"), str) and value["url"]:
            yield value["url"]
        for inner in value.values():
            yield from urls(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from urls(inner)


@pytest.mark.parametrize("name", DASHBOARDS)
def test_links_lead_to_dashboards_and_pages_that_there_are(name):
    dashboard = DASHBOARDS[name]
    variables = {variable["name"] for variable in dashboard.get("templating", {}).get("list", [])}
    for url in urls(dashboard):
        own = set(re.findall(r"\$\{(\w+)", url)) - {"__data", "__field", "__value", "__url_time_range", "__from", "__to"}
        assert own <= variables, url
        if url.startswith("/d/"):
            uid = urlsplit(url).path.removeprefix("/d/")
            target = next(one for one in DASHBOARDS.values() if one["uid"] == uid)
            given = set(re.findall(r"var-(\w+)=", url))
            assert given <= {variable["name"] for variable in target["templating"]["list"]}, url
        elif url.startswith("/explore"):
            pane = json.loads(unquote(parse_qs(urlsplit(url).query)["panes"][0]))["venom"]
            assert pane["queries"][0]["query"].startswith('{ span.llm.outcome = "error" && ')
        else:
            assert re.fullmatch(r"\$\{cockpit\}(/history|/compare|/trace/\$\{.+\}|/requests/\$\{.+\}-\$\{.+\})?", url), url


def test_from_each_dashboard_the_cockpit_and_the_others_are_a_click_away():
    for name, dashboard in DASHBOARDS.items():
        assert uids.TAG in dashboard["tags"]
        if name != "runbooks":
            assert [link["type"] for link in dashboard["links"]][:2] == ["dashboards", "link"]
            assert dashboard["links"][1]["url"] == "${cockpit}"


def test_each_alert_has_a_runbook_that_says_what_it_means_where_to_look_and_what_to_do():
    shown = {panel["id"]: panel for panel in DASHBOARDS["runbooks"]["panels"]}
    assert {path.stem for path in (ROOT / generate.RUNBOOKS).glob("*.md")} == {rule.name for rule in RULES}
    for place, rule in enumerate(RULES, 1):
        assert shown[place]["title"].startswith(f"{rule.name}: ")
        for words in ("**Meaning.**", "**Look at**", "**Do**"):
            assert words in shown[place]["options"]["content"]


def test_each_alert_leads_to_a_dashboard_that_has_the_variables_it_sets():
    for rule in RULES:
        dashboard = next(one for one in DASHBOARDS.values() if one["uid"] == rule.dashboard)
        assert rule.variables.keys() <= {variable["name"] for variable in dashboard["templating"]["list"]}


def test_every_state_of_a_server_has_a_colour():
    assert set(STATES) == {state.value for state in State}


def test_the_documentation_names_each_alert_with_its_severity_and_each_dashboard():
    text = (ROOT / "docs" / "grafana.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| \[(\w+)\]\(runbooks/\1\.md\) \| .+ \| (\w+) \|$", text, re.MULTILINE))
    assert told == {rule.name: rule.severity for rule in RULES}
    for dashboard in DASHBOARDS.values():
        assert f"| **{dashboard['title'].removeprefix('venom-otel / ')}** |" in text
