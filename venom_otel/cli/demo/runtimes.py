"""The demo's two runtimes; their models' names say that they are simulated."""

from __future__ import annotations

from typing import Final

from venom_otel.testing import SimulatedModel, SimulatedOllama, SimulatedVllm

QWEN: Final = "simulated-qwen-7b"
CRASHING: Final = "simulated-crashing-7b"
LLAMA: Final = "simulated-llama-3b"
MISSING: Final = "simulated-missing-8b"
"""Nobody has it."""


def vllm() -> SimulatedVllm:
    """A quick one, as on a GPU, and on it a model whose engine dies."""
    return SimulatedVllm(
        SimulatedModel(QWEN, first_token_s=0.12, tokens_per_s=85, answer_tokens=50),
        SimulatedModel(CRASHING, first_token_s=0.3, failure="EngineCore encountered an issue. See stack trace (above) for the root cause."),
    )


def ollama() -> SimulatedOllama:
    """A slower one, which loads its model first."""
    return SimulatedOllama(SimulatedModel(LLAMA, first_token_s=0.3, tokens_per_s=40, answer_tokens=50, load_s=1.1))
