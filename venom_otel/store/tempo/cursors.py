"""Cursors for what Tempo holds: it counts no arrivals, so a request's place in the order is the time at which it began.

The numbers are negative, so that all of it comes before whatever the embedded store has counted, and exact in a JSON reader's doubles
too. A number stands for an eighth of a microsecond's requests: the time in microseconds, and three bits that tell most of those apart that
began in the same one.
"""

from __future__ import annotations

from typing import Final

FIRST: Final = -(2**53) + 1
"""Of what began at `EPOCH_NS` or, by a wrong clock, before it."""
EPOCH_NS: Final = 1_577_836_800_000_000_000
"""2020-01-01, before there was anything to store; the numbers last until 2055."""
_BITS: Final = 3
_NS_PER_US: Final = 1_000


def cursor(start_ns: int, span_id: str) -> int:
    """The number of a request; of two, the one that began later has the greater."""
    microseconds = (start_ns - EPOCH_NS) // _NS_PER_US
    return min(max(FIRST + (microseconds << _BITS | int(span_id[-1], 16) & (1 << _BITS) - 1), FIRST), -1)


def latest_ns(before: int) -> int:
    """No request of a lesser number than `before` began after this."""
    return EPOCH_NS + ((before - FIRST >> _BITS) + 1) * _NS_PER_US
