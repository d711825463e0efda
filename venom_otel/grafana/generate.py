"""All that is written below dashboards/, made from code: what lies there is never edited by hand."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import yaml
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from venom_otel.grafana import provisioning, uids
from venom_otel.grafana.alerts import grafana_rules, notifications, prometheus_rules
from venom_otel.grafana.dashboards import compare, failures, overview, runbooks, runtimes, trace
from venom_otel.grafana.layout import every_panel

if TYPE_CHECKING:
    from pathlib import Path

    from grafana_foundation_sdk.builders.dashboard import Dashboard

HEAD: Final = "# Written by `make dashboards` from venom_otel/grafana; change it there.\n"
RUNBOOKS: Final = "docs/runbooks"
TARGET: Final = "dashboards"
KINDS: Final = (".json", ".yaml", ".yml")


def files(root: Path) -> dict[str, str]:
    """What should lie in the checkout `root`: each file's text by its path."""
    made = {
        "overview.json": overview.make(),
        "runtimes.json": runtimes.make(),
        "failures.json": failures.make(),
        "compare.json": compare.make(),
        "trace.json": trace.make(),
        "runbooks.json": runbooks.make(root / RUNBOOKS),
    }
    written = {name: json.dumps(content(dashboard), indent=2, ensure_ascii=False) + "\n" for name, dashboard in made.items()}
    written |= {
        "provisioning/datasources/venom-otel.yaml": _yaml(provisioning.datasources()),
        "provisioning/dashboards/venom-otel.yaml": _yaml(provisioning.dashboards()),
        "provisioning/alerting/venom-otel.yaml": _yaml(grafana_rules.content()),
        "prometheus/rules.yml": _yaml(prometheus_rules.content()),
        **{f"notifications/{name}.yaml": _yaml(content) for name, content in notifications.contents().items()},
        # Where docker-compose.yml mounts one of those; a folder that is only read has to have the file already.
        "provisioning/alerting/notifications.yaml": _yaml(notifications.contents()[notifications.NOBODY]),
    }
    return {f"{TARGET}/{name}": text for name, text in written.items()}


def write(root: Path) -> None:
    """Write all of it, and remove what is made no more."""
    wanted = files(root)
    for name, text in wanted.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in _lying(root) - wanted.keys():
        (root / name).unlink()


def differing(root: Path) -> list[str]:
    """The files below dashboards/ that are not what the code makes, sorted."""
    wanted = files(root)
    changed = [name for name, text in wanted.items() if not (root / name).is_file() or (root / name).read_text(encoding="utf-8") != text]
    return sorted({*changed, *(_lying(root) - wanted.keys())})


def content(dashboard: Dashboard) -> dict[str, Any]:
    """A dashboard as Grafana's JSON, its panels numbered in their order, which links count on.

    The SDK writes down defaults of Grafana 11.6 that Grafana 13 has no more; without them both take their own.
    """
    made: dict[str, Any] = json.loads(json.dumps(dashboard.build(), cls=JSONEncoder))
    for number, panel in enumerate(every_panel(made), 1):
        panel["id"] = number
        panel.get("options", {}).pop("footer", None)
    for variable in made.get("templating", {}).get("list", []):
        for name in ("auto", "auto_min", "auto_count"):
            variable.pop(name, None)
    assert made["uid"] in vars(uids).values()
    return made


def _lying(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in (root / TARGET).rglob("*") if path.suffix in KINDS}


class _Dumper(yaml.SafeDumper):
    """No anchors, which Grafana reads but people do not."""

    def ignore_aliases(self, data: object) -> bool:
        del data
        return True


def _yaml(data: dict[str, Any]) -> str:
    return HEAD + yaml.dump(data, Dumper=_Dumper, sort_keys=False, width=1000, allow_unicode=True)
