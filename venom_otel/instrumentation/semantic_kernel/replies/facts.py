"""What a reply says of itself, gathered from one answer or from the chunks of a stream, and how odd values are told from facts."""

from __future__ import annotations

import math
from enum import Enum
from typing import Any


class ReplyFacts:
    """Filled by `read_reply`, or chunk by chunk by `read_chunk`; None where the reply does not say. A later word replaces an earlier.

    One is made for each call, so what is not said stays with the class: ``vars`` of an instance holds what was said.
    """

    response_id: str | None = None
    response_model: str | None = None
    """The model that answered, in the server's words."""
    system_fingerprint: str | None = None
    input_tokens: int | None = None
    """Prompt tokens, those from or to the provider's cache included."""
    output_tokens: int | None = None
    """Answer tokens, reasoning included."""
    cache_read_tokens: int | None = None
    cache_creation_tokens: int | None = None
    reasoning_tokens: int | None = None
    load_s: float | None = None
    """Seconds the runtime says it took to load the model; then to read the prompt, to generate, and those the request waited."""
    prompt_s: float | None = None
    generation_s: float | None = None
    queue_s: float | None = None
    cold_start: bool | None = None
    """Whether the runtime loaded the model for this request; None where it does not tell."""

    def __init__(self) -> None:
        self.by_choice: dict[int, str] = {}
        """Why each choice ended, by its index."""

    @property
    def finish_reasons(self) -> tuple[str, ...]:
        """Why each choice ended, in the order of the choices: the provider's own word in lower case."""
        return tuple(self.by_choice[index] for index in sorted(self.by_choice))

    def finished(self, index: object, reason: object) -> None:
        """Note why the choice `index` ended; anything but a word is ignored."""
        if said := word(reason):
            self.by_choice[index if isinstance(index, int) else 0] = said.lower()

    def answered(self, *, response_id: object = None, model: object = None, fingerprint: object = None) -> None:
        """Note who answered; empty values change nothing."""
        if said := word(response_id):
            self.response_id = said
        if said := word(model):
            self.response_model = said
        if said := word(fingerprint):
            self.system_fingerprint = said

    def counted(
        self,
        *,
        input_tokens: object = None,
        output_tokens: object = None,
        cache_read: object = None,
        cache_creation: object = None,
        reasoning: object = None,
    ) -> None:
        """Note token counts; anything but a whole number from 0 changes nothing."""
        if (value := count(input_tokens)) is not None:
            self.input_tokens = value
        if (value := count(output_tokens)) is not None:
            self.output_tokens = value
        if (value := count(cache_read)) is not None:
            self.cache_read_tokens = value
        if (value := count(cache_creation)) is not None:
            self.cache_creation_tokens = value
        if (value := count(reasoning)) is not None:
            self.reasoning_tokens = value


def get(thing: Any, name: str) -> Any:
    """The attribute or key `name` of a model or dictionary, None where there is none."""
    if isinstance(thing, dict):
        return thing.get(name)
    return getattr(thing, name, None)


def word(value: object) -> str | None:
    """`value` where it is a non-empty string, or an enumeration's value of that kind."""
    if isinstance(value, Enum):
        value = value.value
    return value if isinstance(value, str) and value else None


def count(value: object) -> int | None:
    """`value` where it is a whole number from 0."""
    return value if type(value) is int and value >= 0 else None


def total(*values: object) -> int | None:
    """The sum of those that are counts; None where the first one, which the others add to, is not."""
    if count(values[0]) is None:
        return None
    return sum(count(value) or 0 for value in values)


def seconds(value: object, per_second: float = 1.0) -> float | None:
    """`value`, given in parts of which `per_second` make a second, where it is a number from 0."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and value >= 0 and math.isfinite(value):
        return value / per_second
    return None
