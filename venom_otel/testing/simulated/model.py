"""What a simulated model does with a prompt: how many tokens of what words, and how long each part takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

_TEXT: Final = "this answer is simulated there is no model behind it and each word was drawn at random so please do not quote it"
_WORDS: Final = tuple(_TEXT.split())
_SPREAD: Final = 0.35
"""Of durations and lengths around their medians, log-normal: most are close, a few are twice as long, as with real servers."""
_CHARACTERS_PER_TOKEN: Final = 4
_TOKENS_PER_MESSAGE: Final = 4
"""What a chat template adds."""


@dataclass(frozen=True, slots=True)
class SimulatedModel:
    """A model by its name, and how it behaves; times and lengths are medians around which replies vary.

    Give it a name that says that it is simulated: the name is what people see.
    """

    name: str
    first_token_s: float = 0.2
    """Seconds from the request to the first token, with the model in memory."""
    tokens_per_s: float = 60.0
    answer_tokens: int = 60
    """Tokens of an answer, at most the `max_tokens` that a request asks for."""
    load_s: float = 0.0
    """Seconds that the first request waits in addition, for the model to be loaded."""
    failure: str | None = None
    """Words of the HTTP 500 that every request gets; None for a model that works."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer; times in seconds."""

    words: Sequence[str]
    """One for each token."""
    finish: str
    """`stop`, or `length` where the request's limit cut it off."""
    prompt_tokens: int
    load_s: float
    first_token_s: float
    token_s: float

    @property
    def text(self) -> str:
        """All of it."""
        return "".join(self.words)


def answer(model: SimulatedModel, messages: object, limit: object, chance: random.Random, *, load: bool) -> Answer:
    """Make up an answer.

    Args:
        model: who answers.
        messages: the request's, of which only the length counts; taken as they come.
        limit: most tokens; anything but a positive number is no limit.
        chance: where variety comes from.
        load: whether the model must be loaded first.
    """
    wanted = max(1, round(model.answer_tokens * _around_one(chance)))
    tokens = min(wanted, limit) if isinstance(limit, int) and limit > 0 else wanted
    words = [f" {chance.choice(_WORDS)}" for _ in range(tokens)]
    return Answer(
        words=[words[0].strip().capitalize(), *words[1:]],
        finish="length" if tokens < wanted else "stop",
        prompt_tokens=_prompt_tokens(messages),
        load_s=model.load_s * _around_one(chance) if load else 0.0,
        first_token_s=model.first_token_s * _around_one(chance),
        token_s=_around_one(chance) / model.tokens_per_s,
    )


def _around_one(chance: random.Random) -> float:
    return math.exp(chance.gauss(0.0, _SPREAD))


def _prompt_tokens(messages: object) -> int:
    if not isinstance(messages, list):
        return _TOKENS_PER_MESSAGE
    return sum(_TOKENS_PER_MESSAGE + math.ceil(_length(message) / _CHARACTERS_PER_TOKEN) for message in messages)


def _length(message: Any) -> int:
    """Characters of a message; its content is a text, or parts of which some have one."""
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        content = "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return len(content) if isinstance(content, str) else 0
