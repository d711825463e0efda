"""Raw requests of one commit, packed: concatenated serialized requests are one valid request of the same kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import zstandard

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from venom_otel.store.embedded.decode import Decoded, RequestRow
    from venom_otel.store.embedded.points import PointRow
    from venom_otel.store.embedded.records import RecordRow
    from venom_otel.store.embedded.streams import Stream
    from venom_otel.store.protocol import Signal

BLOCK_ITEMS: Final = 2_048
"""A block is closed at so many spans: larger ones compress hardly better and take longer to open."""
BLOCK_BYTES: Final = 2 * 1024 * 1024

SHARD_TRACES: Final = 16_384
"""Entries of one shard of the trace index: a hundred pages, which inserts at random places touch; a lookup asks each shard."""
_LOW_BITS: Final = (1 << 47) - 1


class Block(NamedTuple):
    """What one row of `blocks` and its payload will say."""

    signal: Signal
    first_ns: int
    last_ns: int
    items: int
    requests: Sequence[RequestRow]
    trace_ids: set[bytes]
    points: Sequence[PointRow]
    streams: Mapping[bytes, Stream]
    records: Sequence[RecordRow]
    digests: bytes
    zstd: bytes


def low_key(trace_id: bytes) -> int:
    """The part of a trace key that the trace id gives."""
    return int.from_bytes(trace_id[-8:], "big") & _LOW_BITS


def trace_keys(filed: int, trace_ids: Iterable[bytes]) -> list[int]:
    """Where traces are filed, in order: in the shard of those filed just before, then by their ids.

    Shards follow one another as blocks do: what forgets the oldest blocks forgets the first shards with them.

    Args:
        filed: how many entries the index was given before.
        trace_ids: 16 bytes each.
    """
    shard, number = (filed // SHARD_TRACES) << 47, int.from_bytes
    return sorted([shard | number(trace_id[-8:], "big") & _LOW_BITS for trace_id in trace_ids])


def pack(group: Sequence[Decoded], arrived_ns: int) -> Iterator[Block]:
    """The blocks of one commit, each of one signal; what has no time happened when it arrived."""
    compress = zstandard.ZstdCompressor(level=1).compress
    by_signal: dict[Signal, list[Decoded]] = {}
    for decoded in group:
        by_signal.setdefault(decoded.signal, []).append(decoded)
    for signal, all_of_it in by_signal.items():
        for some in _cut(all_of_it):
            times = [decoded.times(arrived_ns) for decoded in some]
            yield Block(
                signal,
                min(first for first, _ in times),
                max(last for _, last in times),
                sum(decoded.items for decoded in some),
                [row for decoded in some for row in decoded.requests],
                set().union(*(decoded.trace_ids for decoded in some)),
                [row for decoded in some for row in decoded.points],
                {digest: stream for decoded in some for digest, stream in decoded.streams.items()},
                [row for decoded in some for row in decoded.records],
                b"".join(decoded.digest for decoded in some),
                compress(b"".join(decoded.raw for decoded in some)),
            )


def unpack(zstd: bytes) -> bytes:
    """The concatenated raw requests of a block."""
    return zstandard.ZstdDecompressor().decompress(zstd)


def _cut(group: Sequence[Decoded]) -> Iterator[Sequence[Decoded]]:
    some: list[Decoded] = []
    items = size = 0
    for decoded in group:
        some.append(decoded)
        items += decoded.items
        size += len(decoded.raw)
        if items >= BLOCK_ITEMS or size >= BLOCK_BYTES:
            yield some
            some, items, size = [], 0, 0
    if some:
        yield some
