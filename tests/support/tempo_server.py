"""A Tempo on a real socket, for what was not recorded: it holds traces, and answers searches and traces in Tempo's own form.

It knows as much of TraceQL as the recorded searches and ours need; tests hold its answers against the recordings. Like Tempo it finds the
traces that lie within or across the window, gives any of them where there are more than asked for, and cuts the spans of each. Of a trace
that lies in several blocks it gives the set with the most matches, unless `by()` makes sets that are told apart. `server.address` has a
column of its own, and is "nil" where a span lacks it. A query is cut off where a look ahead crosses the end of what is read at once.

    with TempoServer(traces()) as tempo:
        TempoStore(tempo.url, days=1)
"""

from __future__ import annotations

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from google.protobuf.json_format import MessageToDict
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from support.in_thread import InThread

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    Fields = dict[str, tuple[str, AnyValue]]
    """By scoped name: the name in replies, and the value."""

SECOND = 1_000_000_000
_KINDS = {number: name.removeprefix("SPAN_KIND_").lower() for name, number in Span.SpanKind.items()}
_STATUS = {0: "unset", 1: "ok", 2: "error"}
_OF_A_COLUMN = "server.address"
_READ_AT_ONCE = 1024
TOO_LARGE = "Trace exceeds maximum size of 5000000 bytes, a partial trace is returned"
_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|(&&|\|\||!=|=|[(){}|,])|([\w.:-]+))')


class TraceQLError(ValueError):
    """The query cannot be read."""


class _Stored:
    """A span and what TraceQL asks it for."""

    def __init__(self, span: Span, resource: Sequence[Any]) -> None:
        self.span = span
        self.fields: Fields = {
            "status": ("status", AnyValue(string_value=_STATUS[span.status.code])),
            "kind": ("kind", AnyValue(string_value=_KINDS[span.kind])),
            "statusMessage": ("statusMessage", AnyValue(string_value=span.status.message)),
        }
        self.fields |= {f"span.{pair.key}": (pair.key, pair.value) for pair in span.attributes}
        self.fields |= {f"resource.{pair.key}": (pair.key, pair.value) for pair in resource}


class TempoServer(InThread):
    """See the module.

    Args:
        blocks: what each of its blocks holds; of a trace in several, each has a part.
    """

    def __init__(self, *blocks: ExportTraceServiceRequest) -> None:
        super().__init__(_Handler)
        self.asked: list[dict[str, str]] = []
        """Parameters of each search."""
        self.read: list[str] = []
        """Traces that were read by their id."""
        self.refusal: tuple[int, str] | None = None
        """What it answers instead, while it is set."""
        self.most_spans: int | None = None
        """Of a trace by its id: the rest is left out, as what is over `max_bytes_per_trace` is."""
        self.blocks = blocks
        self.spans: list[dict[str, list[_Stored]]] = []
        """By trace, of each block."""
        for block in blocks:
            self.spans.append(spans := {})
            for resource in block.resource_spans:
                for scope in resource.scope_spans:
                    for span in scope.spans:
                        spans.setdefault(span.trace_id.hex(), []).append(_Stored(span, resource.resource.attributes))

    def search(self, params: dict[str, str]) -> dict[str, Any]:
        """The body of a reply to a search.

        Raises:
            TraceQLError: the query cannot be read.
        """
        query = parse(params["q"])
        found: dict[str, dict[str, Any]] = {}
        for block in self.spans:
            for trace_id, spans in block.items():
                part = _found(trace_id, spans, query, params)
                if part is not None:
                    found[trace_id] = _joined(found[trace_id], part) if trace_id in found else part
        some = list(found.values())[: int(params.get("limit", 20))]
        return {"traces": sorted(some, key=lambda trace: -int(trace["startTimeUnixNano"])), "metrics": {"completedJobs": 1, "totalJobs": 1}}

    def trace(self, trace_id: str) -> dict[str, Any]:
        """The body of a reply for a trace."""
        whole = ExportTraceServiceRequest()
        for block in self.blocks:
            for resource in block.resource_spans:
                of_resource = whole.resource_spans.add(resource=resource.resource)
                for scope in resource.scope_spans:
                    kept = [span for span in scope.spans if span.trace_id.hex() == trace_id]
                    of_resource.scope_spans.add(scope=scope.scope, spans=kept)
        if not any(trace_id in block for block in self.spans):
            return {"trace": {}, "metrics": {}}
        left, partial = self.most_spans, False
        for scope in (scope for resource in whole.resource_spans for scope in resource.scope_spans if left is not None):
            partial = partial or len(scope.spans) > left
            del scope.spans[left:]
            left -= len(scope.spans)
        cut = {"status": "PARTIAL", "message": TOO_LARGE} if partial else {}
        return {"trace": MessageToDict(whole), "metrics": {}, **cut}


def _found(trace_id: str, spans: Sequence[_Stored], query: Query, params: dict[str, str]) -> dict[str, Any] | None:
    """A trace as the reply has it, None where nothing of it is asked for."""
    first = min(one.span.start_time_unix_nano for one in spans)
    last = max(one.span.end_time_unix_nano for one in spans)
    if "start" in params and (last < int(params["start"]) * SECOND or first > int(params["end"]) * SECOND):
        return None
    matching = [one for one in spans if query.matches(one.fields)]
    if not matching:
        return None
    root = next((one for one in spans if not one.span.parent_span_id), spans[0])
    sets = [_set([one], query, params) for one in matching] if query.by_span else [_set(matching, query, params)]
    return {
        "traceID": trace_id.lstrip("0"),
        "rootServiceName": root.fields["resource.service.name"][1].string_value,
        "rootTraceName": root.span.name,
        "startTimeUnixNano": str(first),
        "durationMs": (last - first) // 10**6,
        "spanSet": sets[0],
        "spanSets": sets,
    }


def _set(matching: Sequence[_Stored], query: Query, params: dict[str, str]) -> dict[str, Any]:
    spans = [_reply(one, query.names) for one in matching[: int(params.get("spss", 3))]]
    by = {"attributes": [{"key": "by(span:id)", "value": {"stringValue": matching[0].span.span_id.hex()}}]} if query.by_span else {}
    return {"spans": spans, "matched": len(matching), **by}


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """A trace out of two blocks: of two sets with the same attributes, the one with more matches."""
    sets: dict[str, dict[str, Any]] = {}
    for each in (*one["spanSets"], *other["spanSets"]):
        name = json.dumps(each.get("attributes", []))
        if name not in sets or sets[name]["matched"] < each["matched"]:
            sets[name] = each
    return {**one, "spanSet": next(iter(sets.values())), "spanSets": list(sets.values())}


def _reply(one: _Stored, selected: set[str]) -> dict[str, Any]:
    attributes = [{"key": key, "value": MessageToDict(said)} for name, (key, said) in one.fields.items() if name in selected]
    lacking = f"span.{_OF_A_COLUMN}" in selected and f"span.{_OF_A_COLUMN}" not in one.fields
    return {
        "spanID": one.span.span_id.hex(),
        "startTimeUnixNano": str(one.span.start_time_unix_nano),
        "durationNanos": str(one.span.end_time_unix_nano - one.span.start_time_unix_nano),
        "attributes": [*attributes, *([{"key": _OF_A_COLUMN, "value": {"stringValue": "nil"}}] if lacking else [])],
    }


class Query(NamedTuple):
    """What is asked for."""

    matches: Callable[[Fields], bool]
    names: set[str]
    """That the reply gives: those asked for and those selected."""
    by_span: bool
    """Whether each span is a set of its own."""


def parse(query: str) -> Query:
    """As Tempo reads it.

    Raises:
        TraceQLError: it cannot be read.
    """
    return _Parser(query).whole()


class _Parser:
    def __init__(self, query: str) -> None:
        self._tokens = list(_tokens(query))
        self._names: set[str] = set()

    def whole(self) -> Query:
        self._take("{")
        matches = self._either()
        self._take("}")
        by_span = self._tokens[:2] == ["|", "by"]
        if by_span:
            for expected in ("|", "by", "(", "span:id", ")"):
                self._take(expected)
        if self._tokens:
            for expected in ("|", "select", "("):
                self._take(expected)
            while self._tokens[0] != ")":
                self._names.add(self._tokens.pop(0))
                if self._tokens[0] == ",":
                    self._take(",")
            self._take(")")
        if self._tokens:
            raise TraceQLError(f"unexpected {self._tokens[0]}")
        return Query(matches, self._names, by_span)

    def _either(self) -> Callable[[Fields], bool]:
        parts = [self._all()]
        while self._tokens[:1] == ["||"]:
            self._take("||")
            parts.append(self._all())
        return lambda fields: any(part(fields) for part in parts)

    def _all(self) -> Callable[[Fields], bool]:
        parts = [self._one()]
        while self._tokens[:1] == ["&&"]:
            self._take("&&")
            parts.append(self._one())
        return lambda fields: all(part(fields) for part in parts)

    def _one(self) -> Callable[[Fields], bool]:
        if self._tokens[:1] == ["("]:
            self._take("(")
            inner = self._either()
            self._take(")")
            return inner
        name, operator, literal = (self._tokens.pop(0) if self._tokens else "" for _ in range(3))
        if operator not in ("=", "!=") or not re.match(r'["\w-]', literal):
            raise TraceQLError(f"unexpected {literal or operator}")
        if name.endswith("."):
            raise TraceQLError("a quoted name stands alone")
        self._names.add(name)
        return lambda fields: name in fields and (_literal(name, fields[name][1]) == literal) == (operator == "=")

    def _take(self, expected: str) -> None:
        token = self._tokens.pop(0) if self._tokens else "the end"
        if token != expected:
            raise TraceQLError(f"unexpected {token}")


def _tokens(query: str) -> Iterator[str]:
    position = 0
    query = query.rstrip()
    while position < len(query):
        token = _TOKEN.match(query, position)
        if token is None:
            raise TraceQLError(f"at {position}")
        position = token.end()
        text, operator, word = token.groups()
        if word is not None and word.startswith(("span.", "resource.")):
            named = len(query[: token.start(3) + word.index(".") + 1].encode())
            if named // _READ_AT_ONCE != (named + len(word.split(".")[1][:10].encode()) + 1) // _READ_AT_ONCE:
                raise TraceQLError("syntax error: unexpected $end")
        if word is not None and word in ("span.", "resource."):  # a name in quotation marks follows
            quoted = _TOKEN.match(query, position)
            if quoted is None or quoted[1] is None:
                raise TraceQLError(f"at {position}")
            if re.search(r'\\[^"\\]', quoted[1].replace(r"\\", "")):
                raise TraceQLError("invalid escape sequence")
            position, word = quoted.end(), word + re.sub(r"\\(.)", r"\1", quoted[1][1:-1])
        yield json.dumps(json.loads(text), ensure_ascii=False) if text is not None else operator or word


def _literal(name: str, value: AnyValue) -> str:
    """As a query writes it: texts in quotation marks, but for the words of Tempo's own `status` and `kind`."""
    kind = value.WhichOneof("value")
    if kind == "string_value":
        return value.string_value if name in ("status", "kind") else json.dumps(value.string_value, ensure_ascii=False)
    return json.dumps(getattr(value, kind)) if kind in ("int_value", "double_value", "bool_value") else ""


class _Handler(BaseHTTPRequestHandler):
    server: TempoServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        asked = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(asked.query).items()}
        if self.server.refusal is not None:
            status, words = self.server.refusal
            return self._reply(status, "text/plain; charset=utf-8", words.encode())
        if asked.path == "/api/search":
            self.server.asked.append(params)
            try:
                body = self.server.search(params)
            except TraceQLError as error:
                return self._reply(400, "text/plain; charset=utf-8", f"invalid TraceQL query: {error}".encode())
            return self._reply(200, "application/json", json.dumps(body).encode())
        if asked.path.startswith("/api/v2/traces/"):
            trace_id = asked.path.rsplit("/", 1)[1]
            self.server.read.append(trace_id)
            return self._reply(200, "application/json", json.dumps(self.server.trace(trace_id)).encode())
        return self._reply(404, "text/plain; charset=utf-8", b"404 page not found")

    def _reply(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class has it
        """Nothing: tests have their own words."""
