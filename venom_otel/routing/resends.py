"""A service whose client does not send again by itself: the next attempt is the router's to choose.

The clients of OpenAI, Azure and Anthropic send a request up to three times, with pauses, before they fail. The user's client is left as it
is: a copy that shares its connections, made by the client's own `with_options`, takes its place in a copy of the service.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

logger: Final = logging.getLogger("venom_otel.routing")

_CLIENTS: Final = ("client", "async_client")
"""The fields in which Semantic Kernel's services keep theirs."""


def without(service: ChatCompletionClientBase) -> ChatCompletionClientBase:
    """The service itself where its client sends each request once, else a copy that does."""
    for field in _CLIENTS:
        client: Any = getattr(service, field, None)
        retries = getattr(client, "max_retries", None)
        if not isinstance(retries, int) or retries <= 0 or not hasattr(client, "with_options"):
            continue
        try:
            once = client.with_options(max_retries=0)
        except TypeError:  # a class of the user's own, made in another way
            logger.warning(
                "The client of %r sends a failed request again by itself, and that cannot be switched off; make it with max_retries=0.",
                service.service_id,
            )
            return service
        return service.model_copy(update={field: once})
    return service
