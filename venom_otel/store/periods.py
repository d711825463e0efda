"""The range of time that a question for figures covers: one rule for every store, so that their answers can be added up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from venom_otel.store.protocol import RequestFilter

MINUTE_NS: Final = 60 * 1_000_000_000
HOUR: Final = 60
DAY: Final = 24 * HOUR
"""In minutes, like all that follows."""
END: Final = (2**63 - 1) // MINUTE_NS + 1
"""No request begins in this minute or later."""


def covered(which: RequestFilter) -> tuple[int, int]:
    """The first minute asked for, since the epoch, and the first that is not; on whole hours for more than a day."""
    first = 0 if which.since_ns is None else min(max(which.since_ns // MINUTE_NS, 0), END)
    end = END if which.until_ns is None else min(max(which.until_ns // MINUTE_NS + 1, 0), END)
    if end - first > DAY + 1:  # a day to the second still touches one minute more
        first, end = first // HOUR * HOUR, -(-end // HOUR) * HOUR
    return first, end
