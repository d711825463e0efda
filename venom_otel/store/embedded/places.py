"""Numbers of points and log records: the number of the block in which one came, then its place inside.

Numbers therefore grow with arrival, what belongs to a block is one range of them, and no table has to be asked where an item lies.
"""

from __future__ import annotations

from typing import Final

PLACE_BITS: Final = 24
MAX_PLACES: Final = 1 << PLACE_BITS


def number(block: int, place: int) -> int:
    """The number of an item by its place in a block."""
    return block << PLACE_BITS | place


def block_of(item: int) -> int:
    """The block in which an item of this number lies."""
    return item >> PLACE_BITS
