"""Points in time as people and programs write them: ISO 8601, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_SECOND: Final = 1_000_000_000
_UNITS: Final = {"s": _SECOND, "m": 60 * _SECOND, "h": 3600 * _SECOND, "d": 86_400 * _SECOND, "w": 7 * 86_400 * _SECOND}
_SPAN: Final = re.compile(r"([0-9]{1,9})([smhdw])")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def moment(words: str, now_ns: int) -> int:
    """`2026-11-22T21:04:05Z`, `2026-11-22 21:04`, `2026-11-22` or `15m` (ago) as nanoseconds since the epoch.

    Args:
        words: UTC where no offset is given.
        now_ns: what `15m` counts from.

    Raises:
        ValueError: it is none of these; the message says what would do.
    """
    if found := _SPAN.fullmatch(words.strip()):
        return max(now_ns - span_ns(found.group()), 0)
    try:
        time = datetime.fromisoformat(words.strip())
    except ValueError:
        raise ValueError(f"{words!r} is no time: give one like 2026-11-22T21:04:05Z, or how long ago, like 30s, 15m, 2h, 7d") from None
    time = time.replace(tzinfo=UTC) if time.tzinfo is None else time
    return max((time - _EPOCH) // timedelta(microseconds=1) * 1_000, 0)


def span_ns(words: str) -> int:
    """`30s`, `15m`, `2h`, `7d` or `1w` in nanoseconds.

    Raises:
        ValueError: it is none of these; the message says what would do.
    """
    found = _SPAN.fullmatch(words.strip())
    if found is None:
        raise ValueError(f"{words!r} is no span of time: give one like 30s, 15m, 2h, 7d")
    number, unit = found.groups()
    return int(number) * _UNITS[unit]
