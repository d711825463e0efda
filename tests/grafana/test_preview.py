"""What `make dashboards-preview` can draw; the drawing itself needs Grafana's npm packages and is started by hand."""

from __future__ import annotations

import json
import re

import pytest
from support.repository import ROOT

from tools.dashboards_preview.results import Window, filled

PANELS = [
    pytest.param(panel, id=f"{path.stem}, {panel['title']}")
    for path in sorted((ROOT / "dashboards").glob("*.json"))
    for panel in json.loads(path.read_text(encoding="utf-8"))["panels"]
]


@pytest.mark.parametrize("panel", PANELS)
def test_the_preview_knows_a_panel_s_kind_and_sets_all_that_its_queries_leave_open(panel):
    page = (ROOT / "tools" / "dashboards_preview" / "page" / "panels.jsx").read_text(encoding="utf-8")
    asked = [target for target in panel.get("targets", []) if target["datasource"]["type"] == "prometheus"]
    if asked or not panel.get("targets"):
        assert panel["type"] == "row" or re.search(rf"panel\.type [!=]== '{panel['type']}'", page)
    assert panel.get("interval") in (None, "1m")
    for target in asked:
        assert "$" not in filled(target["expr"], 15, Window(0, 600))


def test_a_rate_looks_back_over_four_intervals_of_the_data_source_and_no_less_than_a_step():
    assert filled("rate(a[$__rate_interval])", 15, Window(0, 600)) == "rate(a[60s])"
    assert filled("rate(a[$__rate_interval])", 120, Window(0, 600)) == "rate(a[135s])"
    assert filled("a[$__interval] + b[$__range]", 120, Window(0, 600)) == "a[120s] + b[600s]"
