"""What people call a model: `models/gemma-3-4b-it` is Gemma 3 4B It."""

from __future__ import annotations

import re
from typing import Final

_BETWEEN: Final = re.compile(r"[-_:\s]+")
_SIZE: Final = re.compile(r"\d+(?:\.\d+)?[bm]")
_CAPITALS: Final = frozenset({"awq", "gpt", "gptq", "moe"})


def friendly_name(model: str) -> str:
    """A model's name for people, made of the last part of its path; words that have capitals already stay as they are."""
    words = _BETWEEN.split(model.rstrip("/").rpartition("/")[2].removesuffix(".gguf"))
    return " ".join(_word(word) for word in words if word) or model


def _word(word: str) -> str:
    if word in _CAPITALS or _SIZE.fullmatch(word):
        return word.upper()
    return word[0].upper() + word[1:]
