"""What the page shows of models, as plain texts, and in which order."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venom_otel.cockpit.home.server_views import size
from venom_otel.cockpit.texts import models_panel as texts
from venom_otel.runtimes.protocol import Ability
from venom_otel.services.model_actions import keeper
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from venom_otel.services.model_list import Model


def marks(model: Model) -> list[str]:
    """What stands beside a model's name."""
    waits = model.configured and model.loaded is False
    return [words for words, holds in ((texts.ACTIVE, model.configured), (texts.LOADED, model.loaded), (texts.NOT_LOADED, waits)) if holds]


def facts(model: Model) -> Sequence[str]:
    """What is known of a model: `4.3B`, `Q4_K_M`, `3.34 GB`, `context 8K`."""
    context = texts.context(model.context_tokens) if model.context_tokens else ""
    quantization = model.quantization if model.quantization != "unknown" else ""  # Ollama's word for not knowing
    return [part for part in (model.parameters, quantization, size(model.size_bytes or None), context) if part]


def ordered(models: Iterable[Model]) -> Sequence[Model]:
    """The active one first, then by name, so that each stays where it is while others come into memory and go."""
    return sorted(models, key=lambda model: (not model.configured, model.friendly_name.casefold(), model.name, model.server or ""))


def matches(model: Model, words: str) -> bool:
    """Whether each of the words is in one of a model's names."""
    names = " ".join((model.friendly_name, *model.names, model.server or "")).casefold()
    return all(word in names for word in words.casefold().split())


def can_be_activated(model: Model) -> bool:
    """Whether activating it is possible and changes something: one that is active already can still be made ready, where its server can."""
    if Kind.ACTIVATE in model.unsupported:
        return False
    if not model.configured:
        return True
    return model.loaded is False and (model.server is None or keeper(model.provider, Ability.LOAD) is not None)


def activate(model: Model) -> str:
    """What a button says that activates it."""
    return texts.LOAD if model.configured else texts.ACTIVATE


def activates(model: Model) -> str:
    """The same with the model's name."""
    return (texts.load if model.configured else texts.activate)(model.friendly_name)


def reasons(model: Model) -> Sequence[str]:
    """Why the rest cannot be done, each in a sentence; what a folder lacks is said elsewhere."""
    problem = model.folder.problem if model.folder is not None else None
    found = []
    for kind in (Kind.ACTIVATE, Kind.REMOVE):
        why = model.unsupported.get(kind)
        if why is None or why == problem:
            continue
        words = texts.ONLY_ACTIVE if kind is Kind.REMOVE and model.configured and model.folder is None else why
        found.append(texts.not_done(kind, words, configured=model.configured))
    return found
