"""Writes tests/grafana/api.schema.json, the bodies that Grafana's HTTP API takes: `python -m tools.grafana_api FOLDER`.

FOLDER is Grafana's own client in Go, github.com/grafana/grafana-openapi-client-go, which is generated from the API's OpenAPI document:
`go mod download -json github.com/grafana/grafana-openapi-client-go@VERSION` says where it lies. Only the fields' names, types and limits
are taken from it.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

VERSION = "v0.0.0-20260330113218-ee77c4f6f90e"
TARGET = Path(__file__).parents[1] / "tests" / "grafana" / "api.schema.json"
BODIES = ("SaveDashboardCommand", "CreateFolderCommand", "ProvisionedAlertRule", "AlertRuleGroup", "MetricRequest")
_SIMPLE: dict[str, dict[str, Any]] = {
    "string": {"type": "string"},
    "bool": {"type": "boolean"},
    "int64": {"type": "integer"},
    "float64": {"type": "number"},
    "strfmt.Duration": {"type": "string"},
    "strfmt.DateTime": {"type": "string"},
    "interface{}": {},
}
_STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_ALIAS = re.compile(r"^type (\w+) (\S+)$", re.MULTILINE)
_FIELD = re.compile(r'((?:\t//[^\n]*\n)*)\t\w+ (\S+) `json:"(\w+)')


def schema(folder: Path) -> dict[str, Any]:
    """A JSON schema whose definitions are the bodies and what they are made of."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted((folder / "models").glob("*.go")))
    structs, aliases = dict(_STRUCT.findall(text)), dict(_ALIAS.findall(text))
    made: dict[str, Any] = {}
    waiting = list(BODIES)
    while waiting:
        name = waiting.pop()
        if name in made:
            continue
        if name in structs:
            made[name] = _object(structs[name])
        else:
            made[name] = _type(aliases[name])
        waiting += re.findall(r'"#/\$defs/(\w+)"', json.dumps(made[name]))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "$comment": VERSION, "$defs": dict(sorted(made.items()))}


def _object(fields: str) -> dict[str, Any]:
    properties, required = {}, []
    for comment, kind, name in _FIELD.findall(fields):
        one = _type(kind)
        for word, key in (("Max Length", "maxLength"), ("Min Length", "minLength")):
            if found := re.search(rf"{word}: (\d+)", comment):
                one[key] = int(found[1])
        if found := re.search(r"Enum: \[(.+)\]", comment):
            one["enum"] = found[1].split()
        if found := re.search(r"Pattern: (.+)", comment):
            one["pattern"] = found[1]
        if "Required: true" in comment:
            required.append(name)
        properties[name] = one
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _type(kind: str) -> dict[str, Any]:
    kind = kind.lstrip("*")
    if kind in _SIMPLE:
        return dict(_SIMPLE[kind])
    if kind.startswith("[]"):
        return {"type": "array", "items": _type(kind[2:])}
    if kind.startswith("map[string]"):
        return {"type": "object", "additionalProperties": _type(kind[11:])}
    return {"$ref": f"#/$defs/{kind}"}


def main(arguments: list[str]) -> int:
    if len(arguments) != 1 or not (Path(arguments[0]) / "models").is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    TARGET.write_text(json.dumps(schema(Path(arguments[0])), indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
