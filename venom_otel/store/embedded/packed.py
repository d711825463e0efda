"""Distributions as the roll-ups keep them: short, and quick to add up by the thousand.

A blob is the sum of its values, then the shorter of two forms: the bucket of every value, two bytes each, which suits the few values of
a minute; or the counts of all buckets from the first to the last, each as wide as the greatest needs, which suits the many of an hour.
Counts are added as lanes of one large integer: 3 µs for a blob of 250 buckets, where adding bucket by bucket takes 20 to 50.
"""

from __future__ import annotations

import struct
import sys
from array import array
from collections import Counter
from itertools import chain, repeat
from typing import TYPE_CHECKING, Final

from venom_otel.store.distribution import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_HEAD: Final = struct.Struct("<QBh")
"""The sum; how many bytes a count has, or 0 where values are listed; the first bucket."""
_MAX_SUM: Final = 2**64 - 1
_LISTED: Final = 0
_LANE: Final = 4
"""Bytes for a count while adding: four thousand million requests in one bucket are more than a file holds."""
_TYPES: Final = {1: "B", 2: "H", _LANE: "I"}


def pack(sum_ns: int, buckets: Mapping[int, int]) -> bytes:
    """The blob of a distribution with at least one value."""
    first, last, counts = min(buckets), max(buckets), buckets.values()
    most = max(counts)
    width = 1 if most < 1 << 8 else 2 if most < 1 << 16 else _LANE
    if 2 * sum(counts) <= width * (last - first + 1):
        width, numbers = _LISTED, array("h", chain.from_iterable(map(repeat, buckets, counts)))
    else:
        numbers = array(_TYPES[width], map(buckets.get, range(first, last + 1), repeat(0)))
    return _HEAD.pack(min(sum_ns, _MAX_SUM), width, first) + _little_endian(numbers).tobytes()


def unpack_all(blobs: Iterable[bytes]) -> Distribution:
    """All values of all blobs."""
    sum_ns = 0
    listed: list[bytes] = []
    counted: list[tuple[int, int, bytes]] = []
    for blob in blobs:
        part, width, first = _HEAD.unpack_from(blob)
        sum_ns += part
        if width == _LISTED:
            listed.append(blob[_HEAD.size :])
        else:
            counted.append((first, width, blob[_HEAD.size :]))
    buckets = Counter(_little_endian(array("h", b"".join(listed))))
    if counted:
        base = min(counted)[0]
        total = sum(int.from_bytes(_lanes(counts, width), "little") << 8 * _LANE * (first - base) for first, width, counts in counted)
        sums = array(_TYPES[_LANE], total.to_bytes(-(-total.bit_length() // (8 * _LANE)) * _LANE, "little"))
        buckets.update({bucket: count for bucket, count in enumerate(_little_endian(sums), base) if count})
    return Distribution(sum_ns, buckets)


def _lanes(counts: bytes, width: int) -> bytes | bytearray:
    """Counts of `width` bytes, each in a lane."""
    if width == _LANE:
        return counts
    lanes = bytearray(len(counts) // width * _LANE)
    for byte in range(width):
        lanes[byte::_LANE] = counts[byte::width]
    return lanes


def _little_endian(numbers: array[int]) -> array[int]:
    """To or from the order of bytes that files have."""
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers
