"""Requests whose spans hold what is looked for: the blocks they lie in are opened one after the other, a bounded number at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from venom_otel.store.embedded import reads
from venom_otel.store.embedded.blocks import unpack
from venom_otel.store.embedded.matching import Attributes, Holds, Text
from venom_otel.store.embedded.sql import statement
from venom_otel.store.embedded.wire import parse_closed, parse_searched
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import Found

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator, Sequence

    from venom_otel.store.embedded.matching import Held
    from venom_otel.store.embedded.wire import SearchedSpan
    from venom_otel.store.protocol import RequestFilter, RequestSummary, Search

CANDIDATES: Final = 4_096
"""Most requests whose spans one call looks at."""
SCANNED_BYTES: Final = 32 * 1024 * 1024
"""A call opens no further block after so many bytes of spans."""


def search(connection: sqlite3.Connection, which: RequestFilter, query: Search, limit: int) -> Found[RequestSummary]:
    """See `TelemetryStore.search`."""
    connection.execute("BEGIN")
    try:
        candidates = reads.matching_ids(connection, which, CANDIDATES)
        found, reached = _look_through(connection, candidates, _Question(query), limit)
        items = reads.summaries(connection, found)
    finally:
        connection.execute("COMMIT")
    return Found(items if which.after is not None else items[::-1], reached)


def _look_through(
    connection: sqlite3.Connection, candidates: Sequence[int], question: _Question, limit: int
) -> tuple[list[int], int | None]:
    """The first `limit` answers in the candidates' order, and how far was looked; None where nothing is left."""
    found: list[int] = []
    start = scanned = 0
    while start < len(candidates) and scanned < SCANNED_BYTES:
        first, last, zstd = connection.execute(statement("block_of_request"), {"request": candidates[start]}).fetchone()
        end = start + 1
        while end < len(candidates) and first <= candidates[end] <= last:
            end += 1
        some = set(candidates[start:end])
        raw = unpack(zstd)
        answers = some.intersection(question.answers(raw, connection)) if question.perhaps_in(raw) else ()
        found += sorted(answers, reverse=candidates[0] > candidates[-1])
        if len(found) > limit or (len(found) == limit and found[-1] != candidates[-1]):
            return found[:limit], found[limit - 1]
        start, scanned = end, scanned + len(raw)
    more = start < len(candidates) or len(candidates) == CANDIDATES
    return found, candidates[start - 1] if more else None


class _Question:
    """What is looked for, asked of whole blocks."""

    def __init__(self, query: Search) -> None:
        self._text: Final = Text(query.text)
        self._attributes: Final = Attributes(query.attributes)
        self._holds: Final = Holds(self._text, self._attributes)

    def perhaps_in(self, raw: bytes) -> bool:
        """Whether serialized requests may hold a span that answers; False is certain."""
        return self._text.perhaps_in(raw) and self._attributes.perhaps_in(raw)

    def answers(self, raw: bytes, connection: sqlite3.Connection) -> Iterator[int]:
        """The requests whose span, in these serialized requests, holds what is looked for."""
        for resource in parse_closed(raw).resources:
            of_resource = [self._holds[pair.SerializeToString()] for pair in Resource.FromString(resource.resource).attributes]
            in_resource = any(held.text for held in of_resource)
            for scope in resource.scopes:
                for closed in scope.spans:
                    if in_resource or self._text.perhaps_in(closed):
                        span = parse_searched(closed)
                        if self._answers(span, of_resource):
                            identity = min(span.start, MAX_INT64), span.trace_id, span.span_id
                            yield from connection.execute(statement("request_of_span"), identity).fetchone() or ()

    def _answers(self, span: SearchedSpan, of_resource: Sequence[Held]) -> bool:
        held = [*of_resource, *map(self._holds.__getitem__, span.attributes)]
        if not self._attributes.wanted <= {held_one.attribute for held_one in held}:
            return False
        in_string = self._text.in_string
        return (
            any(held_one.text for held_one in held)
            or in_string(span.name.decode())
            or in_string(Status.FromString(span.status).message)
            or any(map(self._in_event, span.events))
        )

    def _in_event(self, raw: bytes) -> bool:
        if not self._text.perhaps_in(raw):
            return False
        event = Span.Event.FromString(raw)
        return self._text.in_string(event.name) or any(self._holds[pair.SerializeToString()].text for pair in event.attributes)
