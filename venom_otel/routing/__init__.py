"""Several chat services as one: the next is asked where one fails, and every answer says who gave it.

    kernel.add_service(venom_otel.fallback([ollama, vllm, openai]))

What needs Semantic Kernel is imported when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from venom_otel.instrumentation.routed import Reason
from venom_otel.routing.availability import Availability, CircuitBreaker, Failed, PassedOver, Target
from venom_otel.routing.policy import Policy
from venom_otel.routing.rules import DEFAULT, Rule, after_status, on

if TYPE_CHECKING:
    from collections.abc import Sequence

    from semantic_kernel.connectors.ai.chat_completion_client_base import ChatCompletionClientBase

    from venom_otel.routing.errors import AttemptTimeoutError
    from venom_otel.routing.service import FallbackChatCompletion

__all__ = [
    "DEFAULT",
    "AttemptTimeoutError",
    "Availability",
    "CircuitBreaker",
    "Failed",
    "FallbackChatCompletion",
    "PassedOver",
    "Policy",
    "Reason",
    "Rule",
    "Target",
    "after_status",
    "fallback",
    "on",
]


def fallback(
    services: Sequence[ChatCompletionClientBase],
    *,
    service_id: str = "fallback",
    policy: Policy | None = None,
    availability: Availability | None = None,
) -> FallbackChatCompletion:
    """One chat service over several: each round trip to a model goes to the first that answers.

    Args:
        services: in the order in which they are to be asked. They are not changed.
        service_id: Semantic Kernel's name for the new service.
        policy: after which failures the next service is asked, and how long one may take; see `Policy`.
        availability: what is known of servers beforehand; by default a `CircuitBreaker` of this service's own.

    Raises:
        SettingsError: there is no service, or something else among them.
        VenomError: Semantic Kernel is not installed.
    """
    try:
        from venom_otel.routing.service import FallbackChatCompletion
    except ImportError as error:
        from venom_otel.errors import VenomError

        message = f"Semantic Kernel cannot be imported ({error}); install it with: pip install 'venom-otel[instruments]'"
        raise VenomError(message) from error
    return FallbackChatCompletion(services, service_id=service_id, policy=policy, availability=availability)


def __getattr__(name: str) -> Any:
    if name == "FallbackChatCompletion":
        from venom_otel.routing.service import FallbackChatCompletion

        return FallbackChatCompletion
    if name == "AttemptTimeoutError":
        from venom_otel.routing.errors import AttemptTimeoutError

        return AttemptTimeoutError
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
