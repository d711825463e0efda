"""What design.md's telemetry contract says must be sent for a call, written out anew: nothing here asks the package what it sends.

A test says what happened (`Trip`) and what the application saw; this makes the whole spans, metric points and log records of it. Only
how a URL is named (`llm.server`) is taken from the package, since one function decides that everywhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from support.app import OPENAI, PARENT_ID, TRACE_ID
from support.dialects import COMPLETION_TOKENS, PROMPT_TOKENS

from venom_otel.identity import endpoint
from venom_otel.instrumentation.server_words import server_words
from venom_otel.testing import ELAPSED

SCHEMA = "https://opentelemetry.io/schemas/1.41.1"
SECONDS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92)
TOKENS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864)


HttpOutcome = int | tuple[str, str] | None
"""How an HTTP request ended: by a status, by an exception (its class and words) or, None, by cancellation."""


@dataclass(frozen=True)
class Failed:
    """How a call failed, in the contract's words."""

    kind: str
    error_type: str | None = None
    """None: the class of the true cause."""
    status: int | None = None


@dataclass(frozen=True)
class Trip:
    """One round trip to a model, as it went."""

    connector: str
    stream: bool
    url: str
    provider: str
    source: str
    model: str
    outcome: str = "ok"
    failed: Failed | None = None
    exception: tuple[str, str] | None = None
    """The true cause's class and words, as the application saw it without instrumentation."""
    chunks: int = 0
    named: bool = True
    """Whether the reply, or the part of it that came, says its id and model."""
    usage: bool = True
    finish: str | None = "length"
    http: tuple[HttpOutcome, ...] = (200,)
    """The HTTP requests below it."""
    settings: bool = True
    parent: int = PARENT_ID
    fallback: bool | None = None
    """Of an attempt of a routed call: whether it is in the place of another service."""
    gave_way: bool | None = None
    """Of a failed one: whether another service was asked after it."""

    @property
    def base_url(self) -> str:
        """The service's own base URL."""
        return f"{self.url}/v1" if self.connector == OPENAI else self.url

    @property
    def error_type(self) -> str | None:
        """The value of `error.type`."""
        if self.failed is None:
            return None
        assert self.exception is not None
        return self.failed.error_type or self.exception[0]


def spans(trips: list[Trip]) -> list[dict[str, Any]]:
    """The CLIENT span of each round trip and its HTTP children, numbered as they were begun one after the other."""
    found: list[dict[str, Any]] = []
    for trip in trips:
        own = len(found) + 1
        found.append(_span(trip, own))
        found.extend(_http_span(trip, outcome, own + number, own) for number, outcome in enumerate(trip.http, 1))
    return found


def metrics(trips: list[Trip]) -> dict[str, dict[str, Any]]:
    """The points of all round trips, equal attributes put together."""
    found: dict[str, dict[str, Any]] = {}

    def record(name: str, unit: str, attributes: dict[str, Any], values: list[Any]) -> None:
        if not values:
            return
        metric = found.setdefault(name, {"unit": unit, "scope": "venom_otel", "schema_url": SCHEMA, "points": []})
        point = next((point for point in metric["points"] if point["attributes"] == attributes), None)
        if point is None:
            bounds = SECONDS if unit == "s" else TOKENS
            point = {"attributes": attributes, "count": 0, "sum": ELAPSED if unit == "s" else 0, "bounds": bounds}
            metric["points"].append(point)
        point["count"] += len(values)
        if unit != "s":
            point["sum"] += sum(values)

    for trip in trips:
        common = _metric_attributes(trip)
        record("gen_ai.client.operation.duration", "s", {**common, **_ending(trip)}, [ELAPSED])
        if trip.chunks:
            record("gen_ai.client.operation.time_to_first_chunk", "s", common, [ELAPSED])
            record("gen_ai.client.operation.time_per_output_chunk", "s", common, [ELAPSED] * (trip.chunks - 1))
        if trip.usage:
            record("gen_ai.client.token.usage", "{token}", {**common, "gen_ai.token.type": "input"}, [PROMPT_TOKENS])
            record("gen_ai.client.token.usage", "{token}", {**common, "gen_ai.token.type": "output"}, [COMPLETION_TOKENS])
    for metric in found.values():
        metric["points"].sort(key=lambda point: repr(sorted(point["attributes"].items())))
    return found


def logs(trips: list[Trip]) -> list[dict[str, Any]]:
    """One WARN record for each failure, in its span."""
    found = []
    own = 1
    for trip in trips:
        if trip.failed is not None:
            assert trip.exception is not None
            name, words = trip.exception
            found.append(
                {
                    "event_name": "gen_ai.client.operation.exception",
                    "severity": "WARN",
                    "body": f"{trip.provider} {trip.model}: {trip.failed.kind}: {server_words(words) or words}",
                    "attributes": {
                        "gen_ai.operation.name": "chat",
                        "gen_ai.provider.name": trip.provider,
                        "gen_ai.request.model": trip.model,
                        "llm.provider": trip.provider,
                        "llm.model": trip.model,
                        "llm.endpoint": trip.base_url,
                        "exception.type": name,
                        "exception.message": words,
                        "error.type": trip.error_type,
                        "llm.error.kind": trip.failed.kind,
                    },
                    "trace": TRACE_ID,
                    "span": own,
                    "scope": "venom_otel",
                    "schema_url": SCHEMA,
                }
            )
        own += 1 + len(trip.http)
    return found


def trace_headers(span_id: int) -> dict[str, str]:
    """What goes with a request to a local server: the trace, with the HTTP span as parent, and the application's baggage."""
    return {"traceparent": f"00-{TRACE_ID:032x}-{span_id:016x}-01", "baggage": "tenant=blue"}


def _span(trip: Trip, own: int) -> dict[str, Any]:
    address = _address(trip)
    attributes: dict[str, Any] = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": trip.provider,
        "gen_ai.request.model": trip.model,
        "llm.provider": trip.provider,
        "llm.model": trip.model,
        "llm.model_name": trip.model,
        "llm.endpoint": trip.base_url,
        "llm.server": endpoint.parse(trip.base_url).server,
        "llm.service_id": "chat",
        "llm.identity.source": trip.source,
        "llm.outcome": trip.outcome,
        **address,
    }
    if trip.settings:
        attributes |= {
            "gen_ai.request.temperature": 0.25,
            "gen_ai.request.top_p": 0.5,
            "gen_ai.request.max_tokens": 8,
            "gen_ai.request.seed": 7,
            "gen_ai.request.stop_sequences": ("END",),
        }
    if trip.stream:
        attributes["gen_ai.request.stream"] = True
    if trip.chunks:
        attributes["gen_ai.response.time_to_first_chunk"] = ELAPSED
    if trip.named:
        attributes["gen_ai.response.model"] = trip.model
        if trip.connector == OPENAI:
            attributes["gen_ai.response.id"] = "chatcmpl-9096845c860ad324" if trip.stream else "chatcmpl-9dab6260b097695a"
    if trip.finish:
        attributes["gen_ai.response.finish_reasons"] = (trip.finish,)
    if trip.usage:
        attributes |= {"gen_ai.usage.input_tokens": PROMPT_TOKENS, "gen_ai.usage.output_tokens": COMPLETION_TOKENS}
        if trip.connector != OPENAI:  # its replies give nanoseconds
            attributes |= {"llm.timing.load": 0.00469555, "llm.timing.prompt": 0.297731454, "llm.timing.generation": 1.33105867}
            attributes["llm.cold_start"] = False
    events: list[dict[str, Any]] = []
    if trip.failed is not None:
        assert trip.exception is not None
        name, words = trip.exception
        attributes |= {"error.type": trip.error_type, "llm.error.kind": trip.failed.kind}
        if trip.failed.status is not None:
            attributes["http.response.status_code"] = trip.failed.status
        events = [{"name": "exception", "attributes": {"exception.type": name, "exception.message": words}}]
    return {
        "name": f"chat {trip.model}",
        "kind": "CLIENT",
        "trace": TRACE_ID,
        "id": own,
        "parent": trip.parent,
        "status": "ERROR" if trip.failed else "UNSET",
        "description": trip.exception[1] if trip.failed and trip.exception else None,
        "attributes": attributes,
        "events": events,
        "links": [],
        "scope": "venom_otel",
        "schema_url": SCHEMA,
    }


def _http_span(trip: Trip, outcome: HttpOutcome, own: int, parent: int) -> dict[str, Any]:
    """The child as OpenTelemetry's own instrumentation makes it for httpx and httpx2 alike, in its default (old) names."""
    path = "/chat/completions" if trip.connector == OPENAI else "/api/chat"
    attributes: dict[str, Any] = {"http.method": "POST", "http.url": trip.base_url + path}
    status, description, events = "UNSET", None, []
    if isinstance(outcome, int):
        attributes["http.status_code"] = outcome
        status = "ERROR" if outcome >= 400 else "UNSET"
    elif outcome is not None:
        name, words = outcome
        status, description = "ERROR", f"{name}: {words}"
        library = "httpx2" if trip.connector == OPENAI else "httpx"
        event = {"exception.type": f"{library}.{name}", "exception.message": words, "exception.escaped": "False"}
        events = [{"name": "exception", "attributes": event}]
    return {
        "name": "POST",
        "kind": "CLIENT",
        "trace": TRACE_ID,
        "id": own,
        "parent": parent,
        "status": status,
        "description": description,
        "attributes": attributes,
        "events": events,
        "links": [],
        "scope": "opentelemetry.instrumentation.httpx",
        "schema_url": "https://opentelemetry.io/schemas/1.11.0",
    }


def _metric_attributes(trip: Trip) -> dict[str, Any]:
    attributes = {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": trip.provider,
        "gen_ai.request.model": trip.model,
        "llm.provider": trip.provider,
        "llm.model": trip.model,
        "llm.endpoint": trip.base_url,
        **_address(trip),
    }
    if trip.fallback is not None:
        attributes["llm.route.fallback"] = trip.fallback
    return {**attributes, "gen_ai.response.model": trip.model} if trip.named else attributes


def _ending(trip: Trip) -> dict[str, Any]:
    attributes: dict[str, Any] = {"llm.outcome": trip.outcome}
    if trip.usage and trip.connector != OPENAI:
        attributes["llm.cold_start"] = False
    if trip.failed is not None:
        attributes |= {"error.type": trip.error_type, "llm.error.kind": trip.failed.kind}
    if trip.gave_way is not None:
        attributes["llm.route.gave_way"] = trip.gave_way
    return attributes


def _address(trip: Trip) -> dict[str, Any]:
    return {"server.address": "127.0.0.1", "server.port": int(trip.url.rsplit(":", 1)[1])}
