"""Which servers there are: those that the settings name, and where no local one is named, those that answer at the usual addresses."""

from __future__ import annotations

import asyncio
import os
import re
from typing import TYPE_CHECKING, Final

from pydantic import SecretStr

from venom_otel import semconv
from venom_otel.errors import SettingsError
from venom_otel.identity import asking
from venom_otel.identity.endpoint import parse, redact
from venom_otel.identity.model import LLAMACPP, OLLAMA, UNKNOWN, VLLM
from venom_otel.runtimes import ollama_host
from venom_otel.runtimes.model import Runtime
from venom_otel.runtimes.names import OPENAI, USUAL_PORTS, at_home, label, variable_prefix
from venom_otel.runtimes.registry import adapters

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from venom_otel.identity.model import Endpoint, Identity
    from venom_otel.settings import RuntimeSettings

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_TAKEN: Final = frozenset({"events"})
_LOCAL: Final = frozenset({LLAMACPP, OLLAMA, VLLM})
_OURS: Final = _LOCAL | {OPENAI}
LOCAL_ENDPOINT: Final = "LLM_LOCAL_ENDPOINT"
"""Names a server whose runtime is not said."""


async def find(settings: RuntimeSettings, *, aliases: str = "") -> tuple[Runtime, ...]:
    """Every server there is, each name once; takes as long as asking who they are (1.5 s at most), and no time where all is configured.

    What is found comes and goes: ask again now and then, and keep what was there, so that a server that ended is seen as ended.

    Args:
        settings: which variables are set.
        aliases: the setting `VENOM_OTEL_SERVER_ALIASES`.

    Raises:
        SettingsError: a variable cannot be used; the message names it.
    """
    named = configured(settings, aliases=aliases)
    places = [_place(settings.llm_local_endpoint, LOCAL_ENDPOINT, aliases)] if settings.llm_local_endpoint else []
    if not places and not any(runtime.provider in _LOCAL for runtime in named):
        places = [parse(f"http://127.0.0.1:{port}", aliases) for port in USUAL_PORTS]
    known = {runtime.endpoint.server for runtime in named}
    asked = [place for place in places if place.server not in known]
    answers = await asyncio.gather(*(asking.ask(place, None) for place in asked))
    found = list(named)
    for place, answer in zip(asked, answers, strict=True):
        variable = LOCAL_ENDPOINT if settings.llm_local_endpoint else None
        if variable is not None or answer.identity != UNKNOWN:
            found.append(_found(place, answer.identity, variable, {runtime.name for runtime in found}))
    return tuple(found)


def configured(settings: RuntimeSettings, *, aliases: str = "") -> tuple[Runtime, ...]:
    """The servers that the settings name by their runtime, in the order of the settings; asks nobody.

    Raises:
        SettingsError: a variable cannot be used; the message names it and never shows a key.
    """
    runtimes: list[Runtime] = []
    for provider, variable, value, key in _variables(settings):
        names = {runtime.name for runtime in runtimes}
        for runtime in _instances(provider, variable, value, key, aliases):
            if runtime.name in names:
                raise SettingsError(f"{variable}: the name {runtime.name} is taken; give each server its own, as in big=http://gpu:8000.")
            names.add(runtime.name)
            runtimes.append(runtime)
    return tuple(runtimes)


def entries(variable: str, value: str) -> Iterator[tuple[str | None, str]]:
    """The addresses in a variable: commas between them, each with a name before `=` or without.

    Raises:
        SettingsError: a name that will not do; the message names the variable.
    """
    for entry in filter(None, (part.strip() for part in value.split(","))):
        name, separator, url = entry.partition("=")
        name = name.strip()
        if not separator or "/" in name or "?" in name:  # the sign is part of a URL's query
            yield None, entry
        elif name in _TAKEN:
            raise SettingsError(f"{variable}: the name {name} is taken, for something else has its place in the API; choose another.")
        elif _NAME.fullmatch(name):
            yield name, url.strip()
        else:
            raise SettingsError(f"{variable}: {redact(name)!r} is no name; lower case letters, digits, '-', '_' and '.' are wanted.")


def _variables(settings: RuntimeSettings) -> Iterator[tuple[str, str, str, SecretStr | None]]:
    if settings.ollama_endpoint:
        yield OLLAMA, "OLLAMA_ENDPOINT", settings.ollama_endpoint, settings.ollama_api_key
    elif settings.ollama_host.strip():
        yield OLLAMA, "OLLAMA_HOST", ollama_host.url(settings.ollama_host), settings.ollama_api_key
    yield VLLM, "VLLM_ENDPOINT", settings.vllm_endpoint, settings.vllm_api_key
    yield LLAMACPP, "LLAMACPP_ENDPOINT", settings.llamacpp_endpoint, settings.llamacpp_api_key
    yield OPENAI, "OPENAI_BASE_URL", settings.openai_base_url, settings.openai_api_key
    for provider in sorted(adapters().keys() - _OURS):  # of other packages; their variables are named as ours are
        prefix = variable_prefix(provider)
        key = os.environ.get(f"{prefix}_API_KEY", "").strip()
        yield provider, f"{prefix}_ENDPOINT", os.environ.get(f"{prefix}_ENDPOINT", ""), SecretStr(key) if key else None


def _instances(provider: str, variable: str, value: str, key: SecretStr | None, aliases: str) -> Iterator[Runtime]:
    """Of those without a name, the first is called as its provider, and the n-th of the list `-n`."""
    for number, (own_name, url) in enumerate(entries(variable, value), start=1):
        name = own_name or (provider if number == 1 else f"{provider}-{number}")
        shown = label(provider) if name == provider else f"{label(provider)} ({name})"
        yield Runtime(name, provider, shown, _place(url, variable, aliases), key, variable)


def _place(url: str, variable: str, aliases: str) -> Endpoint:
    try:
        return parse(url, aliases)
    except SettingsError as error:
        raise SettingsError(f"{variable}: {error}") from None


def _found(place: Endpoint, identity: Identity, variable: str | None, taken: Iterable[str]) -> Runtime:
    """A server by what it says of itself; its name is the same whoever else is there, as long as nobody has taken it."""
    who = identity.gateway if identity.provider == semconv.PROVIDER_UNKNOWN and identity.gateway else identity.provider
    if who == semconv.PROVIDER_UNKNOWN:
        who = "local"
    usual = variable is not None or at_home(who, place.port)
    name = who if usual and who not in taken else f"{who}-{place.port}"
    shown = label(who) if name == who else f"{label(who)} ({place.port})"
    return Runtime(name, identity.provider, shown, place, None, variable)
