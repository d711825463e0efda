"""Texts of the panel of models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

MODELS: Final = "Models"
ACTIVE: Final = "active"
LOADED: Final = "loaded"
NOT_LOADED: Final = "not loaded"
NOT_SERVED: Final = "not served"
FILTER: Final = "Filter"
ACTIVATE: Final = "Activate"
LOAD: Final = "Load"
REMOVE: Final = "Remove"
CANCEL: Final = "Cancel"
DISMISS: Final = "Dismiss"
LAST_LINES: Final = "More of it"
ONLY_ACTIVE: Final = "it is the active model: activate another one first"
NO_MODELS: Final = "It has no model, or does not say."
NO_MODELS_YET: Final = "It has no model yet: fetch one below."
NO_MATCH: Final = "No model matches."
UNKNOWN_NOW: Final = "Its models are known when it is back."
NO_SERVERS: Final = "No model server is known, so there are no models yet."
HOW_TO_GET: Final = "How to add a model"
FETCH: Final = "Fetch"
FETCH_FROM: Final = "Server that fetches it"
FETCH_NAME: Final = "Name of a model to fetch"
FETCH_EXAMPLE: Final = "gemma3:4b"
FETCH_NOTHING: Final = f"Which one? Its name in the registry, like {FETCH_EXAMPLE}."
DOING: Final = {Kind.ACTIVATE: "Activating", Kind.INSTALL: "Fetching", Kind.REMOVE: "Removing"}
ALMOST: Final = "almost there"
_K: Final = 1024


def of_provider(label: str) -> str:
    """The models of all servers of one kind."""
    return f"Models of {label}"


def filter_of(label: str) -> str:
    """The field that looks for a model by its name."""
    return f"Filter the models of {label}"


def fetch_with(label: str) -> str:
    """The field for the name of a model to fetch."""
    return f"{FETCH_NAME} with {label}"


def no_name(words: str) -> str:
    """What was typed cannot be the name of a model."""
    return f"{words} is no name of a model. One looks like {FETCH_EXAMPLE}."


def activate(model: str) -> str:
    """Using a model from now on."""
    return f"{ACTIVATE} {model}"


def load(model: str) -> str:
    """Having the active model ready."""
    return f"{LOAD} {model}"


def remove(model: str) -> str:
    """Deleting a model."""
    return f"{REMOVE} {model}"


def removes(name: str, server: str, size: str) -> str:
    """What deleting a model does; models may share what they are made of, so less may become free."""
    return f"{name} is deleted from the disk of {server}{f', which frees up to {size}' if size else ''}."


def restarts(server: str, breaks_off: str) -> str:
    """What using a model costs that a server must be started anew for."""
    return f"{server} is restarted with it, which may take minutes. {breaks_off}"


def why_not(model: str) -> str:
    """The button that says what cannot be done with a model."""
    return f"What cannot be done with {model}, and why"


def not_done(kind: Kind, why: str, *, configured: bool = False) -> str:
    """Why something cannot be done; the model that is configured is active already."""
    done = "removed" if kind is Kind.REMOVE else "loaded" if configured else "activated"
    return f"Cannot be {done}: {why}."


def context(tokens: int) -> str:
    """How much a model can read at once, as people say it: 8192 is 8K."""
    return f"context {tokens // _K}K" if tokens % _K == 0 else f"context {tokens}"


def count(shown: int, known: int) -> str:
    """How many models there are, or match."""
    return str(known) if shown == known else f"{shown} of {known}"


def offline(how_long: str) -> str:
    """A server that cannot be asked."""
    return f"offline for {how_long}"


def no_server(labels: Sequence[str]) -> str:
    """Kinds of servers of which none is known."""
    return f"No server known: {', '.join(labels)}"


def set_address(label: str, variable: str) -> str:
    """How a server becomes known."""
    return f"{label}: set {variable} to where it is, or will be."


def doing(kind: Kind, model: str) -> str:
    """What is being done with a model."""
    return f"{DOING[kind]} {model}"


def failed(kind: Kind, model: str) -> str:
    """What was being done and did not come to pass."""
    return f"{DOING[kind]} {model} failed"


def cancel(kind: Kind, model: str) -> str:
    """Giving up what is being done."""
    return f"{CANCEL} {DOING[kind].lower()} {model}"


def transfer(done: str, whole: str, rate: str, left: str) -> str:
    """How far a transfer is: `812 MB of 3.34 GB · 24.1 MB/s · 1 m 45 s left`."""
    return " · ".join(part for part in (f"{done} of {whole}", f"{rate}/s" if rate else "", left) if part)


def left(duration: str) -> str:
    """How long it still takes."""
    return f"{duration} left"


def for_seconds(duration: str) -> str:
    """How long something has been going on."""
    return f"for {duration}"
