"""What can be done with models, and why the rest cannot, in words that say what to do instead."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from venom_otel.control.model import Action
from venom_otel.health.active import server_of
from venom_otel.identity.model import LLAMACPP, VLLM
from venom_otel.runtimes.model import State, Status
from venom_otel.runtimes.names import address_variable, label
from venom_otel.runtimes.protocol import Ability, ModelKeeper
from venom_otel.runtimes.registry import adapter
from venom_otel.services.configuration import MODEL
from venom_otel.services.model_list import SERVES_FOLDERS
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from venom_otel.health import Server
    from venom_otel.runtimes.model import Runtime
    from venom_otel.services.configuration import Configuration
    from venom_otel.services.model_list import Model, Provider


MAX_NAME: Final = 512
_KEEPABLE: Final = re.compile(r"[^\s$'\"`\\-][^$'\"`\\]*")
"""Names that a `.env` file gives back as they are, to python-dotenv and to a shell alike, and that no program takes for an option."""
_FETCHABLE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:/@+-]*")
_HUGGING_FACE: Final = re.compile(r"[A-Za-z0-9._-]+/([A-Za-z0-9._-]+)")


def decided(provider: Provider, acting: Callable[[Runtime], Mapping[Action, str]]) -> Provider:
    """A provider with the reasons for what cannot be done with it and its models."""
    models = []
    for model in provider.models:
        reasons = {Kind.ACTIVATE: why_not_activated(model, provider.servers, acting), Kind.REMOVE: why_not_removed(model)}
        models.append(replace(model, unsupported={kind: words for kind, words in reasons.items() if words is not None}))
    why = why_not_installed(provider)
    return replace(provider, models=models, unsupported={Kind.INSTALL: why} if why is not None else {})


def undecided(provider: Provider) -> Provider:
    """A provider as it is seen where no `venom-otel up` runs, which alone does anything with models."""
    words = "only a `venom-otel up` that runs does that: start it"
    models = [replace(model, unsupported={Kind.ACTIVATE: words, Kind.REMOVE: words}) for model in provider.models]
    return replace(provider, models=models, unsupported={Kind.INSTALL: words})


def own_model(configuration: Configuration, aliases: str, server: Server, servers: Sequence[Server]) -> Mapping[str, str]:
    """Variables for a server that is started anew: where the configured model is another server's, it keeps the one that it serves.

    Its command would otherwise find that other server's model in `LLM_MODEL_NAME`.
    """
    in_use, serves = configuration.in_use, server.reading.models
    if server.runtime.provider != SERVES_FOLDERS or not in_use.model or not serves:
        return {}
    whose = server_of(in_use.model, in_use.endpoint, servers, aliases)
    return {} if whose is None or whose.runtime.name == server.runtime.name else {MODEL: serves[0].root or serves[0].name}


def keeper(provider: str, ability: Ability) -> ModelKeeper | None:
    """What does something with models of a provider's servers; None where they cannot be told that."""
    found = adapter(provider)
    return found if ability in found.abilities and isinstance(found, ModelKeeper) else None


def why_not_activated(model: Model, servers: Sequence[Server], acting: Callable[[Runtime], Mapping[Action, str]]) -> str | None:
    """Why a model cannot be activated; None where it can."""
    if not _KEEPABLE.fullmatch(model.name) or not model.name.isprintable():
        return "its name cannot be kept in a .env file: it begins with '-', or has quotes, '$' or backslashes in it"
    if model.server is not None:
        return None
    if model.folder is not None and model.folder.problem is not None:
        return model.folder.problem
    if not servers:
        return f"no {label(model.provider)} is known: set {address_variable(model.provider)} to where it is, or will be"
    reasons = []
    for server in servers:
        refused = acting(server.runtime)
        reasons.append(refused.get(to_serve(server.condition.state, refused)))
    return None if None in reasons else f"another model is served, and {reasons[0]}"


def to_serve(state: State, refused: Mapping[Action, str]) -> Action:
    """What makes a server serve another folder: a restart of one that runs, or half runs; a start where nothing does.

    Args:
        state: how it is.
        refused: what it cannot be told, as `Controller.unsupported` has it.
    """
    if state is State.STOPPED or (state.status is Status.OFFLINE and Action.RESTART in refused):
        return Action.START
    return Action.RESTART


def why_not_removed(model: Model) -> str | None:
    """Why a model cannot be deleted; None where it can."""
    if model.server is not None and keeper(model.provider, Ability.REMOVE) is not None:
        if model.configured:
            return "it is the configured model: activate another one first, or say `force` to remove it all the same"
        return None
    if model.folder is not None:
        return f"venom-otel deletes no folders; once nothing serves it, do so yourself: rm -r {model.folder.path}"
    if model.provider == LLAMACPP:
        return "its file is the server's own; delete it where the server has it"
    return f"{label(model.provider)} cannot be told to delete models"


def why_not_installed(provider: Provider, model: str = "") -> str | None:
    """Why nothing can be fetched, with the steps by hand; None where it can.

    Args:
        provider: whose servers would fetch it.
        model: which, so that the steps name it; empty where that is not said yet.
    """
    name = provider.provider
    if keeper(name, Ability.INSTALL) is not None:
        if any(server.condition.status is Status.ONLINE for server in provider.servers):
            return None
        if not provider.servers:
            return f"no {label(name)} is known: start it, or set {address_variable(name)} to where it is"
        cause = next((server.condition.cause for server in provider.servers if server.condition.cause), "")
        return f"{provider.servers[0].runtime.label} is offline: {cause}"
    found = _HUGGING_FACE.fullmatch(model)
    repository, short = (model, found[1]) if found else ("ORG/NAME", "NAME")
    if name == SERVES_FOLDERS:
        return (
            f"{label(VLLM)} fetches no models on request. In a terminal: `hf download {repository} --local-dir models/{short}` (below "
            f"LLM_MODELS_DIR), then `venom-otel models activate models/{short}`"
        )
    if name == LLAMACPP:
        return (
            f"{label(LLAMACPP)}'s server fetches no models on request. In a terminal: `hf download {repository} FILE.gguf --local-dir "
            "models`, then start it with `-m models/FILE.gguf`, as LLAMACPP_START_COMMAND may say"
        )
    return f"{label(name)} fetches no models on request: it has those that it offers"


def fetchable(model: str) -> bool:
    """Whether a name may be one of a model that can be fetched."""
    return len(model) <= MAX_NAME and _FETCHABLE.fullmatch(model) is not None
