"""Chat services that an application writes itself, from nothing or on top of a connector."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from semantic_kernel import Kernel
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.connectors.ai.completion_usage import CompletionUsage
from semantic_kernel.connectors.ai.open_ai import OpenAIChatCompletion
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
from semantic_kernel.contents import AuthorRole, ChatHistory, ChatMessageContent, StreamingChatMessageContent
from semantic_kernel.contents.utils.finish_reason import FinishReason
from support.vendors import openai
from support.vendors.trip import plain
from support.vendors.wire import Wire

import venom_otel
from venom_otel.testing import ELAPSED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from venom_otel.testing import Capture


class Own(ChatCompletionClientBase):
    """Speaks to its server in a way of its own and tells of the reply by metadata alone."""

    SUPPORTS_FUNCTION_CALLING: ClassVar[bool] = False

    def service_url(self) -> str | None:
        return "http://user:secret@gpu.example:9000/rpc?key=1"

    async def _inner_get_chat_message_contents(self, chat_history: ChatHistory, settings: Any) -> list[ChatMessageContent]:
        metadata = {"id": "own-1", "model": "own-model-v2", "usage": CompletionUsage(prompt_tokens=5, completion_tokens=2)}
        message = ChatMessageContent(role=AuthorRole.ASSISTANT, content="Hello there.", finish_reason=FinishReason.STOP, metadata=metadata)
        return [message]

    async def _inner_get_streaming_chat_message_contents(
        self, chat_history: ChatHistory, settings: Any, function_invoke_attempt: int = 0
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        metadata = {"id": "own-1", "model": "own-model-v2", "usage": {"input_tokens": 5, "output_tokens": 2}}
        for text, reason, said in (("Hello", None, {}), (" there.", FinishReason.STOP, metadata)):
            yield [
                StreamingChatMessageContent(role=AuthorRole.ASSISTANT, choice_index=0, content=text, finish_reason=reason, metadata=said)
            ]


class Checked(OpenAIChatCompletion):
    """Looks at what a connector makes before it passes it on."""

    async def _inner_get_chat_message_contents(self, chat_history: ChatHistory, settings: Any) -> list[ChatMessageContent]:
        contents = await super()._inner_get_chat_message_contents(chat_history, settings)
        assert contents
        return contents

    async def _inner_get_streaming_chat_message_contents(
        self, chat_history: ChatHistory, settings: Any, function_invoke_attempt: int = 0
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        async for contents in super()._inner_get_streaming_chat_message_contents(chat_history, settings, function_invoke_attempt):
            assert contents
            yield contents


async def drive(service: Any, *, stream: bool, settings: Any = None) -> Any:
    history = ChatHistory()
    history.add_user_message("Hello?")
    asked = settings or PromptExecutionSettings()
    if stream:
        return [plain(contents) async for contents in service.get_streaming_chat_message_contents(history, asked)]
    return [plain(await service.get_chat_message_contents(history, asked))]


both_ways = pytest.mark.parametrize("stream", [False, True], ids=["call", "stream"])


@both_ways
async def test_a_service_written_from_nothing(stream: bool, capture: Capture) -> None:
    service = Own(ai_model_id="own-model", service_id="own")
    settings = PromptExecutionSettings(extension_data={"temperature": 0.5, "ai_model_id": "unheard"})
    bare = await drive(service, stream=stream, settings=settings)
    with venom_otel.instrument(Kernel(services=[service]), providers={"own": "llamacpp"}, **capture.telemetry):
        assert await drive(service, stream=stream, settings=settings) == bare
    streamed = {"gen_ai.request.stream": True, "gen_ai.response.time_to_first_chunk": ELAPSED} if stream else {}
    [span] = capture.span_dicts()
    assert (span["name"], span["kind"], span["status"]) == ("chat own-model", "CLIENT", "UNSET")
    assert span["attributes"] == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "llamacpp",
        "llm.provider": "llamacpp",
        "llm.identity.source": "config",
        "llm.outcome": "ok",
        "gen_ai.request.model": "own-model",
        "llm.model": "own-model",
        "llm.model_name": "own-model",
        "llm.service_id": "own",
        "llm.endpoint": "http://gpu.example:9000/rpc",
        "llm.server": "gpu.example:9000",
        "server.address": "gpu.example",
        "server.port": 9000,
        "gen_ai.request.temperature": 0.5,
        "gen_ai.response.id": "own-1",
        "gen_ai.response.model": "own-model-v2",
        "gen_ai.response.finish_reasons": ("stop",),
        "gen_ai.usage.input_tokens": 5,
        "gen_ai.usage.output_tokens": 2,
        **streamed,
    }


@both_ways
async def test_a_service_on_top_of_a_connector_is_recorded_once(stream: bool, capture: Capture) -> None:
    wire = Wire(openai.OPENAI.stream if stream else openai.OPENAI.call)
    async with openai.openai_service(wire) as connector:
        service = Checked(ai_model_id="gpt-4o-mini", async_client=connector.client)
        bare = await drive(service, stream=stream)
        with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
            assert await drive(service, stream=stream) == bare
    assert capture.tree() == [("chat gpt-4o-mini", [("POST", [])])]
    attributes = capture.span_dicts()[0]["attributes"]
    assert {name: attributes[name] for name in openai.OPENAI.answered} == openai.OPENAI.answered


async def test_an_override_that_hands_its_parent_s_stream_on_is_recorded_once(capture: Capture) -> None:
    class Handing(Own):
        def _inner_get_streaming_chat_message_contents(self, *args: Any) -> Any:
            return super()._inner_get_streaming_chat_message_contents(*args)

    service = Handing(ai_model_id="own-model")
    with venom_otel.instrument(Kernel(services=[service]), **capture.telemetry):
        await drive(service, stream=True)
    assert capture.tree() == [("chat own-model", [])]


@both_ways
async def test_a_class_defined_after_instrument(stream: bool, capture: Capture) -> None:
    with venom_otel.instrument(providers={"late": "mine"}, **capture.telemetry):

        class Late(Own):
            async def _inner_get_chat_message_contents(self, chat_history: ChatHistory, settings: Any) -> list[ChatMessageContent]:
                return await super()._inner_get_chat_message_contents(chat_history, settings)

            def _inner_get_streaming_chat_message_contents(self, *args: Any) -> Any:
                return super()._inner_get_streaming_chat_message_contents(*args)

        got = await drive(Late(ai_model_id="late-model", service_id="late"), stream=stream)
    assert "".join(text for contents in got for _, _, text, _ in contents) == "Hello there."
    [span] = capture.span_dicts()
    assert span["name"] == "chat late-model"
    assert (span["attributes"]["llm.provider"], span["attributes"]["gen_ai.response.id"]) == ("mine", "own-1")


async def test_undone_for_classes_defined_meanwhile(capture: Capture) -> None:
    with venom_otel.instrument(**capture.telemetry):

        class Meanwhile(Own):
            async def _inner_get_chat_message_contents(self, chat_history: ChatHistory, settings: Any) -> list[ChatMessageContent]:
                return await super()._inner_get_chat_message_contents(chat_history, settings)

    await drive(Meanwhile(ai_model_id="m"), stream=False)
    assert capture.span_dicts() == []
    assert not hasattr(Meanwhile._inner_get_chat_message_contents, "__wrapped__")
