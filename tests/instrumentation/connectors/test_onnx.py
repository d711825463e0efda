"""ONNX runs in the process: a real, tiny model through onnxruntime-genai."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.onnx import OnnxGenAIChatCompletion, OnnxGenAIPromptExecutionSettings
from semantic_kernel.contents import ChatHistory
from support.vendors import onnx
from support.vendors.trip import plain

import venom_otel
from venom_otel.testing import ELAPSED

if TYPE_CHECKING:
    from venom_otel.testing import Capture


class Settings(OnnxGenAIPromptExecutionSettings):
    """Without the shared cache that only attention of onnxruntime's own can use; Semantic Kernel sends its `int` as a wrong type."""

    past_present_share_buffer: bool = False


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> OnnxGenAIChatCompletion:
    folder = onnx.write(tmp_path_factory.mktemp("by-heart"))
    return OnnxGenAIChatCompletion(ai_model_path=str(folder), ai_model_id="by-heart")


async def drive(service: Any, *, stream: bool, **settings: Any) -> Any:
    history = ChatHistory()
    history.add_user_message(" the quick")
    asked = Settings(**settings)
    if stream:
        return [plain(contents) async for contents in service.get_streaming_chat_message_contents(history, asked)]
    return [plain(await service.get_chat_message_contents(history, asked))]


def expected(attributes: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "chat by-heart",
        "kind": "INTERNAL",
        "trace": 1,
        "id": 1,
        "parent": None,
        "status": "UNSET",
        "description": None,
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "onnxruntime",
            "llm.provider": "onnxruntime",
            "llm.identity.source": "server",
            "gen_ai.request.model": "by-heart",
            "llm.model": "by-heart",
            "llm.model_name": "by-heart",
            "llm.service_id": "by-heart",
            **attributes,
        },
        "events": [],
        "links": [],
        "scope": "venom_otel",
        "schema_url": "https://opentelemetry.io/schemas/1.41.1",
        **more,
    }


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_an_answer(service: Any, stream: bool, capture: Capture) -> None:
    bare = await drive(service, stream=stream, max_length=32, temperature=0.5)
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        got = await drive(service, stream=stream, max_length=32, temperature=0.5)
    assert got == bare
    assert "".join(text for contents in got for _, _, text, _ in contents) == " brown fox jumps"
    streamed = {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": ELAPSED} if stream else {}
    assert capture.span_dicts() == [expected({"gen_ai.request.temperature": 0.5, **streamed, "llm.outcome": "ok"})]


@pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])
async def test_a_failure(service: Any, stream: bool, capture: Capture) -> None:
    """The prompt is longer than the answer may be."""
    kernel = Kernel(services=[service])
    with venom_otel.instrument(kernel, **capture.telemetry), pytest.raises(Exception, match="Failed Inference with ONNX") as caught:
        await drive(service, stream=stream, max_length=1)
    message = str(caught.value.__cause__)
    streamed = {"gen_ai.request.stream": True} if stream else {}
    events = [{"name": "exception", "attributes": {"exception.type": "RuntimeError", "exception.message": message}}]
    failed = {"llm.outcome": "error", "error.type": "RuntimeError", **streamed}
    assert capture.span_dicts() == [expected(failed, status="ERROR", description=message, events=events)]
