"""A chat service of Semantic Kernel that stands for several: each round trip goes to the first that answers."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic import PrivateAttr
from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
from semantic_kernel.contents import FunctionCallContent

from venom_otel.errors import SettingsError
from venom_otel.instrumentation import logs
from venom_otel.instrumentation.routed import call_of
from venom_otel.routing import asked
from venom_otel.routing.availability import Availability, CircuitBreaker
from venom_otel.routing.members import Member
from venom_otel.routing.policy import Policy
from venom_otel.routing.route import Route
from venom_otel.settings import InstrumentationSettings, load

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence

    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
    from semantic_kernel.contents import ChatHistory, ChatMessageContent, StreamingChatMessageContent

    from venom_otel.instrumentation.routed import RoutedCall
    from venom_otel.routing.route import Attempt

SERVICE_ID: Final = "fallback"

_SERVICE: Final = "llm_service_id"
"""Key of an answer's metadata, beside those that log records have too."""


class FallbackChatCompletion(ChatCompletionClientBase):
    """A chat service over an ordered list of chat services.

    Each round trip to a model is routed by itself: the first service that is not known to be down is asked, and after a failure that the
    policy lists the next one. Functions are invoked by this service, once, whichever model called them. It takes the settings of any
    service, and gives each the settings of its own class.

    Args:
        services: in the order in which they are to be asked. They are not changed.
        service_id: Semantic Kernel's name for this service.
        policy: after which failures the next service is asked, and how long one may take.
        availability: what is known of servers beforehand; by default a circuit breaker of this service's own.

    Raises:
        SettingsError: there is no service, or something else among them.
    """

    SUPPORTS_FUNCTION_CALLING: ClassVar[bool] = True

    _members: tuple[Member, ...] = PrivateAttr()
    _policy: Policy = PrivateAttr()
    _availability: Availability = PrivateAttr()

    def __init__(
        self,
        services: Sequence[ChatCompletionClientBase],
        *,
        service_id: str = SERVICE_ID,
        policy: Policy | None = None,
        availability: Availability | None = None,
    ) -> None:
        given = list(services)
        if not given:
            raise SettingsError("A fallback needs at least one chat service: venom_otel.fallback([OllamaChatCompletion(…), …]).")
        for service in given:
            if not isinstance(service, ChatCompletionClientBase):
                raise SettingsError(
                    f"{type(service).__name__} is no chat service of Semantic Kernel: it does not extend ChatCompletionClientBase."
                )
        super().__init__(ai_model_id=given[0].ai_model_id, service_id=service_id)
        aliases = load(InstrumentationSettings).server_aliases
        self._members = tuple(
            Member(service, name, aliases, first=service is given[0]) for service, name in zip(given, _names(given), strict=True)
        )
        self._policy = policy or Policy()
        self._availability = availability if availability is not None else CircuitBreaker()

    @property
    def routed_services(self) -> tuple[ChatCompletionClientBase, ...]:
        """The services as they are asked: those given, or copies whose clients do not send again by themselves."""
        return tuple(member.service for member in self._members)

    # -- what Semantic Kernel asks of a chat service ---------------------------------------------------------------------------------

    async def _inner_get_chat_message_contents(
        self, chat_history: ChatHistory, settings: PromptExecutionSettings
    ) -> list[ChatMessageContent]:
        call = call_of(self)
        for attempt in self._route(settings, call):
            with attempt:
                async with attempt.deadline():
                    contents = await attempt.member.call(chat_history, attempt.settings)
                attempt.answered()
                _Marks(attempt, call, settings).put_on(contents)
                return contents
        raise AssertionError  # a route ends with an answer or an error

    async def _inner_get_streaming_chat_message_contents(
        self, chat_history: ChatHistory, settings: PromptExecutionSettings, function_invoke_attempt: int = 0
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        call = call_of(self)
        for attempt in self._route(settings, call):
            with attempt:
                stream = attempt.member.stream(chat_history, attempt.settings, function_invoke_attempt)
                async with attempt.deadline():
                    contents = await anext(stream, None)
                attempt.answered()
            if not attempt.has_answered:
                continue
            marks = _Marks(attempt, call, settings)
            try:
                while contents is not None:
                    marks.put_on(contents)
                    yield contents
                    contents = await anext(stream, None)
            finally:
                await stream.aclose()
            return

    def _route(self, settings: PromptExecutionSettings, call: RoutedCall | None) -> Route:
        return Route(self._members, self._policy, self._availability, settings, call)

    def _update_function_choice_settings_callback(self) -> Callable[..., None]:
        def keep(configuration: Any, settings: PromptExecutionSettings, choice: Any) -> None:
            asked.of(settings).functions = (configuration, choice)

        return keep

    def _reset_function_choice_settings(self, settings: PromptExecutionSettings) -> None:
        asked.of(settings).functions = None

    def _get_ai_model_id(self, settings: PromptExecutionSettings) -> str:
        """The model whose stream a function's result is put into: chunks of two models cannot be added."""
        return asked.of(settings).last_model or self.ai_model_id


class _Marks:
    """What is put on an answer: who gave it, and ids for function calls, so that another dialect can tell them apart too.

    Ollama's function calls have no ids. OpenAI's dialect refuses a history without.
    """

    def __init__(self, attempt: Attempt, call: RoutedCall | None, settings: PromptExecutionSettings) -> None:
        service = attempt.member.service
        self._who: dict[str, Any] = {
            _SERVICE: service.service_id,
            logs.MODEL: attempt.target.model,
            logs.ENDPOINT: attempt.member.endpoint_url,
        }
        if call is not None and call.identity is not None:
            self._who[logs.PROVIDER] = call.identity.provider
        asked.of(settings).last_model = service.ai_model_id

    def put_on(self, contents: Sequence[ChatMessageContent]) -> None:
        for content in contents:
            content.metadata.update(self._who)
            for item in content.items:
                # A piece of a streamed call has an index, and its id in the first piece.
                if isinstance(item, FunctionCallContent) and item.id is None and item.index is None:
                    item.id = f"call_{uuid.uuid4().hex[:24]}"


def _names(services: Sequence[ChatCompletionClientBase]) -> list[str]:
    """A name for each service: its id, numbered where an earlier one has the same."""
    names: list[str] = []
    for service in services:
        number = sum(1 for earlier in services[: len(names)] if earlier.service_id == service.service_id)
        names.append(service.service_id if number == 0 else f"{service.service_id}#{number + 1}")
    return names
