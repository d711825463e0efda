"""Tools for tests of instrumented applications: what they send, as plain data to compare at once, and model servers to talk to.

    pytest_plugins = ["venom_otel.testing"]  # in conftest.py


    async def test_summary(capture, simulated_ollama):
        kernel.add_service(OllamaChatCompletion(ai_model_id="simulated-llama-3b", host=simulated_ollama.url))
        with venom_otel.instrument(kernel, **capture.telemetry):
            await kernel.invoke(summarise)
        assert capture.tree() == [("chat simulated-llama-3b", [("POST", [])])]

Trace and span ids count up from 1 in the order in which spans are begun; times are left out, and measured seconds, the only
values that differ between two runs, are replaced by `ELAPSED`. Needs the OpenTelemetry SDK; pytest only for the fixtures.

`SimulatedVllm` and `SimulatedOllama` answer over real HTTP on a free port, with made-up words, token counts and times. A model that
they do not have is a 404, a `SimulatedModel` with a `failure` a 500, each in the runtime's own words.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from venom_otel.testing.captures import ELAPSED, Capture, CountingIdGenerator, Telemetry
from venom_otel.testing.simulated import SimulatedModel, SimulatedOllama, SimulatedVllm

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ELAPSED", "Capture", "CountingIdGenerator", "SimulatedModel", "SimulatedOllama", "SimulatedVllm", "Telemetry"]

if sys.modules.get("pytest") is not None:  # outside of pytest the classes alone are of use, and need not wait for its import
    import pytest

    @pytest.fixture
    def capture() -> Iterator[Capture]:
        """A `Capture` of one test's own."""
        captured = Capture()
        yield captured
        captured.close()

    @pytest.fixture
    def simulated_vllm() -> Iterator[SimulatedVllm]:
        """A running vLLM that has the model `simulated-qwen-7b` and answers a hundred times faster than a real one."""
        with SimulatedVllm(SimulatedModel("simulated-qwen-7b"), speed=100) as server:
            yield server

    @pytest.fixture
    def simulated_ollama() -> Iterator[SimulatedOllama]:
        """A running Ollama that has the model `simulated-llama-3b` and answers a hundred times faster than a real one."""
        with SimulatedOllama(SimulatedModel("simulated-llama-3b"), speed=100) as server:
            yield server
