"""Whether each panel of the dashboards gets data in a Grafana: their queries are sent as Grafana's own page would send them.

PromQL and LogQL go to `/api/ds/query`, where Grafana fills in `$__rate_interval` and its like; the page itself fills in a dashboard's
variables, so here they are set to all there is. TraceQL goes to Tempo's own API through Grafana, for lists of traces are asked for by the
page.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import GrafanaError
from venom_otel.grafana import uids
from venom_otel.grafana.layout import every_panel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from venom_otel.grafana.client import Grafana
    from venom_otel.grafana.wanted import Target

Json = dict[str, Any]
_POINTS: Final = 100
_STEP_MS: Final = 60_000
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)(?::\w+)?\})")
_PUSH: Final = ("dashboards:create", "dashboards:write", "folders:create")
_RULES: Final = ("alert.provisioning:write", "alert.rules:write")


class Answer(StrEnum):
    """What a panel got."""

    DATA = "data"
    EMPTY = "empty"
    FAILED = "failed"


@dataclass(frozen=True)
class Panel:
    """A panel, and what its queries got."""

    dashboard: str
    title: str
    answer: Answer
    words: str = ""
    """Why it failed."""


def lacking(rights: Mapping[str, Sequence[str]]) -> Sequence[str]:
    """The permissions that a push needs and the token does not have."""
    missing = [action for action in _PUSH if action not in rights]
    return missing if any(action in rights for action in _RULES) else [*missing, _RULES[0]]


def panels(grafana: Grafana, dashboards: Sequence[Json], target: Target, hours: float) -> Iterator[Panel]:
    """Each panel that asks something, over the last `hours`; those of one trace are left out, for there is none to ask for."""
    for dashboard in dashboards:
        variables = _all_there_is(dashboard)
        for panel in every_panel(dashboard):
            targets = _filled(panel.get("targets", []), variables)
            try:
                answer = _answer(grafana, targets, target, hours) if targets else None
            except GrafanaError as error:
                yield Panel(dashboard["title"], panel["title"], Answer.FAILED, str(error))
            else:
                if answer is not None:
                    yield Panel(dashboard["title"], panel["title"], answer)


def _answer(grafana: Grafana, targets: Sequence[Json], target: Target, hours: float) -> Answer | None:
    """What one panel's queries get; None where there is no datasource to ask.

    Raises:
        GrafanaError: one of them fails; the message has the datasource's words.
    """
    kind = targets[0]["datasource"]["type"]
    if kind != uids.TEMPO:
        chosen = target.prometheus if kind == uids.PROMETHEUS else target.loki
        if chosen is None:
            return None
        source = {"type": kind, "uid": chosen["uid"]}
        asked = [{**one, "datasource": source, "intervalMs": _STEP_MS, "maxDataPoints": _POINTS} for one in targets]
        results = grafana.query(asked, f"now-{round(hours * 60)}m", "now")
        for one in results.values():
            if one.get("error"):
                raise GrafanaError(str(one["error"]))
        return Answer.DATA if any(_has_values(frame) for one in results.values() for frame in one.get("frames") or []) else Answer.EMPTY
    if target.tempo is None:
        return None
    end = int(time.time())
    parameters = {"q": targets[0]["query"], "start": str(end - round(hours * 3600)), "end": str(end)}
    found = grafana.through(target.tempo["uid"], "/api/search", {**parameters, "limit": "1"}).get("traces")
    return Answer.DATA if found else Answer.EMPTY


def _has_values(frame: Json) -> bool:
    return any(len(column) for column in frame.get("data", {}).get("values") or [])


def _all_there_is(dashboard: Json) -> Mapping[str, str]:
    """Each variable's widest value."""
    found = {}
    for variable in dashboard.get("templating", {}).get("list", []):
        if variable["type"] == "query":
            found[variable["name"]] = variable.get("allValue") or ".*"
        elif variable["type"] == "textbox":
            found[variable["name"]] = variable["query"]
    return found


def _filled(targets: Sequence[Json], variables: Mapping[str, str]) -> Sequence[Json]:
    """The targets with their variables set; without those of which nothing is left, such as the trace that nobody has chosen."""

    def value(match: re.Match[str]) -> str:
        return variables.get(match[1] or match[2], match[0])

    filled = []
    for one in targets:
        name = "expr" if "expr" in one else "query"
        if text := _VARIABLE.sub(value, one[name]):
            filled.append({**one, name: text})
    return filled
