"""One service of the list: how it is asked for one round trip, with settings of its own class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from venom_otel.errors import SettingsError
from venom_otel.identity import endpoint as endpoints
from venom_otel.identity import hosts
from venom_otel.instrumentation.semantic_kernel import connectors
from venom_otel.instrumentation.semantic_kernel.hooks import CALL, STREAM, has_own
from venom_otel.routing import asked, limits, resends
from venom_otel.routing.availability import Target

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase
    from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings
    from semantic_kernel.contents import ChatHistory, ChatMessageContent, StreamingChatMessageContent

    from venom_otel.identity.model import Endpoint

_OPENAI: Final = "openai"
_COMPLETION_TOKENS: Final = "max_completion_tokens"
"""OpenAI's newer models refuse `max_tokens`; other servers of its dialect may know nothing else."""


class Member:
    """A service among those that a routed call may ask.

    Args:
        service: as the user gave it; it is never changed.
        name: its service id, or one made of it where another of the list has the same.
        aliases: other names of one host, for telling servers apart.
        first: whether it stands first in the list, and so is the one that a model named in the settings is meant for.
    """

    def __init__(self, service: ChatCompletionClientBase, name: str, aliases: str, *, first: bool) -> None:
        self.service = resends.without(service)
        self.name = name
        self._first = first
        self._connector = connectors.of(service)
        self._endpoint = _endpoint(self._connector.endpoint_url(service), aliases)
        self._settings_class = service.get_prompt_execution_settings_class()
        self._calls_inner = {name: has_own(type(service), name) for name in (CALL, STREAM)}
        identity = hosts.by_host(self._endpoint.host) if self._endpoint is not None else None
        self._token_limit = _COMPLETION_TOKENS if identity is not None and identity.provider == _OPENAI else None

    @property
    def endpoint_url(self) -> str | None:
        """Base URL without credentials; None where it has none."""
        return self._endpoint.url if self._endpoint is not None else None

    def target(self, settings: PromptExecutionSettings) -> Target:
        """What has to be available for a request with these settings, of its own class."""
        server = self._endpoint.server if self._endpoint is not None else ""
        return Target(server, self.name, self._connector.request_model(self.service, settings))

    def settings(self, given: PromptExecutionSettings) -> PromptExecutionSettings:
        """The call's settings in this service's own class, fresh, for services write into theirs.

        Raises:
            ServiceInvalidExecutionSettingsError: the service cannot do what they ask for.
        """
        extension_data = {name: value for name, value in given.extension_data.items() if name != asked.KEY}
        model = getattr(given, "ai_model_id", None) or extension_data.get("ai_model_id")
        if model and not self._first:  # of another server
            model = None
            extension_data.pop("ai_model_id", None)
        # Copies are made without assignments where that can be: each has the settings' class check all its fields.
        bare = given.model_copy(update={"extension_data": extension_data})
        if isinstance(given, self._settings_class):
            made = bare
            if getattr(made, "ai_model_id", None) and not self._first:
                made.ai_model_id = None  # type: ignore[attr-defined]
        else:
            made = self._settings_class()
            limits.carry(bare, made, to=self.name, prefer=self._token_limit)
            made.extension_data.update(extension_data)  # only now: the class takes from it whatever has a field's name
            made.function_choice_behavior = given.function_choice_behavior
            if model and "ai_model_id" in type(made).model_fields:
                made.ai_model_id = model  # type: ignore[attr-defined]
        self._offer_functions(asked.of(given), made)
        return made

    def _offer_functions(self, call: asked.Asked, made: PromptExecutionSettings) -> None:
        if call.functions is None:
            return
        if not self.service.SUPPORTS_FUNCTION_CALLING:
            limits.logger.debug("%s calls no functions; left out.", self.name)
            return
        self.service._verify_function_choice_settings(made)  # noqa: SLF001 - what the service's own public methods do
        configuration, choice = call.functions
        self.service._update_function_choice_settings_callback()(configuration, made, choice)  # noqa: SLF001

    async def call(self, history: ChatHistory, settings: PromptExecutionSettings) -> list[ChatMessageContent]:
        """One round trip."""
        if self._calls_inner[CALL]:
            return await self.service._inner_get_chat_message_contents(history, settings)  # noqa: SLF001 - the public one may loop
        return await self.service.get_chat_message_contents(history, _without_functions(settings))

    def stream(
        self, history: ChatHistory, settings: PromptExecutionSettings, function_invoke_attempt: int
    ) -> AsyncGenerator[list[StreamingChatMessageContent], Any]:
        """One round trip as a stream; nothing is sent before its first chunk is asked for."""
        if self._calls_inner[STREAM]:
            return self.service._inner_get_streaming_chat_message_contents(history, settings, function_invoke_attempt)  # noqa: SLF001
        return self.service.get_streaming_chat_message_contents(history, _without_functions(settings))


def _endpoint(url: str | None, aliases: str) -> Endpoint | None:
    """The endpoint; None without a URL or with one that is no HTTP server's, which the call itself will find out."""
    try:
        return endpoints.parse(url, aliases) if url is not None else None
    except SettingsError:
        return None


def _without_functions(settings: PromptExecutionSettings) -> PromptExecutionSettings:
    """For a service that has only public methods: functions are invoked by the routed service, once."""
    return settings.model_copy(update={"function_choice_behavior": None})
