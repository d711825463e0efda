"""Which servers a task is for, and with which models: pure logic over what is known of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel.errors import NobodyThereError, SettingsError, WrongTaskError
from venom_otel.health.active import server_of
from venom_otel.identity.endpoint import root
from venom_otel.runtimes.compatible import path_of_models
from venom_otel.runtimes.friendly import named
from venom_otel.runtimes.names import same_model
from venom_otel.services.tasks.model import Party

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from venom_otel.health import Server
    from venom_otel.runtimes.model import Runtime, ServedModel
    from venom_otel.services.configuration import InUse
    from venom_otel.services.tasks.model import Wanted

_SHOWN: Final = 10
"""Names that a refusal lists."""
_NO_CHAT: Final = ("embed", "rerank", "bge-", "minilm")
"""Parts of the names of models that give no answers; servers list them beside the others."""
_LONGEST_SHOWN: Final = 100
"""Characters of a name that a refusal repeats."""


@dataclass(frozen=True, slots=True)
class Choice:
    """A server, and the model that it is asked for."""

    runtime: Runtime
    model: str

    @property
    def party(self) -> Party:
        """The same without what is secret."""
        return Party(self.runtime.name, self.runtime.provider, self.model, base_url(self.runtime))


def base_url(runtime: Runtime) -> str:
    """Below which a server takes chats, as `llm.endpoint` has it: where it lists its models."""
    return f"{root(runtime.endpoint)}{path_of_models(runtime.endpoint).removesuffix('/models')}"


@dataclass(frozen=True, slots=True)
class Preferences:
    """What is configured."""

    in_use: InUse
    """The model that is meant to be used."""
    models: Mapping[str, str]
    """The model for a server of that name, where a task names none."""
    aliases: str = ""
    """The setting `VENOM_OTEL_SERVER_ALIASES`."""


def parse_models(text: str) -> Mapping[str, str]:
    """Read `VENOM_OTEL_TASK_MODELS`: `openai=gpt-4o-mini,…`.

    Raises:
        SettingsError: an entry is not of this form.
    """
    found: dict[str, str] = {}
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, separator, model = (part.strip() for part in entry.partition("="))
        if not (name and separator and model):
            raise SettingsError(f"VENOM_OTEL_TASK_MODELS: {entry!r} is not server=model, as in openai=gpt-4o-mini.")
        found[name] = model
    return found


class Chooser:
    """Chooses servers for tasks. Remembers which model a server had, for when it is offline and tells none.

    Args:
        preferences: what is configured now.
    """

    def __init__(self, preferences: Callable[[], Preferences]) -> None:
        self._preferences = preferences
        self._had: dict[str, str] = {}
        """By base URL."""

    def choose(self, servers: Sequence[Server], wanted: Wanted) -> Sequence[Choice]:
        """The servers to ask, in this order; one alone where one is named, or no other may answer.

        First comes the server of the configured model, then the others in the order of the settings. A model that is named goes to those
        that have it; the others follow with models of their own.

        Raises:
            NobodyThereError: there is no server, or nobody knows a model of any.
            WrongTaskError: there is no server, or no model, of that name.
        """
        if not servers:
            raise NobodyThereError(
                "no model server is known, so nobody could answer: start one, or name one by OLLAMA_ENDPOINT, VLLM_ENDPOINT, "
                "LLAMACPP_ENDPOINT or OPENAI_BASE_URL and start `venom-otel up` again."
            )
        preferences = self._preferences()
        in_use = preferences.in_use
        first = server_of(in_use.model, in_use.endpoint, servers, preferences.aliases) if in_use.model else None
        usual = {server.runtime.name: self._usual(server, preferences, configured=server is first) for server in servers}
        ordered = sorted(servers, key=lambda server: server is not first)  # the others stay in their order
        if wanted.provider is not None:
            ordered = _named_servers(ordered, wanted.provider)
        found = list(_with_models(ordered, usual, wanted.model))
        if not found:
            raise _nothing_found(ordered, wanted)
        return found if wanted.fallback and wanted.provider is None else found[:1]

    def _usual(self, server: Server, preferences: Preferences, *, configured: bool) -> str | None:
        """Its model where a task names none: what is configured, else the first that is loaded, else the only one that it could be."""
        runtime = server.runtime
        told = _told(server, preferences, configured=configured)
        if told is not None:
            self._had[runtime.endpoint.url] = told
        return told or (self._had.get(runtime.endpoint.url) if not server.reading.models else None)


def _named_servers(servers: Sequence[Server], name: str) -> list[Server]:
    """The server of that name, else those of that provider: the first of them will do."""
    found = [server for server in servers if server.runtime.name == name] or [each for each in servers if each.runtime.provider == name]
    if not found:
        known = ", ".join(dict.fromkeys(server.runtime.name for server in servers))
        raise WrongTaskError(f"there is no model server {_shown(name)}; there are: {known}.", "provider")
    return found


def _with_models(servers: Sequence[Server], usual: Mapping[str, str | None], model: str | None) -> Iterator[Choice]:
    """Each server that a model is known for.

    With a model that is asked for: those that have it; those that do not tell their models now, and are believed to; then the others. Where
    nobody has it, nobody: to answer with another then would be wrong.
    """
    having: list[Choice] = []
    believed: list[Choice] = []
    others: list[Choice] = []
    for server in servers:
        names = [each.name for each in server.reading.models]
        same = named(model, names) if model is not None else []
        own = usual[server.runtime.name]
        if len(same) == 1:
            having.append(Choice(server.runtime, same[0]))
        elif model is not None and not names:
            believed.append(Choice(server.runtime, model))
        elif own is not None:
            others.append(Choice(server.runtime, own))
    yield from having
    yield from believed
    if model is None or having or believed:
        yield from others


def _told(server: Server, preferences: Preferences, *, configured: bool) -> str | None:
    runtime = server.runtime
    own = preferences.models.get(runtime.name) or preferences.models.get(runtime.provider)
    if own is not None:
        return own
    models = [each for each in server.reading.models if answers(each)]
    meant = preferences.in_use.model
    if meant and (configured or any(same_model(meant, each.name) for each in models)):
        return meant
    for each in models:
        if each.loaded:
            return each.name
    # A server that loads models says of each whether it is in memory. One that does not say may have hundreds, at different prices.
    if models and (models[0].loaded is False or len(models) == 1):
        return models[0].name
    return None


def answers(model: ServedModel) -> bool:
    """Whether a model answers prompts at all, as far as its name tells."""
    name = model.name.lower()
    return not any(part in name for part in _NO_CHAT)


def _nothing_found(servers: Sequence[Server], wanted: Wanted) -> NobodyThereError | WrongTaskError:
    if wanted.model is not None:
        names = list(dict.fromkeys(each.name for server in servers for each in server.reading.models if answers(each)))
        shown = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
        where = f"{servers[0].runtime.label} has no" if len(servers) == 1 else "no model server has a"
        return WrongTaskError(f"{where} model {_shown(wanted.model)}; there are: {shown or 'none'}.", "model")
    causes = "; ".join(
        f"{server.runtime.label}: {server.condition.cause or 'it does not tell which of its models is meant'}"
        for server in servers[:_SHOWN]
    )
    return NobodyThereError(
        f"nobody knows which model to ask ({causes}). Name one as `model`, set LLM_MODEL_NAME, or VENOM_OTEL_TASK_MODELS as in "
        f"{servers[0].runtime.name}=name-of-the-model."
    )


def _shown(name: str) -> str:
    return repr(name if len(name) <= _LONGEST_SHOWN else f"{name[:_LONGEST_SHOWN]}…")
