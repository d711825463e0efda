"""Runs one cell of the correctness matrix, and says what the contract makes of it."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from semantic_kernel import Kernel
from support.app import MODELS, PROVIDERS, Seen, service_for, watch
from support.cases import STREAM
from support.drive import Target
from support.expected import Trip

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from support.cases import Case, Combination
    from support.chat_server import ChatServer


@contextlib.asynccontextmanager
async def target_for(cell: Combination, url: str, server: ChatServer | None) -> AsyncIterator[Target]:
    """A fresh service and kernel for one run."""
    case, connector = cell.case, cell.connector
    async with service_for(connector, url, model=MODELS[connector], retries=case.retries, read_s=case.read_s) as service:
        yield Target(connector, service, Kernel(services=[service]), server, cell.mode == STREAM, case.override)


async def run(case: Case, target: Target) -> Seen:
    """What the application sees of one case, with the server's side of it."""
    if target.server is not None:
        target.server.play(*case.script)
    seen = await watch(lambda seen: case.act(target, seen))
    if target.server is not None:
        await asyncio.to_thread(target.server.wait_for, 1)  # one that the client has given up may come later than that
        seen.received(target.server.requests)
    return seen


def trips_of(cell: Combination, url: str, bare: Seen) -> list[Trip]:
    """The round trips of one cell, whose exception is the one that the bare run saw."""
    identity = (PROVIDERS[cell.connector], "server") if cell.case.server else ("unknown", "unknown")
    whole = Trip(cell.connector, cell.mode == STREAM, url, *identity, model=MODELS[cell.connector], exception=_true_cause(bare))
    return [replace(whole, **trip) for trip in cell.trips]


def _true_cause(seen: Seen) -> tuple[str, str] | None:
    """The class and words of what the client raised, below Semantic Kernel's wrapper."""
    kind: type
    for kind, words, *_ in seen.error:
        if kind.__module__.partition(".")[0] != "semantic_kernel":
            return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}", words
    return None


def without_http_stacks(spans: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """OpenTelemetry's HTTP instrumentation records stack traces; only the `chat` spans must have none."""
    for span in spans:
        if span["scope"] == "opentelemetry.instrumentation.httpx":
            for event in span["events"]:
                assert event["attributes"].pop("exception.stacktrace").startswith("Traceback")
    return spans
