"""Whether a store's file is consistent in itself: rows are what lies in blocks, and roll-ups are what lies in rows."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from typing import TYPE_CHECKING

import zstandard
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from venom_otel.store.distribution import bucket
from venom_otel.store.embedded.packed import unpack_all
from venom_otel.store.embedded.rollups import WIDTHS, newest_starts
from venom_otel.store.generation import generated, summed

if TYPE_CHECKING:
    from pathlib import Path

MINUTE_NS = 60_000_000_000
MAX_INT64 = 2**63 - 1


def check_store(path: Path) -> None:
    """Raise AssertionError where anything in the file contradicts anything else; the store may be open."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, isolation_level=None)) as connection:
        connection.execute("BEGIN")
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        _check_blocks(connection)
        _check_rollups(connection)


def _check_blocks(connection: sqlite3.Connection) -> None:
    """Every request's span is in the block that covers its number, and blocks hold as many spans as they say."""
    unpack = zstandard.ZstdDecompressor().decompress
    seen = 0
    blocks = "SELECT items, first_request, last_request, zstd FROM blocks JOIN payloads ON block = id WHERE signal = 'traces' ORDER BY id"
    rows_of = "SELECT trace_id, span_id FROM requests WHERE id BETWEEN ? AND ?"
    for items, first, last, zstd in connection.execute(blocks):
        inside = {
            (span.trace_id, span.span_id)
            for resource in ExportTraceServiceRequest.FromString(unpack(zstd)).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        }
        assert len(inside) <= items or any(len(trace) != 16 or len(span) != 8 for trace, span in inside)
        rows = connection.execute(rows_of, (first, last)).fetchall() if first is not None else []
        assert inside.issuperset(rows), "a request's span is not in its block"
        seen += len(rows)
    (requests,) = connection.execute("SELECT count(*) FROM requests").fetchone()
    assert seen == requests, "a request lies in no block"


def _check_rollups(connection: sqlite3.Connection) -> None:
    """Roll-ups are the sums of the requests that are there: of the narrowest width all of them, of the others those up to the newest."""
    newest = newest_starts(connection)
    expected: dict[tuple[int, ...], list[tuple[int, ...]]] = defaultdict(list)
    columns = "start_ns, series, ending, input_tokens, output_tokens, duration_ns, first_chunk_ns, generation_ns"
    for start_ns, series, ending, *values in connection.execute(f"SELECT {columns} FROM requests"):
        for width in WIDTHS:
            start = start_ns // MINUTE_NS // width * width
            if width > 1 and start > newest[width]:
                continue
            expected[0, width, start, series, ending].append(tuple(values))
            expected[1, width, start, 0, ending].append(tuple(values))
    found = 0
    for together, width, start, series, ending, *kept in connection.execute("SELECT * FROM rollups"):
        values = expected[together, width, start, series, ending]
        input_tokens, output_tokens, durations, first_chunks, told = zip(*values, strict=True) if values else ((), (), (), (), ())
        assert kept[:3] == [
            len(values),
            min(sum(filter(None, input_tokens)), MAX_INT64),
            min(sum(filter(None, output_tokens)), MAX_INT64),
        ], f"the roll-up {together} {width} {start} {series} {ending} is not the sum of its requests"
        for blob, measured in ((kept[3], durations), (kept[4], [value for value in first_chunks if value is not None])):
            distribution = unpack_all([blob] if blob else [])
            assert distribution.buckets == Counter(map(bucket, measured))
            assert distribution.sum_ns == min(sum(measured), 2**64 - 1)
        written = [
            generated(tokens or 0, duration, -1 if first is None else first, own or 0)
            for tokens, duration, first, own in zip(output_tokens, durations, first_chunks, told, strict=True)
        ]
        assert kept[5:] == [min(value, MAX_INT64) for value in summed(written)]
        found += 1
    assert found == len(expected), "requests without a roll-up"
