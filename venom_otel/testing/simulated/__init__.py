"""Model servers that are not there: real HTTP in the dialects of real runtimes, without a model behind it."""

from venom_otel.testing.simulated.model import SimulatedModel
from venom_otel.testing.simulated.ollama import SimulatedOllama
from venom_otel.testing.simulated.vllm import SimulatedVllm

__all__ = ["SimulatedModel", "SimulatedOllama", "SimulatedVllm"]
