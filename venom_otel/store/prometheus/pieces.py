"""A range of time cut into what Prometheus can answer at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator


class Piece(NamedTuple):
    """Steps of one width, one after the other; in minutes since the epoch."""

    first: int
    end: int
    width: int
    """The range is a multiple of it."""


def pieces(first: int, end: int, step: int | None) -> Iterator[tuple[int, Piece]]:
    """The pieces of a range, each with where its first step begins: a step that the range cuts off is a piece of its own."""
    if step is None:
        yield first, Piece(first, end, end - first)
        return
    whole, last = -(-first // step) * step, end // step * step
    if whole > last:  # within one step
        yield last, Piece(first, end, end - first)
        return
    if first < whole:
        yield whole - step, Piece(first, whole, whole - first)
    if whole < last:
        yield whole, Piece(whole, last, step)
    if last < end:
        yield last, Piece(last, end, end - last)
