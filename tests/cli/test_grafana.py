"""`venom-otel grafana` against a stand-in that takes what Grafana's published API schema allows; Grafana itself was not there."""

import json
import socket
import sys

import pytest
from support.cockpit import command
from support.grafana_server import TOKEN, GrafanaServer, fault
from support.tls import TlsServer

from venom_otel.cli.grafana import open_
from venom_otel.errors import MissingExtraError
from venom_otel.grafana.alerts.rules import RULES

DASHBOARDS, ALERTS = 6, len(RULES)
OVERVIEW, FAILING = "venom-otel-overview", "venom-otel-modelfailing"


@pytest.fixture
def grafana():
    with GrafanaServer() as server:
        yield server


@pytest.fixture
def run(tmp_path, grafana):
    def call(*arguments, url=grafana.url, token=TOKEN):
        known = {"VENOM_OTEL_GRAFANA_URL": url} | ({"VENOM_OTEL_GRAFANA_TOKEN": token} if token else {})
        ended = command("grafana", *arguments, home=tmp_path, **known)
        assert TOKEN not in ended.stdout + ended.stderr
        return ended

    return call


def refused(ended):
    assert (ended.returncode, ended.stdout) == (2, "")
    return ended.stderr


def test_a_push_makes_all_and_the_next_one_nothing(grafana, run):
    first = run("push")
    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout.splitlines()[-1] == f"{grafana.url}/d/{OVERVIEW}"
    assert [folder["title"] for folder in grafana.folders] == ["venom-otel"]
    assert len(grafana.dashboards) == DASHBOARDS
    assert len(grafana.rules) == ALERTS
    assert len(grafana.written) == DASHBOARDS + ALERTS
    assert grafana.intervals == {"venom-otel": 30}
    second = run("push")
    assert second.returncode == 0
    assert second.stdout.count(": unchanged") == DASHBOARDS + ALERTS
    assert len(grafana.written) == DASHBOARDS + ALERTS


def test_they_are_set_to_that_grafana(grafana, run):
    run("push", "--cockpit-url", "https://cockpit.lan/")
    rule = grafana.rules[FAILING]
    assert [query["datasourceUid"] for query in rule["data"]] == ["metrics-1", "__expr__"]
    assert rule["annotations"]["dashboard_url"].startswith(f"{grafana.url}/d/")
    assert (rule["folderUID"], rule["orgID"], "provenance" in rule) == ("folder-0", 7, False)
    variables = {one["name"]: one for one in grafana.dashboards[OVERVIEW]["dashboard"]["templating"]["list"]}
    assert [variables[name]["current"]["value"] for name in ("prometheus", "tempo", "cockpit")] == [
        "metrics-1",
        "traces-1",
        "https://cockpit.lan",
    ]


def test_a_dry_run_changes_nothing_and_shows_what_would_be(grafana, run):
    first = run("push", "--dry-run")
    assert first.returncode == 0
    assert first.stdout.count(": new") == DASHBOARDS + ALERTS
    assert (grafana.folders, grafana.written) == ([], [])
    run("push")
    grafana.dashboards[OVERVIEW]["dashboard"]["title"] = "Mine"
    grafana.messages[OVERVIEW].append("")
    shown = run("push", "--dry-run")
    assert shown.returncode == 1
    assert "changed in Grafana (by sa-push, 2026-11-01T10:00:00Z)" in shown.stdout
    assert '    - "title": "Mine",' in shown.stdout
    assert '    + "title": "venom-otel / Overview",' in shown.stdout
    assert len(grafana.written) == DASHBOARDS + ALERTS


def test_what_people_changed_is_kept_unless_forced(grafana, run):
    run("push")
    grafana.dashboards[OVERVIEW]["dashboard"]["title"] = "Mine"
    grafana.messages[OVERVIEW].append("my own")
    grafana.rules[FAILING]["for"] = "10m"
    kept = run("push")
    assert kept.returncode == 1
    assert "2 left as they are in Grafana" in kept.stdout
    assert grafana.dashboards[OVERVIEW]["dashboard"]["title"] == "Mine"
    assert grafana.rules[FAILING]["for"] == "10m"
    forced = run("push", "--force")
    assert forced.returncode == 0
    assert forced.stdout.count("overwritten") == 2
    assert grafana.dashboards[OVERVIEW]["dashboard"]["title"] == "venom-otel / Overview"
    assert grafana.rules[FAILING]["for"] == "0s"


def test_what_was_pushed_before_and_nobody_changed_is_brought_up_to_date(grafana, run):
    run("push")
    later = run("push", "--cockpit-url", "http://other:8765")
    assert later.returncode == 0
    assert later.stdout.count("': update") == DASHBOARDS - 1  # all but the runbooks lead to the cockpit
    grafana.datasources["Prometheus"] = {**grafana.datasources["Prometheus"], "uid": "metrics-2"}
    moved = run("push", "--cockpit-url", "http://other:8765")
    assert moved.returncode == 0
    assert moved.stdout.count("': update") == DASHBOARDS - 1 + ALERTS
    assert grafana.rules[FAILING]["data"][0]["datasourceUid"] == "metrics-2"


def test_what_grafana_brings_into_another_form_is_still_the_same(grafana, run):
    run("push")
    grafana.dashboards[OVERVIEW]["dashboard"]["schemaVersion"] = 42
    assert run("push").stdout.count(": unchanged") == DASHBOARDS + ALERTS


def test_what_comes_from_files_is_left(grafana, run):
    run("push")
    grafana.dashboards[OVERVIEW]["meta"]["provisioned"] = True
    grafana.provisioned.add(OVERVIEW)
    ended = run("push", "--force", "--cockpit-url", "http://other:8765")
    assert ended.returncode == 1
    assert "cannot be changed (it comes from files on Grafana's own server" in ended.stdout


def test_a_folder_that_is_there_is_taken(grafana, run):
    grafana.folders.append({"uid": "ours", "title": "Models"})
    assert run("push", "--folder", "Models", "--no-alerts").returncode == 0
    assert {one["meta"]["folderUid"] for one in grafana.dashboards.values()} == {"ours"}
    assert (len(grafana.folders), grafana.rules) == (1, {})


def test_a_grafana_below_a_path_and_a_token_from_a_file(tmp_path, run):
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    with GrafanaServer("/grafana") as below:
        ended = run("push", "--url", f"{below.url}/", "--token-file", str(tmp_path / "token"), token=None)
        assert (ended.returncode, ended.stderr) == (0, "")
        assert len(below.dashboards) == DASHBOARDS


def test_several_datasources(grafana, run):
    grafana.datasources = {
        "Mimir": {"uid": "m", "type": "prometheus"},
        "Thanos": {"uid": "t", "type": "prometheus"},
    }
    assert "say which with --prometheus-uid. It has: m (Mimir), t (Thanos)." in refused(run("push"))
    assert "no datasource of type prometheus with that uid" in refused(run("push", "--prometheus-uid", "x"))
    ended = run("push", "--prometheus-uid", "t")
    assert ended.returncode == 0
    assert "Grafana has no Tempo datasource" in ended.stdout
    assert grafana.rules[FAILING]["data"][0]["datasourceUid"] == "t"


def test_a_missing_datasource(grafana, run):
    grafana.datasources = {}
    assert "has no Prometheus datasource that the token may ask" in refused(run("push"))


def test_a_wrong_token(run):
    words = refused(run("push", token="glsa_wrong"))
    assert "does not take the token" in words
    assert "Service accounts" in words
    assert "glsa_wrong" not in words


def test_a_missing_permission_is_named(grafana, run):
    grafana.rights.discard("alert.provisioning:read")
    ended = run("push")
    assert ended.returncode == 2
    assert "Permissions needed: alert.provisioning:read. Give the token's service account that permission" in ended.stderr
    assert "--no-alerts" in ended.stderr
    assert grafana.written == []


def test_an_old_grafana(grafana, run):
    grafana.version = "10.4.2"
    assert "is 10.4.2; the dashboards need 11.6 or newer" in refused(run("push"))


def test_nobody_there(run):
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        words = refused(run("check", url=f"http://127.0.0.1:{held.getsockname()[1]}"))
    assert "no Grafana answers at" in words
    assert "refused" in words
    assert "object at 0x" not in words


def test_a_certificate_that_nobody_vouches_for(tmp_path, run):
    with TlsServer(tmp_path) as server:
        words = refused(run("check", url=f"https://127.0.0.1:{server.port}"))
    assert "is not trusted" in words
    assert "REQUESTS_CA_BUNDLE" in words


def test_no_address(run):
    assert "is no address of a Grafana" in refused(run("push", "--url", "grafana.lan"))


def test_a_token_file_that_is_not_there(tmp_path, run):
    assert "cannot be read: No such file" in refused(run("push", "--token-file", str(tmp_path / "none")))


def test_check_says_that_all_is_well(grafana, run):
    run("push")
    ended = run("check")
    assert (ended.returncode, ended.stderr) == (0, "")
    for words in ("Grafana 13.0.2 at", "may push dashboards and alert rules", "Prometheus (metrics-1) answers", "panels have data"):
        assert words in ended.stdout
    asked = [one["expr"] for one in grafana.asked if "expr" in one]
    assert asked
    assert not any("$provider" in one or "$model" in one or "${" in one for one in asked)
    assert {one["path"] for one in grafana.asked if "path" in one} == {"search"}


def test_check_names_panels_that_are_empty_or_fail(grafana, run):
    run("push")
    grafana.empty = {"llm_fallbacks_total"}
    assert "no data in the last 1 h" in run("check").stdout
    grafana.broken = "llm_active_model"
    ended = run("check", "--json")
    assert ended.returncode == 1
    broken = [one["what"] for one in json.loads(ended.stdout)["findings"] if one["status"] == "broken"]
    assert any(words == "venom-otel / Overview, Active model: bad_data: parse error" for words in broken)


def test_check_of_what_is_not_there_or_gets_nothing(grafana, run):
    ended = run("check")
    assert ended.returncode == 1
    assert "run `venom-otel grafana push`" in ended.stdout
    run("push")
    grafana.empty = {"", "traces"}
    ended = run("check")
    assert ended.returncode == 1
    assert "no panel has data" in ended.stdout


def test_check_of_a_datasource_that_is_down_and_a_token_that_may_only_look(grafana, run):
    run("push")
    grafana.unhealthy["traces-1"] = "dial tcp: connection refused"
    grafana.rights -= {"dashboards:write", "alert.provisioning:write"}
    ended = run("check")
    assert ended.returncode == 1
    assert "Tempo (traces-1) does not answer" in ended.stdout
    assert "lacks dashboards:write, alert.provisioning:write" in ended.stdout


def test_log_records_are_set_to_a_loki_where_there_is_one(grafana, run):
    grafana.datasources["Logs"] = {"uid": "logs-1", "type": "loki"}
    pushed = run("push")
    assert "contact points and notification policies, which a push leaves alone" in pushed.stdout
    variables = {one["name"]: one for one in grafana.dashboards["venom-otel-failures"]["dashboard"]["templating"]["list"]}
    assert variables["loki"]["current"]["value"] == "logs-1"
    checked = run("check")
    assert checked.returncode == 0
    assert "Logs (logs-1) answers" in checked.stdout
    (asked,) = [one for one in grafana.asked if one.get("datasource", {}).get("type") == "loki"]
    assert asked["datasource"]["uid"] == "logs-1"
    assert asked["expr"].startswith('{service_name=~".+", service_name=~".*"} | exception_type!=""')


def test_a_loki_that_is_not_there_breaks_nothing(grafana, run):
    grafana.datasources["Loki"] = {"uid": "loki", "type": "loki"}
    grafana.unhealthy["loki"] = "dial tcp: lookup loki: no such host"
    run("push")
    checked = run("check")
    assert checked.returncode == 0
    assert "Loki (loki) does not answer: " in checked.stdout
    assert [one for one in grafana.asked if one.get("datasource", {}).get("type") == "loki"] == []


def test_several_lokis(grafana, run):
    grafana.datasources |= {name: {"uid": name, "type": "loki"} for name in ("one", "two")}
    assert "say which with --loki-uid" in refused(run("push"))
    assert run("push", "--loki-uid", "two").returncode == 0


def test_open_prints_the_address(grafana, run):
    assert run("open", "--print", token=None).stdout == f"{grafana.url}/d/{OVERVIEW}\n"
    assert run("open", "failures", "--print").stdout == f"{grafana.url}/d/venom-otel-failures\n"
    assert "there is no dashboard 'x'" in refused(run("open", "x"))


def test_without_its_extra_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "grafana_client", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'venom-otel\[grafana\]'"):
        open_(print_only=True)


def test_a_rule_from_files_and_one_that_others_keep(grafana, run):
    """Rules of the same group that are not ours stay when its interval is set."""
    run("push")
    grafana.rules[FAILING] |= {"provenance": "file", "for": "9m"}
    grafana.rules["mine"] = {**grafana.rules[FAILING], "uid": "mine", "provenance": ""}
    grafana.rules["venom-otel-runtimedown"]["annotations"]["summary"] = "x"
    grafana.intervals.clear()
    ended = run("push", "--force")
    assert ended.returncode == 1
    assert "alert rule 'A model fails with 404 or 500': cannot be changed" in ended.stdout
    assert grafana.rules["venom-otel-runtimedown"]["annotations"]["summary"] != "x"
    assert "mine" in {rule["uid"] for rule in grafana.groups["venom-otel"]}


def test_the_schema_refuses_what_grafana_would():
    assert "'dashbord' was unexpected" in fault("SaveDashboardCommand", {"dashbord": {}})
    assert fault("MetricRequest", {"queries": []})
