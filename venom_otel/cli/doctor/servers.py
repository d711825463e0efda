"""The model servers: who answers at the usual local addresses and at those that variables name, and which keys are there."""

from __future__ import annotations

import asyncio
import os
import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from venom_otel import semconv
from venom_otel.cli.doctor.findings import broken, note, ok, warning
from venom_otel.errors import SettingsError
from venom_otel.identity import asking, endpoint, hosts
from venom_otel.identity.configured import Configured, parse_providers
from venom_otel.runtimes import ollama_host
from venom_otel.runtimes.finding import entries
from venom_otel.runtimes.names import USUAL_PORTS
from venom_otel.settings import InstrumentationSettings, load

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from venom_otel.cli.doctor.findings import Finding
    from venom_otel.identity.asking import Answer
    from venom_otel.identity.model import Endpoint

_VENDORS: Final = (
    "OPENAI",
    "AZURE_OPENAI",
    "AZURE_AI_INFERENCE",
    "ANTHROPIC",
    "MISTRALAI",
    "MISTRAL",
    "NVIDIA",
    "GOOGLE_AI",
    "GEMINI",
    "GROQ",
    "VLLM",
    "OLLAMA",
    "LLAMACPP",
    "LLAMA_CPP",
    "LMSTUDIO",
    "SGLANG",
    "LITELLM",
)
_ADDRESSES: Final = ("BASE_URL", "API_BASE", "ENDPOINT", "HOST", "URL")
_KNOCK_S: Final = 0.5
_SHOWN_MODELS: Final = 3


@dataclass(frozen=True, slots=True)
class Place:
    """A server to ask."""

    endpoint: Endpoint
    named_by: str
    """The variable that names it; empty for a usual address, where nobody needs to be."""
    key: str | None
    """Its API key, never shown."""


def check() -> Iterator[Finding]:
    """Ask who is there, all at once."""
    places: list[Place] = []
    for place in _named():
        if isinstance(place, Place):
            places.append(place)
        else:
            yield place
    known = {place.endpoint.server for place in places}
    usual = [place for port in USUAL_PORTS if (place := _usual(port)).endpoint.server not in known and _listens(place.endpoint)]
    configured = _configured()
    asked = [place for place in (*places, *usual) if _without_asking(place.endpoint, configured) is None]
    answers = dict(zip(asked, asyncio.run(_ask(asked)), strict=True))
    for place in (*places, *usual):
        yield from _said(place, answers.get(place), configured)
    if not places and not usual:
        ports = ", ".join(f"{port} ({name})" for port, name in USUAL_PORTS.items())
        yield note(f"nobody answers at the usual local ports: {ports}", "OPENAI_BASE_URL, OLLAMA_HOST and the like name others")
    yield from _keys()


def _named() -> Iterator[Place | Finding]:
    for vendor in _VENDORS:
        for kind in _ADDRESSES:
            variable = f"{vendor}_{kind}"
            value = os.environ.get(variable, "").strip()
            if not value:
                continue
            if variable == "OLLAMA_HOST":
                value = ollama_host.url(value)
            key = os.environ.get(f"{vendor}_API_KEY", "").strip() or None
            try:
                for _, url in entries(variable, value):
                    yield Place(endpoint.parse(url), variable, key)
            except SettingsError as error:
                yield broken(f"{variable}: {str(error).removeprefix(f'{variable}: ')}", "give a base URL, such as http://127.0.0.1:8000/v1")


def _usual(port: int) -> Place:
    return Place(endpoint.parse(f"http://127.0.0.1:{port}"), "", None)


def _listens(place: Endpoint) -> bool:
    try:
        socket.create_connection((place.host, place.port), _KNOCK_S).close()
    except OSError:
        return False
    return True


def _configured() -> Configured:
    try:
        return Configured(parse_providers(load(InstrumentationSettings).providers))
    except SettingsError:  # said among the settings
        return Configured({})


def _without_asking(place: Endpoint, configured: Configured) -> str | None:
    """Who is there, in words, where that is known without a question."""
    if (found := configured.of_address(place)) is not None:
        return f"{found.provider}, as VENOM_OTEL_PROVIDERS says"
    if not place.is_local and (public := hosts.by_host(place.host)) is not None:
        return f"{public.gateway or public.provider}, by its public name; not asked"
    return None


async def _ask(places: list[Place]) -> list[Answer]:
    return await asyncio.gather(*(asking.ask(place.endpoint, _headers(place)) for place in places))


def _headers(place: Place) -> Callable[[], dict[str, str]] | None:
    return None if place.key is None else lambda: {"authorization": f"Bearer {place.key}"}


def _said(place: Place, answer: Answer | None, configured: Configured) -> Iterator[Finding]:
    where = f"{place.endpoint.url}{f' ({place.named_by})' if place.named_by else ''}"
    if answer is None:
        yield ok(f"{where}: {_without_asking(place.endpoint, configured)}")
        return
    identity = answer.identity
    if not answer.reached:
        mend = f"start the server, or correct {place.named_by}" if place.named_by else "it listens and does not answer"
        yield (broken if place.named_by else warning)(f"{where}: nobody answers", mend)
    elif identity.provider != semconv.PROVIDER_UNKNOWN:
        behind = f" behind {identity.gateway}" if identity.gateway else ""
        yield ok(f"{where}: {identity.provider} {identity.version or ''}".rstrip() + behind + _models(answer.models))
    elif identity.gateway:
        yield ok(f"{where}: the gateway {identity.gateway}; each answer says who ran the model" + _models(answer.models))
    elif answer.refused:
        yield warning(
            f"{where}: it answers, but wants another key before it says who it is",
            f"set its key, or say who it is: VENOM_OTEL_PROVIDERS={place.endpoint.url}=vllm",
        )
    elif place.named_by:
        yield warning(
            f"{where}: it answers, but does not say which runtime it is: its requests show provider unknown",
            f"if you know better: VENOM_OTEL_PROVIDERS={place.endpoint.url}=vllm",
        )
    else:
        yield note(f"{where}: something answers that is no model server known here")


def _models(names: Sequence[str] | None) -> str:
    """`; models: a, b`; empty where the server gave no list."""
    if names is None:
        return ""
    if not names:
        return "; it lists no model"
    more = f" and {len(names) - _SHOWN_MODELS} more" if len(names) > _SHOWN_MODELS else ""
    return f"; models: {', '.join(names[:_SHOWN_MODELS])}{more}"


def _keys() -> Iterator[Finding]:
    names = [f"{vendor}_API_KEY" for vendor in _VENDORS]
    there = [name for name in names if os.environ.get(name)]
    for name in there:
        value = os.environ[name]
        if value != value.strip().strip("\"'"):
            yield warning(f"{name} has blanks or quotes around it, which are sent as part of the key", "take them away")
    yield note(f"keys that are set (never shown): {', '.join(there)}" if there else "no API key is set; local servers need none")
