"""llama.cpp's llama-server, https://github.com/ggml-org/llama.cpp/tree/master/tools/server, and llama-cpp-python's server.

`/health` is 503 while it loads; `/v1/models` lists what it serves, `/props` and `/slots` say more, `/metrics` where `--metrics` is given.
A router (`--models-dir`) tells of each model whether it is loaded.

llama-cpp-python's is looked at as `llama_cpp_python` says.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from venom_otel.identity.model import LLAMACPP
from venom_otel.runtimes import llama_cpp_python
from venom_otel.runtimes.fields import count, listed, mapping, shortened, text, total
from venom_otel.runtimes.judging import Verdict, judge, refused
from venom_otel.runtimes.model import Reason, ServedModel, State
from venom_otel.runtimes.names import label
from venom_otel.runtimes.protocol import Ability

if TYPE_CHECKING:
    from typing import Any

    from venom_otel.runtimes.asking import Client, Heard
    from venom_otel.runtimes.model import Reading, Runtime

_RUNNING: Final = "llamacpp:requests_processing"
_WAITING: Final = "llamacpp:requests_deferred"
_LOADED: Final = "loaded"


class LlamaCppAdapter:
    """Ready when it lists its models and does not say that it is loading one."""

    provider: Final = LLAMACPP
    label: Final = label(LLAMACPP)
    abilities: Final = frozenset({Ability.RUN_HERE})
    least_interval_s: Final = 0.0

    async def read(self, client: Client, runtime: Runtime) -> Reading:  # noqa: ARG002 - the client knows it
        """Look at it once."""
        (health,) = await client.ask("/health")
        if (reading := await llama_cpp_python.look(client, health)) is not None:
            return reading
        if health.reply is None:
            return client.reading(*await judge(client, health, shaped=False), main=health)
        return await self._read_own(client, health)

    async def _read_own(self, client: Client, health: Heard) -> Reading:
        listing, props, slots, metrics = await client.ask("/v1/models", "/props", "/slots", "/metrics")
        models = listed(listing, "data")
        verdict = await judge(client, listing, shaped=models is not None)
        if verdict.state in {State.READY, State.DEGRADED} and health.status == HTTPStatus.SERVICE_UNAVAILABLE:
            health.verdict = "503: it is loading"
            verdict = Verdict(State.LOADING, Reason.LOADING, f"it is loading its model (503 at {health.path})")
        if verdict.state not in {State.READY, State.DEGRADED}:
            return client.reading(*verdict, main=listing)
        if verdict.state is State.READY:  # some versions give the list to everybody
            verdict = refused(client, props) or verdict
        running, waiting = _requests(slots, metrics)
        return client.reading(
            *verdict,
            main=listing,
            version=text(mapping(props.json()).get("build_info")),
            models=tuple(_model(name, model) for model in models or [] if (name := text(model.get("id")))),
            running=running,
            waiting=waiting,
        )


def _requests(slots: Heard, metrics: Heard) -> tuple[int | None, int | None]:
    """Running and waiting, by the metrics; without them, the slots at work tell at least the first."""
    running, waiting = total(metrics, _RUNNING), total(metrics, _WAITING)
    if running is not None:
        metrics.verdict = f"{running} requests run, {waiting} wait"
        return running, waiting
    found = slots.json()
    if not isinstance(found, list):
        return None, None
    running = sum(mapping(slot).get("is_processing") is True for slot in found)
    slots.verdict = f"{running} of {len(found)} slots work"
    return running, None


def _model(name: str, model: dict[str, Any]) -> ServedModel:
    meta = mapping(model.get("meta"))
    status = mapping(model.get("status")).get("value")
    return ServedModel(
        name,
        loaded=status == _LOADED if isinstance(status, str) else True,
        size_bytes=count(meta.get("size")),
        context_tokens=count(meta.get("n_ctx")),
        parameters=shortened(count(meta.get("n_params"))),
        quantization=text(meta.get("ftype")),
    )
