"""vLLM: https://docs.vllm.ai/en/stable/serving/online_serving/ and its metrics, https://docs.vllm.ai/en/stable/usage/metrics/.

`/v1/models` lists what it serves, which is in memory; `/health` fails when its engine has died; `/metrics` says what it is doing. With an
API key set, the last two stay open.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from venom_otel.identity.model import VLLM
from venom_otel.runtimes import llama_cpp_python
from venom_otel.runtimes.asking import FIRST
from venom_otel.runtimes.fields import count, listed, mapping, measured, text, total
from venom_otel.runtimes.judging import Verdict, judge
from venom_otel.runtimes.model import Reason, ServedModel, State
from venom_otel.runtimes.names import label
from venom_otel.runtimes.protocol import Ability

if TYPE_CHECKING:
    from typing import Any

    from venom_otel.runtimes.asking import Client, Heard
    from venom_otel.runtimes.model import Reading, Runtime

_RUNNING: Final = "vllm:num_requests_running"
_WAITING: Final = "vllm:num_requests_waiting"
_CACHE: Final = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
"""The name of today, and that of versions before 0.10."""
_ASLEEP: Final = "vllm:engine_sleep_state{"
_AWAKE: Final = b'sleep_state="awake"'


class VllmAdapter:
    """Ready when its engine is healthy and its models are listed."""

    provider: Final = VLLM
    label: Final = label(VLLM)
    abilities: Final = frozenset({Ability.RUN_HERE})
    least_interval_s: Final = 0.0

    async def read(self, client: Client, runtime: Runtime) -> Reading:  # noqa: ARG002 - the client knows it
        """Look at it once."""
        (version,) = await client.ask("/version", share=FIRST)
        if (reading := await llama_cpp_python.look(client, version)) is not None:
            return reading
        listing, health, metrics = await client.ask("/v1/models", "/health", "/metrics")
        models = listed(listing, "data")
        verdict = await judge(client, listing, shaped=models is not None)
        asleep = _sleeps(metrics)
        if verdict.state is State.READY:
            verdict = _of_engine(client, health, asleep=asleep)
        if verdict.state not in {State.READY, State.DEGRADED}:
            return client.reading(*verdict, main=listing)
        running, waiting = total(metrics, _RUNNING), total(metrics, _WAITING)
        if running is not None:
            metrics.verdict = f"{running} requests run, {waiting} wait"
        usage = [value for name in _CACHE for value in measured(metrics, name)]
        return client.reading(
            *verdict,
            main=listing,
            version=text(mapping(version.json()).get("version")),
            models=tuple(_model(name, model, loaded=not asleep) for model in models or [] if (name := text(model.get("id")))),
            running=running,
            waiting=waiting,
            cache_usage=min(max(0.0, *usage), 1.0) if usage else None,
        )


def _of_engine(client: Client, health: Heard, *, asleep: bool) -> Verdict:
    if health.failure is not None:
        health.verdict = "the API answers, the engine behind it does not"
        return Verdict(State.FAILING, health.failure.reason, f"its API answers, but not to {health.path}: {health.failure.words}")
    if health.status is not None and health.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        health.verdict = "the engine has died"
        said = client.shown(health.body.decode("utf-8", "replace"))
        cause = f"its engine is dead ({health.status} at {health.path}{f': {said}' if said else ''}): restart it"
        return Verdict(State.FAILING, Reason.SERVER_ERROR, cause)
    if asleep:
        cause = "its engine sleeps, the model is out of memory: POST /wake_up wakes it"
        return Verdict(State.DEGRADED, Reason.ASLEEP, cause)
    health.verdict = "the engine is healthy" if health.status == HTTPStatus.OK else ""
    return Verdict()


def _sleeps(metrics: Heard) -> bool:
    """Whether `awake` is 0 for every engine."""
    if metrics.status != HTTPStatus.OK:
        return False
    lines = [line for line in metrics.body.splitlines() if line.startswith(_ASLEEP.encode()) and _AWAKE in line]
    return bool(lines) and all(line.rpartition(b" ")[2] in {b"0", b"0.0"} for line in lines)


def _model(name: str, model: dict[str, Any], *, loaded: bool) -> ServedModel:
    return ServedModel(name, loaded=loaded, context_tokens=count(model.get("max_model_len")), root=text(model.get("root")))
