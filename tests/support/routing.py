"""Routed calls in tests: a bed of model servers with a service for each, and what telemetry.md says of a routed call, written out anew."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from support import expected
from support.app import MODELS, OLLAMA, OPENAI, PARENT_ID, PROVIDERS, TRACE_ID, service_for

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from support.chat_server import ChatServer
    from support.expected import Trip

SERVICE_IDS = {OPENAI: "vl", OLLAMA: "ol"}


@contextlib.asynccontextmanager
async def services_for(urls: Mapping[str, str], **more: Any) -> AsyncIterator[list[Any]]:
    """A chat service for each connector's URL, in that order."""
    async with contextlib.AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(service_for(connector, url, model=MODELS[connector], service_id=SERVICE_IDS[connector], **more))
            for connector, url in urls.items()
        ]


def bodies(server: ChatServer) -> list[dict[str, Any]]:
    """What a server was sent since its script began."""
    return [request.body for request in server.requests]


@dataclass(frozen=True)
class Routed:
    """A routed call as it went. `trips` are its attempts."""

    trips: tuple[Trip, ...]
    model: str
    """Of the first service of the list."""
    stream: bool
    outcome: str = "ok"
    reason: str | None = None
    chosen: str | None = None
    failed: expected.Failed | None = None
    words: str | None = None
    """The status description."""
    fallback: bool = True
    extra: dict[str, Any] = field(default_factory=dict)


def spans(call: Routed) -> list[dict[str, Any]]:
    """The routed call's span, numbered 1, and those of its attempts as they were begun one after the other."""
    below = expected.spans([replace(trip, parent=0) for trip in call.trips])
    for span in below:
        span["id"] += 1
        span["parent"] += 1
    chats = [span for span in below if span["name"] != "POST"]
    for number, (span, trip) in enumerate(zip(chats, call.trips, strict=True), 1):
        span["attributes"] |= {
            "llm.route.attempt": number,
            "llm.route.fallback": _falls_back(call, number),
            "llm.service_id": SERVICE_IDS[trip.connector],
        }
        if trip.failed is not None:
            span["attributes"]["llm.route.gave_way"] = number < len(call.trips)
    last = call.trips[-1]
    attributes: dict[str, Any] = {
        "llm.model": last.model,
        "llm.model_name": last.model,
        "llm.endpoint": last.base_url,
        "llm.service_id": "fallback",
        "llm.outcome": call.outcome,
        "llm.route.attempts": len(call.trips),
        "llm.route.fallback": call.fallback,
        **call.extra,
    }
    if call.stream:
        attributes["gen_ai.request.stream"] = True
    if call.reason is not None:
        attributes["llm.route.reason"] = call.reason
    if call.chosen is not None:
        attributes["llm.route.chosen"] = call.chosen
    if call.failed is not None:
        attributes |= {"error.type": last.error_type, "llm.error.kind": call.failed.kind}
        if call.failed.status is not None:
            attributes["http.response.status_code"] = call.failed.status
    own = {
        "name": f"route {call.model}",
        "kind": "INTERNAL",
        "trace": TRACE_ID,
        "id": 1,
        "parent": PARENT_ID,
        "status": "ERROR" if call.failed else "UNSET",
        "description": call.words,
        "attributes": attributes,
        "events": [],
        "links": [],
        "scope": "venom_otel",
        "schema_url": expected.SCHEMA,
    }
    return [own, *below]


def logs(call: Routed) -> list[dict[str, Any]]:
    """The records of its failed attempts; the call as a whole has none."""
    found = expected.logs(list(call.trips))
    for record in found:
        record["span"] += 1
    return found


def metrics(call: Routed) -> dict[str, dict[str, Any]]:
    """The metric points of its attempts."""
    return expected.metrics(
        [
            replace(trip, fallback=_falls_back(call, number), gave_way=None if trip.failed is None else number < len(call.trips))
            for number, trip in enumerate(call.trips, 1)
        ]
    )


def _falls_back(call: Routed, number: int) -> bool:
    """Whether an attempt, counted from 1, is in the place of another service."""
    return number > 1 or (len(call.trips) == 1 and call.fallback)


def fallbacks(capture: Any) -> dict[tuple[str, str, str], int]:
    """The counter's points above zero: from, to and error type."""
    points = capture.metrics().get("llm.fallbacks", {"points": []})["points"]
    return {
        (point["attributes"]["llm.route.from"], point["attributes"]["llm.route.to"], point["attributes"]["error.type"]): point["value"]
        for point in points
        if point["value"]
    }


def provider(connector: str) -> str:
    """Who is behind a connector's server in a bed."""
    return PROVIDERS[connector]
