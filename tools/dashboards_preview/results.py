"""The results of a dashboard's queries, asked from Prometheus as Grafana's data source for Prometheus asks them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import httpx

if TYPE_CHECKING:
    from collections.abc import Mapping

SCRAPE_S: Final = 15
"""The data source's interval, Grafana's default: no step is smaller, and rates look back over four."""

COLUMN_PX: Final = 60
"""Of the grid's 24, in the picture; Grafana takes a point for each pixel at most."""

CHOSEN: Final = ("provider", "model", "endpoint", "service")


@dataclass(frozen=True)
class Window:
    """From when to when, in seconds since 1970."""

    start: float
    end: float


def answerable(dashboard: Mapping[str, Any]) -> bool:
    """Whether a dashboard has anything to show without Tempo."""
    kinds = [target["datasource"]["type"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    return not kinds or "prometheus" in kinds


def results(dashboard: Mapping[str, Any], prometheus: str, window: Window) -> dict[str, Any]:
    """By the id of a panel and the letter of its query: how it was asked, its step in seconds, what came, exemplars.

    `annotations` has the same by name. Panels over Tempo are left out.

    Raises:
        httpx.HTTPStatusError: Prometheus does not take a query.
    """
    with httpx.Client(base_url=prometheus, timeout=60) as client:
        panels = {
            str(panel["id"]): {
                target["refId"]: _asked(client, target, _step(panel, window), window)
                for target in panel.get("targets", [])
                if target["datasource"]["type"] == "prometheus"
            }
            for panel in dashboard["panels"]
            if panel.get("targets")
        }
        marks = dashboard.get("annotations", {}).get("list") or []
        found = {mark["name"]: _range(client, mark["expr"], 60, window) for mark in marks}
    return {"panels": panels, "annotations": found}


def _step(panel: Mapping[str, Any], window: Window) -> int:
    """Seconds: a point for each pixel, but not less than the panel or the data source says."""
    least = {"1m": 60, None: SCRAPE_S}[panel.get("interval")]
    pixels: int = panel["gridPos"]["w"] * COLUMN_PX
    return max(math.ceil((window.end - window.start) / pixels), least)


def _asked(client: httpx.Client, target: Mapping[str, Any], step: int, window: Window) -> dict[str, Any]:
    if target.get("instant"):
        answer = _get(client, "query", {"query": filled(target["expr"], step, window), "time": window.end})
        return {"kind": target.get("format") or "instant", "result": answer["result"]}
    asked = {"kind": "range", "step": step, "result": _range(client, target["expr"], step, window)}
    if target.get("exemplar"):
        query = {"query": filled(target["expr"], step, window), "start": window.start, "end": window.end}
        asked["exemplars"] = _get(client, "query_exemplars", query)
    return asked


def _range(client: httpx.Client, expr: str, step: int, window: Window) -> Any:
    """Times are multiples of the step, as Grafana aligns them."""
    times = {"start": window.start // step * step, "end": window.end // step * step, "step": step}
    return _get(client, "query_range", {"query": filled(expr, step, window), **times})["result"]


def _get(client: httpx.Client, what: str, query: Mapping[str, Any]) -> Any:
    # POST, as Grafana does: some queries are long
    return client.post(f"/api/v1/{what}", data=dict(query)).raise_for_status().json()["data"]


def filled(expr: str, step: int, window: Window) -> str:
    """The expression with everything chosen that can be, and Grafana's variables as Grafana sets them."""
    values = {
        "$__rate_interval": f"{max(step + SCRAPE_S, 4 * SCRAPE_S)}s",
        "$__interval": f"{step}s",
        "$__range": f"{round(window.end - window.start)}s",
        **{f"${name}": ".*" for name in CHOSEN},
    }
    for name, value in values.items():
        expr = expr.replace(name, value)
    return expr
