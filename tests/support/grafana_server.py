"""A stand-in for Grafana over real HTTP: it takes only the bodies that Grafana's published API schema allows, and keeps what it takes.

What the schema does not say follows Grafana's documentation: which permission a request needs, that a saved dashboard gets an id and a
version, that the model of a query gets `intervalMs` and `maxDataPoints`, and what is answered to what there is not.
"""

from __future__ import annotations

import copy
import http.server
import json
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import jsonschema
from support.in_thread import InThread
from support.repository import ROOT

SCHEMA = json.loads((ROOT / "tests" / "grafana" / "api.schema.json").read_text(encoding="utf-8"))
TOKEN = "glsa_0123456789abcdefghijklmnopqrstuv_1a2b3c4d"
ALL = (
    "dashboards:read", "dashboards:create", "dashboards:write", "folders:read", "folders:create", "datasources:query",
    "alert.provisioning:read", "alert.provisioning:write",
)  # fmt: skip
PROMETHEUS = {"uid": "metrics-1", "type": "prometheus", "isDefault": True}
TEMPO = {"uid": "traces-1", "type": "tempo"}


def fault(name: str, body: Any) -> str | None:
    """What of a body does not fit the schema's definition of that name."""
    validator = jsonschema.Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": SCHEMA["$defs"]})
    return next((f"{error.json_path}: {error.message}" for error in validator.iter_errors(body)), None)


class RefusedError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class GrafanaServer(InThread):
    """Serves below `prefix`."""

    def __init__(self, prefix: str = "") -> None:
        super().__init__(_Handler)
        self.prefix = prefix
        self.version = "13.0.2"
        self.rights = set(ALL)
        self.datasources: dict[str, dict[str, Any]] = {"Prometheus": PROMETHEUS, "Tempo": TEMPO}
        self.folders: list[dict[str, Any]] = []
        self.dashboards: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, list[str]] = {}
        self.rules: dict[str, dict[str, Any]] = {}
        self.intervals: dict[str, int] = {}
        self.groups: dict[str, list[dict[str, Any]]] = {}
        """What groups were last said to hold: Grafana would delete the others."""
        self.provisioned: set[str] = set()
        self.unhealthy: dict[str, str] = {}
        self.empty: set[str] = set()
        """Parts of queries that find nothing."""
        self.broken = ""
        """A part of queries that fail."""
        self.written: list[str] = []
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """Where Grafana's own paths begin."""
        return f"{super().url}{self.prefix}"

    def needs(self, right: str) -> None:
        if right not in self.rights:
            raise RefusedError(403, f"You'll need additional permissions to perform this action. Permissions needed: {right}")

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: Any, headers: Any) -> Any:
        match method, *path.split("/"):
            case "GET", "frontend", "settings":
                shown = {name: {**one, "name": name} for name, one in self.datasources.items()}
                return {"buildInfo": {"version": self.version}, "datasources": shown}
            case "GET", "access-control", "user", "permissions":
                return {right: ["*"] for right in self.rights}
            case "GET", "org":
                return {"id": 7, "name": "Main Org."}
            case "GET", "folders":
                self.needs("folders:read")
                return self.folders
            case "POST", "folders":
                self.needs("folders:create")
                self.fits("CreateFolderCommand", body)
                self.folders.append({"uid": f"folder-{len(self.folders)}", "title": body["title"]})
                return self.folders[-1]
            case "GET", "dashboards", "uid", uid:
                self.needs("dashboards:read")
                return self.known(self.dashboards, uid, "Dashboard not found")
            case "GET", "dashboards", "uid", uid, "versions":
                said = [{"version": number, "message": words} for number, words in enumerate(self.messages[uid], 1)]
                return {"continueToken": "", "versions": said[::-1]}
            case "POST", "dashboards", "db":
                self.needs("dashboards:write")
                self.fits("SaveDashboardCommand", body)
                return self.save(body)
            case "GET", "v1", "provisioning", "alert-rules", uid:
                self.needs("alert.provisioning:read")
                return self.known(self.rules, uid, "alert rule not found")
            case "POST", "v1", "provisioning", "alert-rules":
                return self.save_rule(body, headers)
            case "PUT", "v1", "provisioning", "alert-rules", uid:
                self.known(self.rules, uid, "alert rule not found")
                return self.save_rule(body, headers)
            case "GET", "v1", "provisioning", "folder", folder, "rule-groups", group:
                rules = [rule for rule in self.rules.values() if (rule["folderUID"], rule["ruleGroup"]) == (folder, group)]
                return {"title": group, "folderUid": folder, "interval": self.intervals.get(group, 60), "rules": rules}
            case "PUT", "v1", "provisioning", "folder", _, "rule-groups", group:
                self.fits("AlertRuleGroup", body)
                self.intervals[group], self.groups[group] = body["interval"], body["rules"]
                return body
            case "GET", "datasources", "uid", uid, "health":
                if uid in self.unhealthy:
                    raise RefusedError(400, self.unhealthy[uid])
                return {"status": "OK", "message": "Data source is working"}
            case "POST", "ds", "query":
                self.needs("datasources:query")
                self.fits("MetricRequest", body)
                return self.results(body["queries"])
            case "GET", "datasources", "proxy", "uid", "traces-1", "api", *rest:
                self.asked.append({"path": "/".join(rest), "q": query["q"][0]})
                return {"traces": [] if "traces" in self.empty else [{}]}
        raise RefusedError(404, "Not found")

    def fits(self, name: str, body: Any) -> None:
        if wrong := fault(name, body):
            raise RefusedError(400, f"bad request data: {wrong}")

    def known(self, kept: dict[str, Any], uid: str, message: str) -> Any:
        if uid not in kept:
            raise RefusedError(404, message)
        return kept[uid]

    def save(self, body: dict[str, Any]) -> Any:
        dashboard = copy.deepcopy(body["dashboard"])
        uid = dashboard["uid"]
        if uid in self.provisioned:
            raise RefusedError(400, "Cannot save provisioned dashboard")
        version = len(self.messages.setdefault(uid, [])) + 1
        self.messages[uid].append(body["message"])
        self.dashboards[uid] = {
            "dashboard": {**dashboard, "id": len(self.dashboards) + 1, "version": version},
            "meta": {"folderUid": body["folderUid"], "provisioned": False, "updatedBy": "sa-push", "updated": "2026-11-01T10:00:00Z"},
        }
        self.written.append(uid)
        return {"uid": uid, "version": version, "status": "success"}

    def save_rule(self, body: dict[str, Any], headers: Any) -> Any:
        self.needs("alert.provisioning:write")
        self.fits("ProvisionedAlertRule", body)
        rule = copy.deepcopy(body)
        for query in rule["data"]:
            query["model"] = {"intervalMs": 1000, "maxDataPoints": 43200, **query["model"]}
        rule |= {"id": 1, "updated": "2026-11-01T10:00:00Z", "keep_firing_for": "0s"}
        if headers.get("X-Disable-Provenance") != "true":
            rule["provenance"] = "api"
        self.rules[rule["uid"]] = rule
        self.written.append(rule["uid"])
        return rule

    def results(self, queries: list[dict[str, Any]]) -> Any:
        self.asked += queries
        results = {}
        for one in queries:
            if self.broken and self.broken in one["expr"]:
                raise RefusedError(400, json.dumps({"results": {one["refId"]: {"status": 400, "error": "bad_data: parse error"}}}))
            values = [[], []] if any(part in one["expr"] for part in self.empty) else [[1], [1.0]]
            results[one["refId"]] = {"status": 200, "frames": [{"schema": {"fields": []}, "data": {"values": values}}]}
        return {"results": results}


class _Handler(http.server.BaseHTTPRequestHandler):
    server: GrafanaServer
    protocol_version = "HTTP/1.1"

    def handle_one(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or "null")
        parts = urlsplit(self.path)
        try:
            if self.headers.get("Authorization") != f"Bearer {TOKEN}":
                raise RefusedError(401, f"Invalid API key {self.headers.get('Authorization')}")
            start = f"{self.server.prefix}/api/"
            if not parts.path.startswith(start):
                raise RefusedError(404, "Not found")
            path = unquote(parts.path.removeprefix(start))
            status, reply = 200, self.server.answer(self.command, path, parse_qs(parts.query), body, self.headers)
        except RefusedError as refused:
            words = str(refused)
            status, reply = refused.status, json.loads(words) if words.startswith("{") else {"message": words}
        content = json.dumps(reply).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_PUT = handle_one  # noqa: N815 the names that http.server asks for

    def log_message(self, *args: object) -> None:
        """Keep quiet."""
