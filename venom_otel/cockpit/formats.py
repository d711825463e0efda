"""Numbers as a person reads them. Nothing here knows of the page."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from venom_otel.store.protocol import AttributeValue

_MICROSECOND: Final = 1_000
_MILLISECOND: Final = 1_000_000
_SECOND: Final = 1_000_000_000
_MINUTE: Final = 60 * _SECOND
_HOUR: Final = 60 * _MINUTE


def duration(nanoseconds: int) -> str:
    """Three figures and a unit: `740 µs`, `12.3 ms`, `812 ms`, `1.24 s`, `2 m 05 s`, `1 h 03 m`."""
    if nanoseconds < _MILLISECOND:
        return f"{max(nanoseconds, 0) / _MICROSECOND:.0f} µs"
    if nanoseconds < _SECOND:
        return f"{figures(nanoseconds / _MILLISECOND)} ms" if nanoseconds < 999.5 * _MILLISECOND else "1.00 s"
    if nanoseconds < 59.95 * _SECOND:
        return f"{figures(nanoseconds / _SECOND)} s"
    if nanoseconds < _HOUR - _SECOND / 2:
        minutes, rest = divmod(round(nanoseconds / _SECOND), 60)
        return f"{minutes} m {rest:02} s"
    hours, minutes = divmod(round(nanoseconds / _MINUTE), 60)
    return f"{hours} h {minutes:02} m"


def seconds(length: float | None) -> str:
    """A duration that is told in seconds; empty where it is not known."""
    return "" if length is None else duration(round(length * _SECOND))


def count(number: int | None) -> str:
    """An exact number with thin spaces between thousands; a question mark where it is not known."""
    return f"{number:,}".replace(",", "\u2009") if number is not None else "?"


def figures(number: float) -> str:
    """Three figures, never an exponent: `0.42`, `7.31`, `38.2`, `512`."""
    decimals = 2 if number < 9.995 else 1 if number < 99.95 else 0  # noqa: PLR2004 - where rounding gives one figure more
    return f"{number:.{decimals}f}"


def share(part: float) -> str:
    """A share of 0 to 1 in per cent: `0 %`, `< 0.1 %`, `3.4 %`, `27 %`."""
    percent = 100 * part
    if 0 < percent < 0.1:  # noqa: PLR2004 - never zero where something was
        return "< 0.1\u202f%"
    return f"{percent:.1f}\u202f%" if 0 < percent < 10 else f"{percent:.0f}\u202f%"  # noqa: PLR2004 - one figure more for small ones


def value(attribute: AttributeValue) -> str:
    """An attribute's value as text: a string as it is, anything else as JSON, bytes in base64 as the API has them."""
    if isinstance(attribute, str):
        return attribute
    return json.dumps(_plain(attribute), ensure_ascii=False, indent=2 if isinstance(attribute, dict) else None)


def _plain(attribute: AttributeValue) -> object:
    if isinstance(attribute, bytes):
        return base64.b64encode(attribute).decode()
    if isinstance(attribute, dict):
        return {key: _plain(item) for key, item in attribute.items()}
    if isinstance(attribute, (list, tuple)):
        return [_plain(item) for item in attribute]
    return attribute
