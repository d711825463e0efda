"""Words in columns, for people at a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence

GAP: Final = "  "
"""Between two columns."""


def widths(*lines: Sequence[str]) -> list[int]:
    """How wide each column of some lines is."""
    return [max(map(len, column)) for column in zip(*lines, strict=True)]


def aligned(words: Sequence[str], to: Sequence[int]) -> str:
    """A line whose columns begin where those of all others of these widths do."""
    return GAP.join(word.ljust(width) for word, width in zip(words, to, strict=True)).rstrip()
