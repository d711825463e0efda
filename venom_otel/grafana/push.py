"""Bringing dashboards and alert rules into a Grafana: what is as it should be is left alone, what people changed there is not lost unsaid.

Who saved a dashboard last is told by the message of its last version, which is ours after a push; that a rule is still as it was pushed, by
a mark among its annotations. Neither needs anything to be kept here.
"""

from __future__ import annotations

import difflib
import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from venom_otel.grafana import wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from venom_otel.grafana.client import Grafana

Json = dict[str, Any]
MESSAGE: Final = "venom-otel grafana push"
_CONTEXT: Final = 2
_PROVISIONED: Final = "it comes from files on Grafana's own server and is changed there"


class State(StrEnum):
    """How Grafana's one compares with ours."""

    NEW = "new"
    SAME = "unchanged"
    OTHER = "update"
    """Of an earlier push, and nobody has changed it since."""
    EDITED = "changed in Grafana"
    LOCKED = "cannot be changed"


@dataclass(frozen=True)
class Step:
    """One dashboard or rule, and what a push would do with it."""

    kind: str
    title: str
    state: State
    why: str
    """Of those edited or locked: by whom."""
    content: Json = field(repr=False)
    """What is pushed."""
    diff: Sequence[str] = field(default=(), repr=False)
    """From Grafana's to ours."""


def plan(grafana: Grafana, target: wanted.Target, folder: str, *, alerts: bool) -> Sequence[Step]:
    """What there is to do, having changed nothing.

    Args:
        grafana: where.
        target: what the dashboards are set to.
        folder: its uid; empty where it is still to be made.
        alerts: whether alert rules are among it.
    """
    steps = [_dashboard(grafana, dashboard, folder) for dashboard in wanted.dashboards(target)]
    if alerts:
        steps += [_rule(grafana, rule) for rule in wanted.rules(target, folder, grafana.organization())]
    return steps


def apply(grafana: Grafana, step: Step, folder: str) -> None:
    """Save what a step is about, in the folder that it was planned for."""
    if step.kind == "dashboard":
        grafana.save_dashboard(step.content, folder, f"{MESSAGE} {wanted.digest(step.content)}")
    else:
        grafana.save_rule(step.content, new=step.state is State.NEW)


def difference(before: Json, after: Json) -> Sequence[str]:
    """A unified diff of both as JSON with sorted keys, without its heading."""
    theirs, ours = (json.dumps(one, indent=1, sort_keys=True, ensure_ascii=False).splitlines() for one in (before, after))
    return list(difflib.unified_diff(theirs, ours, n=_CONTEXT, lineterm=""))[2:]


def _dashboard(grafana: Grafana, ours: Json, folder: str) -> Step:
    found = grafana.dashboard(ours["uid"])
    if found is None:
        return Step("dashboard", ours["title"], State.NEW, "", ours)
    theirs, meta = wanted.plain_dashboard(found["dashboard"]), found["meta"]
    message = grafana.last_message(ours["uid"])
    placed = meta.get("folderUid") == folder
    # Grafana may bring what it keeps into a form of its own: what was pushed as this last is this, whatever it looks like there.
    if placed and (theirs == ours or message == f"{MESSAGE} {wanted.digest(ours)}"):
        return Step("dashboard", ours["title"], State.SAME, "", ours)
    diff = [*([] if placed else [f"-in the folder {meta.get('folderTitle') or meta.get('folderUid')!r}"]), *difference(theirs, ours)]
    if meta.get("provisioned"):
        return Step("dashboard", ours["title"], State.LOCKED, _PROVISIONED, ours, diff)
    if message.startswith(MESSAGE):
        return Step("dashboard", ours["title"], State.OTHER, "", ours, diff)
    who = f"by {meta.get('updatedBy') or 'somebody'}, {meta.get('updated') or 'at an unknown time'}"
    return Step("dashboard", ours["title"], State.EDITED, who, ours, diff)


def _rule(grafana: Grafana, ours: Json) -> Step:
    found = grafana.rule(ours["uid"])
    if found is None:
        return Step("alert rule", ours["title"], State.NEW, "", ours)
    theirs, own = wanted.plain_rule(found), wanted.plain_rule(ours)
    if theirs == own:
        return Step("alert rule", ours["title"], State.SAME, "", ours)
    diff = difference(theirs, own)
    if found.get("provenance") == "file":
        return Step("alert rule", ours["title"], State.LOCKED, _PROVISIONED, ours, diff)
    if found.get("annotations", {}).get(wanted.MARK) == wanted.digest(theirs):
        return Step("alert rule", ours["title"], State.OTHER, "", ours, diff)
    return Step("alert rule", ours["title"], State.EDITED, f"since {found.get('updated') or 'an unknown time'}", ours, diff)
