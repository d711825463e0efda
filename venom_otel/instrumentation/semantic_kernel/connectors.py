"""What each Semantic Kernel chat connector is: where it sends, what it really asks for, and which client carries it.

Connectors are found by the names of a service's classes, so that neither a connector nor its vendor's package is imported; subclasses
inherit their base's row, and a user's own `ChatCompletionClientBase` subclass gets `OTHER`. Written against the sources of Semantic
Kernel 1.45; what a vendor's client keeps in private fields is read with care and is absent, never an error, where a version moves it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from weakref import WeakKeyDictionary

from venom_otel import semconv
from venom_otel.identity.model import Identity
from venom_otel.instrumentation.semantic_kernel import clients
from venom_otel.instrumentation.semantic_kernel.request import request_attributes

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from venom_otel.instrumentation.semantic_kernel.request import Value


@dataclass(frozen=True, slots=True)
class Connector:
    """One kind of chat service. The callables take the service object."""

    endpoint_url: Callable[[Any], str | None]
    """The base URL that requests go to, as the client has it; None in the process or where nothing tells."""
    request_model: Callable[[Any, Any], str]
    """The model asked for with this service and these settings, as it is sent."""
    http_client: Callable[[Any], Any | None] = clients.nothing
    """The client's own `httpx` or `httpx2` `AsyncClient`; None for other stacks and for clients made anew for each call."""
    credential_headers: Callable[[Any], dict[str, str]] = clients.no_headers
    """The headers by which this service proves who it is, to ask its server for its name. Secrets: send them to `endpoint_url` alone."""
    request_attributes: Callable[[Any], dict[str, Value]] = request_attributes
    """What the request asks for beside its model, from the settings."""
    in_process: bool = False
    """The model runs in this process: nothing is sent anywhere."""
    own_identity: Identity | None = None
    """Who runs the model where the class alone proves it, which it does only in the process."""
    routes: Callable[[Any], Sequence[Any]] | None = None
    """The services among which this one chooses for each round trip; it asks no model itself."""


OTHER: Final = Connector(endpoint_url=clients.service_url, request_model=clients.declared_model)
"""A user's own chat service: it says its URL by `service_url()` and its model by `ai_model_id`."""

ROUTED: Final = Connector(
    endpoint_url=clients.nothing, request_model=clients.declared_model, routes=lambda service: service.routed_services
)
"""A chat service that has the property `routed_services`, as `venom_otel.routing` makes them."""

_OPENAI: Final = Connector(
    endpoint_url=clients.openai_url,
    request_model=clients.openai_model,
    http_client=clients.openai_http_client,
    credential_headers=clients.openai_headers,
)

_TABLE: Final[dict[str, Connector]] = {
    "OpenAIChatCompletionBase": _OPENAI,  # also AzureChatCompletion
    "NvidiaChatCompletion": _OPENAI,
    "OllamaChatCompletion": Connector(
        endpoint_url=clients.ollama_url,
        request_model=clients.own_model,
        http_client=clients.ollama_http_client,
        credential_headers=clients.ollama_headers,
    ),
    "AnthropicChatCompletion": Connector(
        endpoint_url=clients.anthropic_url,
        request_model=clients.overridable_model,
        http_client=clients.anthropic_http_client,
        credential_headers=clients.anthropic_headers,
    ),
    "MistralAIChatCompletion": Connector(
        endpoint_url=clients.mistral_url,
        request_model=clients.overridable_model,
        http_client=clients.mistral_http_client,
        credential_headers=clients.mistral_headers,
    ),
    "GoogleAIChatCompletion": Connector(
        endpoint_url=clients.google_url,
        request_model=clients.gemini_model,
        http_client=clients.google_http_client,
        credential_headers=clients.google_headers,
    ),
    "VertexAIChatCompletion": Connector(endpoint_url=clients.vertex_url, request_model=clients.gemini_model),
    "BedrockChatCompletion": Connector(endpoint_url=clients.bedrock_url, request_model=clients.own_model),
    "AzureAIInferenceChatCompletion": Connector(
        endpoint_url=clients.azure_inference_url,
        request_model=clients.own_model,
        credential_headers=clients.azure_inference_headers,
    ),
    "OnnxGenAIChatCompletion": Connector(
        endpoint_url=clients.nothing,
        request_model=clients.own_model,
        in_process=True,
        own_identity=Identity("onnxruntime", semconv.SOURCE_SERVER),
    ),
}
"""Class below `semantic_kernel.connectors.ai` to its row."""

_found: WeakKeyDictionary[type, Connector] = WeakKeyDictionary()


def of(service: Any) -> Connector:
    """The row of a chat service: that of its class's nearest base with one, else `ROUTED` or `OTHER`. Looked up once for each class."""
    cls = type(service)
    known = _found.get(cls)
    if known is None:
        names = (base.__name__ for base in cls.__mro__ if base.__module__.startswith("semantic_kernel.connectors.ai."))
        other = ROUTED if hasattr(cls, "routed_services") else OTHER
        known = _found[cls] = next((_TABLE[name] for name in names if name in _TABLE), other)
    return known
