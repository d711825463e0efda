"""How fast a model writes: the one meaning that a speed in tokens per second has, of a single request and of sums.

Tokens after the first, over the time from the first to the last: by the runtime's own word where it tells, else from a stream's first
piece to its end. Ollama's `eval_duration`, llama-server's `predicted_ms` and vLLM's decode time all begin with the first token, which is
why it is not counted; `ollama run --verbose` and llama-server's `predicted_per_second` count it, so theirs is one token higher. vLLM's
time per output token is the inverse of this. Of an answer that came whole from a runtime that tells nothing, nothing is known: how long it
took has the reading of the prompt in it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

FASTEST: Final = 20_000
"""Tokens a second. Who seems to stream more sent the answer in one piece, and when it was written is not known."""
_SECOND: Final = 1_000_000_000


class Generation(NamedTuple):
    """Tokens that were written, and in which time; their sums are what several requests come to."""

    requests: int
    """Of how many it is known."""
    tokens: int
    """After the first of each answer."""
    ns: int

    @property
    def speed(self) -> float | None:
        """Tokens per second; None where that is not known."""
        return self.tokens * _SECOND / self.ns if self.tokens and self.ns else None


UNKNOWN: Final = Generation(0, 0, 0)


def summed(parts: Iterable[Generation]) -> Generation:
    """Their sums."""
    requests = tokens = ns = 0
    for part in parts:
        requests += part.requests
        tokens += part.tokens
        ns += part.ns
    return Generation(requests, tokens, ns)


def generated(output_tokens: int, duration_ns: int, first_chunk_ns: int, told_ns: int) -> Generation:
    """What one request wrote after its first token; `007.sql` does the same to what was stored before.

    Args:
        output_tokens: of the answer; less than 2 where there were none, or nobody counted them.
        duration_ns: of the whole request.
        first_chunk_ns: until a stream's first piece; -1 where it was none or nothing came.
        told_ns: the runtime's own word for how long it wrote; 0 or less where it does not tell.
    """
    if told_ns > 0 and output_tokens > 1:
        return Generation(1, output_tokens - 1, told_ns)
    return streamed(1, output_tokens - 1, duration_ns - first_chunk_ns) if first_chunk_ns >= 0 else UNKNOWN


def streamed(requests: int, tokens: int, ns: int) -> Generation:
    """Of so many streams the tokens behind the first pieces, and the time from there to their ends."""
    return Generation(requests, tokens, ns) if tokens > 0 and tokens * _SECOND <= FASTEST * ns else UNKNOWN
