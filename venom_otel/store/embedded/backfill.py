"""Blocks that were written before there were rows for points and log records are filed when the store is opened, newest first.

A block's own number is in the numbers of what it holds, so that the order does not matter and a process that ends in between loses nothing:
a counter says how far it came.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from venom_otel.errors import PayloadError
from venom_otel.store.embedded.blocks import unpack
from venom_otel.store.embedded.decode import Decoder
from venom_otel.store.embedded.sql import statement
from venom_otel.store.protocol import Signal

if TYPE_CHECKING:
    import sqlite3

    from venom_otel.store.embedded.filing import Filing

_logger: Final = logging.getLogger(__name__)

COUNTER: Final = "unfiled"
"""The greatest number of a block that may hold points or log records without rows; 0 where none does."""
_ITEMS: Final = 20_000
"""Of one transaction, about."""


def backfill(connection: sqlite3.Connection, filing: Filing, unfiled: int) -> None:
    """File what older versions wrote, up to the block numbered `unfiled`.

    Raises:
        sqlite3.Error: the file cannot be written; what is filed by then stays so.
    """
    decoder = Decoder(filing.book)
    while unfiled:
        connection.execute("BEGIN IMMEDIATE")
        try:
            unfiled = _some(connection, filing, decoder, unfiled)
            connection.execute(statement("set_counter"), {"name": COUNTER, "value": unfiled})
            connection.execute("COMMIT")
        except BaseException:
            filing.settle(committed=False)
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise
        filing.settle(committed=True)


def _some(connection: sqlite3.Connection, filing: Filing, decoder: Decoder, unfiled: int) -> int:
    """File blocks until there are enough for one transaction; the number to go on from."""
    items = 0
    rows = connection.execute(statement("unfiled_blocks"), {"unfiled": unfiled})
    for block, signal, arrived_ns, zstd in rows:
        if items >= _ITEMS:
            return int(block)
        try:
            decoded = decoder.decode(Signal(signal), unpack(zstd))
        except PayloadError:
            _logger.exception("what block %d of the store holds cannot be asked for", block)
            continue
        if decoded.rejected:
            _logger.warning("%d points of block %d cannot be asked for: %s", decoded.rejected, block, decoded.reason)
        filing.add(block, arrived_ns, decoded)
        first_ns, last_ns = decoded.times(arrived_ns)
        connection.execute(statement("set_times"), {"block": block, "first_ns": first_ns, "last_ns": last_ns})
        items += decoded.items
    return 0
