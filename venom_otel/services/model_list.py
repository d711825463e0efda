"""Which models there are, on servers and in folders, and which is in use: put together from what is known; nobody is asked here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.health.active import server_of
from venom_otel.identity.endpoint import parse
from venom_otel.identity.model import LLAMACPP, OLLAMA, VLLM
from venom_otel.runtimes.fields import shortened
from venom_otel.runtimes.friendly import friendly_label, friendly_name
from venom_otel.runtimes.names import OPENAI, same_model

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from venom_otel.health import Server
    from venom_otel.identity.model import Endpoint
    from venom_otel.runtimes.model import ServedModel, Status
    from venom_otel.runtimes.model_folders import ModelFolder
    from venom_otel.services.configuration import InUse
    from venom_otel.state.model import Kind

PROVIDERS: Final = (VLLM, OLLAMA, LLAMACPP, OPENAI)
"""Those that are listed in any case; others where a server of theirs is known."""

SERVES_FOLDERS: Final = VLLM
"""Whose models are folders of this machine, served by starting it anew."""


@dataclass(frozen=True, slots=True)
class Model:
    """A model that a server has, or that lies in a folder. What is not known is None."""

    name: str
    """What its server calls it, or would: what `LLM_MODEL_NAME` becomes when it is activated."""
    provider: str
    server: str | None
    """The name of the server that has it; None for a folder that no server serves."""
    label: str
    """For people, with the server: `Gemma 3 4B It (vLLM @ 8001)`."""
    aliases: tuple[str, ...] = ()
    """Other names by which it can be called."""
    loaded: bool | None = None
    """Whether it is in memory; None where the server does not tell."""
    configured: bool = False
    """Whether it is the one that is configured."""
    size_bytes: int | None = None
    memory_bytes: int | None = None
    context_tokens: int | None = None
    parameters: str | None = None
    """As people write it: `4.3B`."""
    parameters_from: str | None = None
    """Where that comes from: `server`, `index` or `headers` (see `model_folders.Source`)."""
    quantization: str | None = None
    folder: ModelFolder | None = None
    """Where it lies on this machine, with what its files say; None where it does not, or nobody knows."""
    unsupported: Mapping[Kind, str] = field(default_factory=dict)
    """Why each of `activate` and `remove` cannot be done, in words; one that is not in it can be."""

    @property
    def friendly_name(self) -> str:
        """For people: `Gemma 3 4B It`."""
        return friendly_name(self.name)

    @property
    def names(self) -> tuple[str, ...]:
        """All by which it can be called."""
        return (self.name, *self.aliases)


@dataclass(frozen=True, slots=True)
class Provider:
    """A kind of server, those that there are, and their models."""

    provider: str
    servers: Sequence[Server]
    models: Sequence[Model]
    unsupported: Mapping[Kind, str] = field(default_factory=dict)
    """Why `install` cannot be done, in words; empty where it can be."""


@dataclass(frozen=True, slots=True)
class InService:
    """A model that is in use."""

    model: str
    provider: str
    endpoint: str | None
    label: str
    server: str | None
    """The name of its server, where it is one that is watched; so is the next."""
    status: Status | None

    @property
    def friendly_name(self) -> str:
        """For people."""
        return friendly_name(self.model)


def providers(servers: Sequence[Server], folders: Sequence[ModelFolder], in_use: InUse, aliases: str = "") -> Sequence[Provider]:
    """Every provider with its models: those of each server in their order, then the folders that none of them serves.

    Args:
        servers: as they were seen last.
        folders: what lies on this machine.
        in_use: what is configured.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.
    """
    configured = server_of(in_use.model, in_use.endpoint, servers, aliases) if in_use.model else None
    names = dict.fromkeys((*PROVIDERS, *(server.runtime.provider for server in servers)))
    found = []
    for name in names:
        own = [server for server in servers if server.runtime.provider == name]
        known = folders if name == SERVES_FOLDERS else ()
        models = [model for server in own for model in _served(server, known, in_use.model if server is configured else "")]
        taken = {model.folder.path for model in models if model.folder is not None}
        left = (folder for folder in known if folder.path not in taken)
        here = configured is None or configured in own
        models += [_in_folder(folder, own, here and is_folder(in_use.model, folder)) for folder in left]
        found.append(Provider(name, own, models))
    return found


def configured(in_use: InUse, listed: Sequence[Provider], servers: Sequence[Server], aliases: str = "") -> InService | None:
    """The model that is configured, at its server.

    Args:
        in_use: what is configured.
        listed: what `providers` has made of it.
        servers: those that it was made of, in the same order.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.
    """
    if not in_use.model:
        return None
    server = server_of(in_use.model, in_use.endpoint, servers, aliases)
    if server is not None:
        return _in_service(in_use.model, server.runtime.provider, server.runtime.endpoint, server)
    folder = next((model for provider in listed for model in provider.models if model.configured), None)
    if folder is not None and not in_use.endpoint:
        own = next((one for provider in listed if provider.provider == folder.provider for one in provider.servers), None)
        return _in_service(in_use.model, folder.provider, own.runtime.endpoint if own is not None else None, own)
    return _in_service(in_use.model, semconv.PROVIDER_UNKNOWN, _address(in_use.endpoint, aliases), None)


def answered(last: tuple[str, str, str] | None, servers: Iterable[Server], aliases: str = "") -> InService | None:
    """The model that answered last, given as model, provider and endpoint."""
    if last is None:
        return None
    model, provider, url = last
    endpoint = _address(url, aliases)
    server = next((one for one in servers if endpoint is not None and one.runtime.endpoint.server == endpoint.server), None)
    if server is not None and provider in {"", semconv.PROVIDER_UNKNOWN}:  # the application did not know yet whom it asked
        provider = server.runtime.provider
    return _in_service(model, provider or semconv.PROVIDER_UNKNOWN, endpoint, server)


def is_folder(name: str, folder: ModelFolder) -> bool:
    """Whether a name means a folder: its name among the models, or its path."""
    plain = name.rstrip("/")
    return bool(plain) and (plain.removeprefix("./") == folder.name or Path(plain).absolute() == folder.path.absolute())


def serves(models: Iterable[ServedModel], wanted: Model) -> bool:
    """Whether a model is among those that a server has."""
    folder = wanted.folder
    return any(one.name in wanted.names or (folder is not None and _leads_to(one.root or "", folder)) for one in models)


def unserved(model: Model) -> Model:
    """A folder's model as it is to a server that does not serve it, while another one does."""
    assert model.folder is not None
    return replace(model, name=str(model.folder.path), aliases=_names_of(model.folder)[1:], server=None, loaded=False)


def _in_service(model: str, provider: str, endpoint: Endpoint | None, server: Server | None) -> InService:
    return InService(
        model,
        provider,
        endpoint.url if endpoint is not None else None,
        friendly_label(model, provider, endpoint),
        server.runtime.name if server is not None else None,
        server.condition.status if server is not None else None,
    )


def _served(server: Server, folders: Sequence[ModelFolder], in_use: str) -> Iterator[Model]:
    """The models of one server; names of one model, which have the same root, are one."""
    runtime = server.runtime
    groups: dict[str, list[ServedModel]] = {}
    for one in server.reading.models:
        groups.setdefault(one.root or one.name, []).append(one)
    for root, group in groups.items():
        first = next((one for one in group if same_model(one.name, in_use)), group[0])
        names = [one.name for one in group]
        folder = next((each for each in folders if any(is_folder(name, each) for name in names) or _leads_to(root, each)), None)
        others = [name for name in names if name != first.name]
        yield Model(
            name=first.name,
            provider=runtime.provider,
            server=runtime.name,
            label=friendly_label(first.name, runtime.provider, runtime.endpoint),
            aliases=(*others, *(alias for alias in _names_of(folder) if alias not in names)),
            loaded=first.loaded,
            configured=bool(in_use) and any(same_model(name, in_use) for name in names),
            size_bytes=first.size_bytes or (folder.size_bytes if folder is not None else None),
            memory_bytes=first.memory_bytes,
            context_tokens=first.context_tokens or (folder.context_tokens if folder is not None else None),
            parameters=first.parameters or (shortened(folder.parameters) if folder is not None else None),
            parameters_from="server" if first.parameters else folder.parameters_from if folder is not None else None,
            quantization=first.quantization or (folder.quantization if folder is not None else None),
            folder=folder,
        )


def _leads_to(root: str, folder: ModelFolder) -> bool:
    """Whether what a server has loaded may be a folder: the path ends alike, for a container has its own view of the disk."""
    return f"/{root.rstrip('/')}".endswith(f"/{folder.name}")


def _in_folder(folder: ModelFolder, servers: Sequence[Server], in_use: bool) -> Model:
    """A model that nobody serves; with one server only, people know where it would be."""
    endpoint = servers[0].runtime.endpoint if len(servers) == 1 else None
    return Model(
        name=str(folder.path),
        provider=SERVES_FOLDERS,
        server=None,
        label=friendly_label(folder.name, SERVES_FOLDERS, endpoint),
        aliases=(folder.name,) if folder.name != str(folder.path) else (),
        loaded=False,
        configured=in_use,
        size_bytes=folder.size_bytes,
        context_tokens=folder.context_tokens,
        parameters=shortened(folder.parameters),
        parameters_from=folder.parameters_from,
        quantization=folder.quantization,
        folder=folder,
    )


def _names_of(folder: ModelFolder | None) -> tuple[str, ...]:
    return (str(folder.path), folder.name) if folder is not None else ()


def _address(url: str, aliases: str) -> Endpoint | None:
    try:
        return parse(url, aliases) if url else None
    except SettingsError:
        return None
