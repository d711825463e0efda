"""What people call a model, both ways: `models/gemma-3-4b-it` is Gemma 3 4B It, and with its server Gemma 3 4B It (vLLM @ 8001)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from venom_otel.identity.endpoint import parse
from venom_otel.runtimes.failures import place
from venom_otel.runtimes.names import USUAL_TAG
from venom_otel.runtimes.names import label as provider_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from venom_otel.identity.model import Endpoint

_BETWEEN: Final = re.compile(r"[-_:\s]+")
_SIZE: Final = re.compile(r"\d+(?:\.\d+)?[bm]")
_CAPITALS: Final = frozenset({"awq", "gpt", "gptq", "moe"})


def friendly_name(model: str) -> str:
    """A model's name for people, made of the last part of its path; words that have capitals already stay as they are."""
    words = _BETWEEN.split(model.rstrip("/").rpartition("/")[2].removesuffix(".gguf"))
    return " ".join(_word(word) for word in words if word) or model


def friendly_label(model: str, provider: str, endpoint: Endpoint | None) -> str:
    """The same with the server, as `server_label` has it."""
    return f"{friendly_name(model)} ({server_label(provider, endpoint)})"


def server_label(provider: str, endpoint: Endpoint | None) -> str:
    """A server for people, `vLLM @ 8001`: by its port where it is on this machine, by its host too where it is on another."""
    who = provider_label(provider)
    if endpoint is None:
        return who
    here = parse(f"http://127.0.0.1:{endpoint.port}").server == endpoint.server
    usual = endpoint.port == {"http": 80, "https": 443}[endpoint.scheme]
    return f"{who} @ {endpoint.port if here else endpoint.host if usual else place(endpoint)}"


def named(wanted: str, known: Iterable[str]) -> Sequence[str]:
    """The models that somebody may mean, by a name or a friendly name: one for a clear word, several for an ambiguous one.

    A model's own name wins over everything, also without Ollama's `:latest`; then friendly names count, whatever their capitals.
    """
    names = list(dict.fromkeys(known))
    for exact in (wanted, f"{wanted}{USUAL_TAG}"):
        if exact in names:
            return [exact]
    folded = " ".join(wanted.split()).casefold()
    return [name for name in names if folded in {friendly_name(name).casefold(), friendly_name(name.removesuffix(USUAL_TAG)).casefold()}]


def _word(word: str) -> str:
    if word in _CAPITALS or _SIZE.fullmatch(word):
        return word.upper()
    return word[0].upper() + word[1:]
