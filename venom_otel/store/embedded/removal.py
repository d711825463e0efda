"""Deleting whole blocks, oldest first, with everything that was made of them. For the one thread that writes; inside its transactions."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import zstandard
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from venom_otel.store.embedded.blocks import low_key, unpack
from venom_otel.store.embedded.places import number
from venom_otel.store.embedded.sql import statement
from venom_otel.store.embedded.wire import parse_slim
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from venom_otel.store.embedded.rollups import Rollups

_logger: Final = logging.getLogger(__name__)

STEP_ITEMS: Final = 4_096
"""Spans, points and log records of one transaction, about: so long does a sender wait at most."""

_LOW_BITS: Final = 47
"""See `blocks.trace_keys`."""


@dataclass(slots=True)
class Removed:
    """What one transaction deleted."""

    blocks: int = 0
    items: Counter[Signal] = field(default_factory=Counter)
    requests: int = 0
    digests: list[bytes] = field(default_factory=list)
    """By block, of the raw requests inside."""
    streams: list[bytes] = field(default_factory=list)
    """Digests of streams that have no points any more."""


class Removal:
    """Deletes blocks through the writer's connection, and takes what they held out of the roll-ups."""

    def __init__(self, connection: sqlite3.Connection, rollups: Rollups) -> None:
        self._connection = connection
        self._rollups = rollups

    def oldest(self, last: int, before_ns: int) -> Removed:
        """Delete as many of the oldest blocks as are one transaction's worth.

        Args:
            last: blocks of greater numbers stay.
            before_ns: the first block that did not arrive before, and all after it, stay.
        """
        removed = Removed()
        touched: dict[str, set[int]] = {"streams": set(), "series": set(), "log_kinds": set()}
        requests: list[Sequence[Any]] = []
        run = self._connection.execute
        while removed.items.total() < STEP_ITEMS:
            row = run(statement("oldest_block"), {"last": last}).fetchone()
            if row is None or row[0] >= before_ns:
                break
            _, block, signal, items, first_request, last_request, digests, zstd = row
            removed.blocks += 1
            removed.items[Signal(signal)] += items
            removed.digests.append(digests)
            if first_request is not None:
                requests += self._requests(first_request, last_request)
            self._forget_traces(block, _trace_ids(block, Signal(signal), zstd))
            within = {"first": number(block, 0), "last": number(block + 1, 0) - 1}
            touched["streams"].update(stream for (stream,) in run(statement("streams_between"), within))
            touched["log_kinds"].update(kind for (kind,) in run(statement("log_kinds_between"), within))
            run(statement("delete_points"), within)
            run(statement("delete_logs"), within)
            run(statement("delete_payload"), {"block": block})
            run(statement("delete_block"), {"block": block})
        removed.requests = len(requests)
        self._rollups.remove(requests)
        touched["series"].update(row[3] for row in requests)
        for names, ids in touched.items():
            for unused in ids:
                gone = run(statement(f"delete_unused_{names}"), {"id": unused}).fetchone()
                if gone is not None and names == "streams":
                    removed.streams.append(gone[0])
        return removed

    def _requests(self, first: int, last: int) -> Sequence[Sequence[Any]]:
        """Delete the rows of these requests; what they measured."""
        ids = {"first": first, "last": last}
        rows = self._connection.execute(statement("measures_between"), ids).fetchall()
        self._connection.execute(statement("delete_requests"), ids)
        return rows

    def _forget_traces(self, block: int, trace_ids: set[bytes]) -> None:
        lows = sorted({low_key(trace_id) for trace_id in trace_ids})
        for low in lows:  # the first is found, but where its span was rejected
            found = self._connection.execute(statement("shard_of"), {"low": low, "block": block}).fetchone()
            if found is not None:
                self._connection.executemany(statement("delete_trace"), [(found[0] << _LOW_BITS | low, block) for low in lows])
                break


def _trace_ids(block: int, signal: Signal, zstd: bytes) -> set[bytes]:
    """Under which traces a block is filed."""
    try:
        match signal:
            case Signal.TRACES:
                resources = parse_slim(unpack(zstd)).resources
                return {span.trace_id for resource in resources for scope in resource.scopes for span in scope.spans}
            case Signal.LOGS:
                logs = ExportLogsServiceRequest.FromString(unpack(zstd)).resource_logs
                return {record.trace_id for resource in logs for scope in resource.scope_logs for record in scope.log_records}
    except (zstandard.ZstdError, DecodeError):
        # Damaged on the disk: what points at it stays behind and finds nothing.
        _logger.exception("block %d of the store cannot be read and is deleted", block)
    return set()
