"""The stored requests as they came, one after the other: what an export writes, and what an import is compared with.

It only reads, a block at a time, so that it works beside a running writer and at any size.
"""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from venom_otel.errors import StoreError
from venom_otel.store.embedded import reads
from venom_otel.store.embedded.blocks import unpack
from venom_otel.store.embedded.decode import DIGEST_BYTES, digesting
from venom_otel.store.embedded.schema import open_archive
from venom_otel.store.embedded.sql import statement
from venom_otel.store.embedded.wire import parse_slim
from venom_otel.store.mapping import MAX_INT64
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from venom_otel.store.protocol import RequestFilter, RequestSummary

_PAGE: Final = 1_000
_RESOURCE: Final = 0x0A
"""Field 1 with a length, all that an export request has."""
_MORE: Final = 0x80


class Stored(NamedTuple):
    """A request as it came, or several of one kind where they cannot be told apart any more."""

    signal: Signal
    raw: bytes
    """A serialized OTLP export request."""


class Archive:
    """A store's file, to be read while another process may write it. A context manager.

    Args:
        path: the file.

    Raises:
        StoreFormatError: another program's file, or one of a newer version.
        StoreError: there is no store, or it cannot be read; an older one that runs must be ended first.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_archive(path)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self._connection.close()

    def requests(self, signals: Collection[Signal] = tuple(Signal), since_ns: int = 0, until_ns: int = MAX_INT64) -> Iterator[Stored]:
        """The requests of these signals in which anything happened within the range, whole, in order of arrival.

        Raises:
            StoreError: the file cannot be read.
        """
        arguments: dict[str, Any] = {"signals": json.dumps(list(signals)), "since_ns": since_ns, "until_ns": until_ns, "after": 0}
        while (row := self._row("next_block", arguments)) is not None:
            arguments["after"], name, digests, zstd = row
            signal = Signal(name)
            for raw in _apart(signal, unpack(zstd), digests):
                times = [time_ns for time_ns in _times(signal, raw) if time_ns]
                # A request without any time is as old as its block.
                if not times or (max(times) >= since_ns and min(times) <= until_ns):
                    yield Stored(signal, raw)

    def summaries(self, which: RequestFilter) -> Iterator[RequestSummary]:
        """The requests to models that match, oldest first.

        Raises:
            StoreError: the file cannot be read.
        """
        after = which.after or 0
        while True:
            try:
                page = reads.requests(self._connection, replace(which, after=after), _PAGE)
            except sqlite3.Error as error:
                raise self._unreadable(error) from error
            yield from page
            if len(page) < _PAGE:
                return
            after = page[-1].sequence

    def digests(self) -> Iterator[bytes]:
        """By which each stored request is known, see `decode.digest`.

        Raises:
            StoreError: the file cannot be read.
        """
        after = 0
        while (row := self._row("next_digests", {"after": after})) is not None:
            after, digests = row
            yield from _each(digests)

    def _row(self, name: str, arguments: dict[str, Any]) -> tuple[Any, ...] | None:
        try:
            row: tuple[Any, ...] | None = self._connection.execute(statement(name), arguments).fetchone()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error
        return row

    def _unreadable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(f"the store {self._path} cannot be read: {error}")


def _each(digests: bytes) -> Iterator[bytes]:
    for start in range(0, len(digests), DIGEST_BYTES):
        yield digests[start : start + DIGEST_BYTES]


def _apart(signal: Signal, block: bytes, digests: bytes) -> Iterator[bytes]:
    """The raw requests of a block, which stand one after the other: their digests say where each ends.

    What no digest fits (a request from which items were refused is kept without them) comes in one piece.
    """
    start = 0
    expected = _each(digests)
    wanted = next(expected, None)
    hashing = digesting(signal)
    for begin, end in _fields(block):
        hashing.update(memoryview(block)[begin:end])
        if hashing.copy().digest()[:DIGEST_BYTES] == wanted:
            yield block[start:end]
            start, wanted, hashing = end, next(expected, None), digesting(signal)
    if start < len(block):
        yield block[start:]


def _fields(message: bytes) -> Iterator[tuple[int, int]]:
    """Where the parts of a request for each resource begin and end; what is none of these comes with all that follows.

    https://protobuf.dev/programming-guides/encoding/
    """
    begin, end = 0, len(message)
    while begin < end:
        size, position = _varint(message, begin + 1)
        after = min(position + size, end) if message[begin] == _RESOURCE else end
        yield begin, after
        begin = after


def _varint(message: bytes, position: int) -> tuple[int, int]:
    value = shift = 0
    while position < len(message):
        byte = message[position]
        position += 1
        value |= (byte & (_MORE - 1)) << shift
        if byte < _MORE:
            break
        shift += 7
    return value, position


def _times(signal: Signal, raw: bytes) -> Iterator[int]:
    """Every time that a request speaks of, 0 for none."""
    match signal:
        case Signal.TRACES:
            for spans in (scope.spans for resource in parse_slim(raw).resources for scope in resource.scopes):
                for span in spans:
                    yield from (span.start, span.end)
        case Signal.METRICS:
            for of_resource in ExportMetricsServiceRequest.FromString(raw).resource_metrics:
                for metric in (metric for scope in of_resource.scope_metrics for metric in scope.metrics):
                    kind = metric.WhichOneof("data")
                    yield from (point.time_unix_nano for point in (getattr(metric, kind).data_points if kind else ()))
        case Signal.LOGS:
            for of_logs in ExportLogsServiceRequest.FromString(raw).resource_logs:
                for record in (record for scope in of_logs.scope_logs for record in scope.log_records):
                    yield record.time_unix_nano or record.observed_time_unix_nano
