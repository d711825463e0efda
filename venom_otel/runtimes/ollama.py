"""Ollama, by its own API: https://github.com/ollama/ollama/blob/main/docs/api.md.

`/api/tags` lists what is installed, `/api/ps` what is in memory. How many requests it works on, it does not say.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from venom_otel.identity.model import OLLAMA
from venom_otel.runtimes.fields import count, listed, mapping, text
from venom_otel.runtimes.judging import Verdict, judge
from venom_otel.runtimes.model import Reason, ServedModel, State
from venom_otel.runtimes.names import label
from venom_otel.runtimes.ollama_models import OllamaKeeper, host_refused
from venom_otel.runtimes.protocol import Ability

if TYPE_CHECKING:
    from typing import Any

    from venom_otel.runtimes.asking import Client, Heard
    from venom_otel.runtimes.model import Reading, Runtime


class OllamaAdapter(OllamaKeeper):
    """Ready when it lists its models; keeps them, too."""

    provider: Final = OLLAMA
    label: Final = label(OLLAMA)
    abilities: Final = frozenset({Ability.LOAD, Ability.INSTALL, Ability.REMOVE, Ability.RUN_HERE})
    least_interval_s: Final = 0.0

    async def read(self, client: Client, runtime: Runtime) -> Reading:
        """Look at it once. `/` is asked since its words prove, together with the version, that this is Ollama and no imitation."""
        tags, ps, version, _ = await client.ask("/api/tags", "/api/ps", "/api/version", "/")
        installed, in_memory = listed(tags, "models"), listed(ps, "models")
        if _refuses_the_host(tags):
            tags.verdict = "the empty 403 of Ollama for a foreign Host header"
            return client.reading(State.DEGRADED, Reason.HOST, host_refused(runtime.endpoint), main=tags)
        verdict = await judge(client, tags, shaped=installed is not None)
        if verdict.state is State.READY and in_memory is None:
            cause = f"it lists its models, but does not say which are in memory ({ps.status or 'no reply'} at {ps.path})"
            verdict = Verdict(State.DEGRADED, Reason.INCOMPLETE, cause)
        if verdict.state not in {State.READY, State.DEGRADED}:
            return client.reading(*verdict, main=tags)
        models = _models(installed or [], in_memory)
        ps.verdict = f"{len(in_memory)} in memory" if in_memory is not None else ""
        tags.verdict = f"{len(models)} installed: {verdict.state}" if installed is not None else tags.verdict
        return client.reading(
            *verdict,
            main=tags,
            version=text(mapping(version.json()).get("version")),
            models=models,
            memory_bytes=sum(model.memory_bytes or 0 for model in models) if in_memory is not None else None,
        )


def _refuses_the_host(tags: Heard) -> bool:
    """Seen of 0.17.4: with a Host header that is no local name it answers 403 with an empty body, whatever the path."""
    return tags.status == HTTPStatus.FORBIDDEN and not tags.body and not tags.header(b"server")


def _models(installed: list[dict[str, Any]], in_memory: list[dict[str, Any]] | None) -> tuple[ServedModel, ...]:
    """Those installed, with what is told of the loaded ones; a loaded one that is no longer installed comes last."""
    loaded = {name: model for model in in_memory or [] if (name := _name(model)) is not None}
    known = {name: model for model in installed if (name := _name(model)) is not None}
    return tuple(_model(name, model, loaded.get(name), told=in_memory is not None) for name, model in {**loaded, **known}.items())


def _model(name: str, model: dict[str, Any], loaded: dict[str, Any] | None, *, told: bool) -> ServedModel:
    details = mapping(model.get("details"))
    return ServedModel(
        name=name,
        loaded=loaded is not None if told else None,
        size_bytes=count(model.get("size")) if model is not loaded else None,
        memory_bytes=count(loaded.get("size")) if loaded is not None else None,
        context_tokens=count(loaded.get("context_length")) if loaded is not None else None,
        parameters=text(details.get("parameter_size")),
        quantization=text(details.get("quantization_level")),
    )


def _name(model: dict[str, Any]) -> str | None:
    return text(model.get("model")) or text(model.get("name"))
