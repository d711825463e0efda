"""The text of one answer as it grows: read from any character on, in bounded memory."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

PIECE: Final = 4096
"""Characters of a piece: few enough to copy with each token, enough that a long answer has few pieces."""


class Answer:
    """An answer in pieces."""

    __slots__ = ("_begins", "_pieces", "length")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._begins: list[int] = []
        self.length = 0
        """Characters so far."""

    def add(self, text: str) -> None:
        """Add what has come."""
        if self._pieces and len(self._pieces[-1]) < PIECE:
            self._pieces[-1] += text
        else:
            self._begins.append(self.length)
            self._pieces.append(text)
        self.length += len(text)

    def between(self, begin: int, end: int) -> Iterator[str]:
        """The text from one character to another, in pieces."""
        number = max(bisect_right(self._begins, begin) - 1, 0)
        while begin < end and number < len(self._pieces):
            at = self._begins[number]
            piece = self._pieces[number][begin - at : end - at]
            if piece:
                yield piece
            begin += len(piece)
            number += 1

    def __str__(self) -> str:
        return "".join(self._pieces)
