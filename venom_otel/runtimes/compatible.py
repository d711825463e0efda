"""Any server of OpenAI's dialect, by the one thing they all have: the list of models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from venom_otel.identity.endpoint import root
from venom_otel.runtimes import llama_cpp_python
from venom_otel.runtimes.asking import FIRST
from venom_otel.runtimes.fields import count, listed, text
from venom_otel.runtimes.judging import judge
from venom_otel.runtimes.model import ServedModel, State
from venom_otel.runtimes.names import label

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from venom_otel.identity.model import Endpoint
    from venom_otel.runtimes.asking import Client
    from venom_otel.runtimes.model import Reading, Runtime
    from venom_otel.runtimes.protocol import Ability


class CompatibleAdapter:
    """Ready when it lists its models. Whoever gives such a list is right; who that is, its identity says where it can be told."""

    abilities: frozenset[Ability] = frozenset()
    least_interval_s: float = 0.0

    def __init__(self, provider: str) -> None:
        self.provider = provider
        self.label = label(provider)

    async def read(self, client: Client, runtime: Runtime) -> Reading:
        """Look at it once."""
        if runtime.endpoint.is_local:
            (version,) = await client.ask("/version", share=FIRST)
            if (reading := await llama_cpp_python.look(client, version, anybody=True)) is not None:
                return reading
        (listing,) = await client.ask(path_of_models(runtime.endpoint))
        models = listed(listing, "data")
        verdict = await judge(client, listing, shaped=models is not None, anybody=True)
        if verdict.state not in {State.READY, State.DEGRADED}:
            return client.reading(*verdict, main=listing)
        if models is not None:
            listing.verdict = f"{len(models)} models: {verdict.state}"
        return client.reading(
            *verdict, main=listing, models=tuple(_model(name, one) for one in models or [] if (name := text(one.get("id"))))
        )


def path_of_models(endpoint: Endpoint) -> str:
    """Where the list lies below the server's root: beside the chats of the same base URL, and below `/v1` where it has no path at all."""
    below = endpoint.url.partition("://")[2].partition("/")[2]
    return "/models" if below and root(endpoint) == endpoint.url else "/v1/models"


def _model(name: str, model: Mapping[str, Any]) -> ServedModel:
    context = next(filter(None, (count(model.get(key)) for key in ("max_model_len", "context_window", "context_length"))), None)
    return ServedModel(name, loaded=None, context_tokens=context)
