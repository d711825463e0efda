"""Chat services that an application writes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.contents import AuthorRole, ChatMessageContent, StreamingChatMessageContent

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator


class Parrot(ChatCompletionClientBase):
    """Says what it hears, without a server."""

    SUPPORTS_FUNCTION_CALLING: ClassVar[bool] = False

    async def _inner_get_chat_message_contents(self, chat_history: Any, settings: Any) -> list[ChatMessageContent]:
        return [ChatMessageContent(role=AuthorRole.ASSISTANT, content=str(chat_history.messages[-1]), ai_model_id=self.ai_model_id)]

    async def _inner_get_streaming_chat_message_contents(
        self, chat_history: Any, settings: Any, function_invoke_attempt: int = 0
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        for word in str(chat_history.messages[-1]).split():
            yield [StreamingChatMessageContent(role=AuthorRole.ASSISTANT, choice_index=0, content=word, ai_model_id=self.ai_model_id)]
