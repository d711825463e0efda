"""How grave a log record is, in one word for each of OTLP's ranges of severity numbers (OpenTelemetry, logs data model)."""

from __future__ import annotations

from typing import Final

_WORDS: Final = ("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL")
_WIDTH: Final = 4


def severity_word(number: int) -> str:
    """`INFO` for 9 to 12, `WARN` for 13 to 16, and so on; empty where the sender did not say, or said none of 1 to 24."""
    place = (number - 1) // _WIDTH
    return _WORDS[place] if 0 <= place < len(_WORDS) else ""


def severity_number(words: str) -> int:
    """The least number of a range: 13 for `warn`; a number from 1 to 24 as it is.

    Raises:
        ValueError: it is neither; the message says what would do.
    """
    said = words.strip().upper()
    if said in _WORDS:
        return _WORDS.index(said) * _WIDTH + 1
    if said.isascii() and said.isdigit() and 1 <= int(said) <= len(_WORDS) * _WIDTH:
        return int(said)
    raise ValueError(f"{words!r} is no severity: there is {', '.join(_WORDS).lower()}, or a number from 1 to {len(_WORDS) * _WIDTH}")
