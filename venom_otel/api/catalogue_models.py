"""What the API says of models: which there are, which is in use, and what can be done with each."""

from __future__ import annotations

from datetime import datetime  # noqa: TC003 - pydantic reads the annotations
from typing import TYPE_CHECKING, Any, Final

from pydantic import BaseModel, ConfigDict, Field

from venom_otel.api.models import utc
from venom_otel.runtimes.model import State, Status
from venom_otel.runtimes.names import label
from venom_otel.state.model import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from venom_otel.health import Server as KnownServer
    from venom_otel.services import active as active_models
    from venom_otel.services import model_list
    from venom_otel.services.catalogue import Listing

_IN_USE: Final[dict[str, Any]] = {
    "provider": "vllm",
    "model": "models/gemma-3-4b-it",
    "friendly_name": "Gemma 3 4B It",
    "label": "Gemma 3 4B It (vLLM @ 8001)",
    "endpoint": "http://127.0.0.1:8001/v1",
    "server": "vllm",
    "status": "online",
}
_INSTEAD: Final[dict[str, Any]] = {
    "model": {
        "provider": "ollama",
        "model": "llama3.2:1b",
        "friendly_name": "Llama3.2 1B",
        "label": "Llama3.2 1B (Ollama @ 11434)",
        "endpoint": "http://127.0.0.1:11434",
        "server": "ollama",
        "status": "online",
    },
    "fallback": True,
    "error_kind": "not_reached",
    "error_message": "no connection: the server is down, or the host or port is wrong",
    "request_id": "5b8aa5a2d2c872e8321cf37308d69df2-051581bf3cb55c13",
    "at": "2026-11-22T21:04:05.123456Z",
}
_SERVER: Final[dict[str, Any]] = {
    "name": "vllm",
    "label": "vLLM",
    "endpoint": "http://127.0.0.1:8001/v1",
    "status": "online",
    "state": "ready",
    "error_message": None,
}
_MODEL: Final[dict[str, Any]] = {
    "name": "models/gemma-3-4b-it",
    "friendly_name": "Gemma 3 4B It",
    "label": "Gemma 3 4B It (vLLM @ 8001)",
    "aliases": ["gemma-3-4b-it"],
    "server": "vllm",
    "served": True,
    "loaded": True,
    "configured": True,
    "size_bytes": 8_600_158_944,
    "memory_bytes": None,
    "context_tokens": 8192,
    "parameters": "4.3B",
    "parameters_from": "headers",
    "quantization": None,
    "dtype": "bfloat16",
    "architecture": "Gemma3ForConditionalGeneration",
    "folder": "models/gemma-3-4b-it",
    "problem": None,
    "supports": {"activate": True, "remove": False},
    "unsupported": {"remove": "venom-otel deletes no folders; once nothing serves it, do so yourself: rm -r models/gemma-3-4b-it"},
}
_PROVIDER: Final[dict[str, Any]] = {
    "label": "vLLM",
    "status": "online",
    "servers": [_SERVER],
    "models": [_MODEL],
    "supports": {"install": False},
    "unsupported": {
        "install": "vLLM fetches no models on request. In a terminal: `hf download ORG/NAME --local-dir models/NAME` (below "
        "LLM_MODELS_DIR), then `venom-otel models activate models/NAME`"
    },
}


class InUse(BaseModel):
    """A model that is in use, and where."""

    model_config = ConfigDict(json_schema_extra={"example": _IN_USE})

    provider: str = Field(description="`unknown` where no server that is watched has it.")
    model: str
    friendly_name: str
    label: str = Field(description="For people, with its server.")
    endpoint: str | None = Field(description="Base URL, without credentials.")
    server: str | None = Field(description="Name of its server; null where that is none of those that are watched.")
    status: Status | None = Field(description="That of its server.")


class Active(BaseModel):
    """Which models are in use."""

    model_config = ConfigDict(json_schema_extra={"example": {"configured": _IN_USE, "answered": _IN_USE}})

    configured: InUse | None = Field(description="The one that is meant to be used: `LLM_MODEL_NAME`.")
    answered: InUse | None = Field(description="The one that really answered the newest request that succeeded.")


class Instead(BaseModel):
    """Another model answers than the one that should."""

    model_config = ConfigDict(json_schema_extra={"example": _INSTEAD})

    model: InUse
    fallback: bool = Field(description="Whether a routed call fell back on it; false where the application simply asked for it.")
    error_kind: str | None = Field(description="Why the other one did not answer; null where nobody says.")
    error_message: str = Field(description="The same for people; empty where nobody says.")
    request_id: str = Field(description="The newest request that it answered.")
    at: datetime = Field(description="When it did.")


class ActiveNow(BaseModel):
    """Which model is active."""

    model_config = ConfigDict(json_schema_extra={"example": {"model": _IN_USE, "configured": True, "state": "ready", "instead": None}})

    model: InUse | None = Field(
        description="The one that should answer: the configured one; where none is, the first choice of a routed call that fell back, or "
        "else the one that answered last."
    )
    configured: bool = Field(description="Whether it is the configured one: `LLM_MODEL_NAME`.")
    state: State | None = Field(description="How its server is; null where that is none of those that are watched.")
    instead: Instead | None = Field(description="Another one that answers in its place; null where none does.")


class ModelServer(BaseModel):
    """A server of a provider; `/api/v1/system/llm-servers` has more of it."""

    model_config = ConfigDict(json_schema_extra={"example": _SERVER})

    name: str
    label: str
    endpoint: str
    status: Status
    state: State
    error_message: str | None


class Model(BaseModel):
    """A model that a server has, or that lies in a folder of this machine. What is not known is null."""

    model_config = ConfigDict(json_schema_extra={"example": _MODEL})

    name: str = Field(description="What its server calls it: what `LLM_MODEL_NAME` becomes when it is activated.")
    friendly_name: str
    label: str
    aliases: list[str] = Field(description="Other names by which it can be called.")
    server: str | None = Field(description="The server that has it; null for a folder that none serves.")
    served: bool = Field(description="Whether that server takes requests for it now.")
    loaded: bool | None = Field(description="Whether it is in memory.")
    configured: bool
    size_bytes: int | None = Field(description="Of its weights, on disk.")
    memory_bytes: int | None
    context_tokens: int | None
    parameters: str | None = Field(description="How many, as people write it.")
    parameters_from: str | None = Field(
        description="Where that comes from: `server`, the `index` of its files, or the shapes in their `headers`."
    )
    quantization: str | None
    dtype: str | None
    architecture: str | None
    folder: str | None = Field(description="Its folder on this machine.")
    problem: str | None = Field(description="Why that folder cannot be served, in words.")
    supports: dict[Kind, bool] = Field(description="What can be done with it from here.")
    unsupported: dict[Kind, str] = Field(description="Why the rest cannot, in words.")


class Provider(BaseModel):
    """A kind of server with its models."""

    model_config = ConfigDict(json_schema_extra={"example": _PROVIDER})

    label: str
    status: Status = Field(description="Online where one of its servers is.")
    servers: list[ModelServer]
    models: list[Model]
    supports: dict[Kind, bool]
    unsupported: dict[Kind, str]


class Models(BaseModel):
    """All models, by provider."""

    model_config = ConfigDict(
        json_schema_extra={"example": {"active": {"configured": _IN_USE, "answered": _IN_USE}, "providers": {"vllm": _PROVIDER}}}
    )

    active: Active
    providers: dict[str, Provider] = Field(
        description="`vllm`, `ollama`, `llamacpp`, `openai`, and others where a server of theirs is known."
    )


def described(listing: Listing) -> Models:
    """What is known of models, as the API says it."""
    return Models(
        active=Active(configured=_in_use(listing.configured), answered=_in_use(listing.answered)),
        providers={each.provider: _provider(each) for each in listing.providers},
    )


def active_now(known: active_models.Active) -> ActiveNow:
    """Which model is active, as the API says it."""
    return ActiveNow(
        model=_in_use(known.model),
        configured=known.configured,
        state=known.server.condition.state if known.server is not None else None,
        instead=_instead(known.instead) if known.instead is not None else None,
    )


def _instead(known: active_models.Instead) -> Instead:
    request = known.request
    return Instead(
        model=_model_in_use(known.model),
        fallback=bool(request.fallback),
        error_kind=known.kind,
        error_message=known.words,
        request_id=request.request_id,
        at=utc(request.start_ns + request.duration_ns),
    )


def _in_use(known: model_list.InService | None) -> InUse | None:
    return _model_in_use(known) if known is not None else None


def _model_in_use(known: model_list.InService) -> InUse:
    return InUse(
        provider=known.provider,
        model=known.model,
        friendly_name=known.friendly_name,
        label=known.label,
        endpoint=known.endpoint,
        server=known.server,
        status=known.status,
    )


def _provider(known: model_list.Provider) -> Provider:
    online = any(server.condition.status is Status.ONLINE for server in known.servers)
    return Provider(
        label=label(known.provider),
        status=Status.ONLINE if online else Status.OFFLINE,
        servers=[_server(server) for server in known.servers],
        models=[_model(model) for model in known.models],
        supports=_supports(known.unsupported, Kind.INSTALL),
        unsupported=dict(known.unsupported),
    )


def _server(known: KnownServer) -> ModelServer:
    runtime, condition = known.runtime, known.condition
    return ModelServer(
        name=runtime.name,
        label=runtime.label,
        endpoint=runtime.endpoint.url,
        status=condition.status,
        state=condition.state,
        error_message=condition.cause,
    )


def _model(known: model_list.Model) -> Model:
    folder = known.folder
    return Model(
        name=known.name,
        friendly_name=known.friendly_name,
        label=known.label,
        aliases=list(known.aliases),
        server=known.server,
        served=known.server is not None,
        loaded=known.loaded,
        configured=known.configured,
        size_bytes=known.size_bytes,
        memory_bytes=known.memory_bytes,
        context_tokens=known.context_tokens,
        parameters=known.parameters,
        parameters_from=known.parameters_from,
        quantization=known.quantization,
        dtype=folder.dtype if folder is not None else None,
        architecture=folder.architecture if folder is not None else None,
        folder=str(folder.path) if folder is not None else None,
        problem=folder.problem if folder is not None else None,
        supports=_supports(known.unsupported, Kind.ACTIVATE, Kind.REMOVE),
        unsupported=dict(known.unsupported),
    )


def _supports(unsupported: Mapping[Kind, str], *kinds: Kind) -> dict[Kind, bool]:
    return {kind: kind not in unsupported for kind in kinds}
