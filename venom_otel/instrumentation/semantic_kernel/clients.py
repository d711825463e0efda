"""How the vendor clients inside Semantic Kernel's connectors keep their URL, their HTTP client and their credentials.

Every function takes the chat service. Private fields of other packages are read by `_dig`, so that what a version of theirs moves is
absent and no error.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Final, NamedTuple
from weakref import WeakKeyDictionary


def nothing(_service: Any) -> None:
    """For what a connector does not have."""


def no_headers(_service: Any) -> dict[str, str]:
    """For connectors whose credentials are not headers."""
    return {}


# -- the model asked for ---------------------------------------------------------------------------------------------------------


def own_model(service: Any, _settings: Any) -> str:
    """The service's own model: what the settings say of one is not sent."""
    return str(service.ai_model_id)


def overridable_model(service: Any, settings: Any) -> str:
    """The settings' model where they name one, else the service's."""
    model = getattr(settings, "ai_model_id", None)
    if model is None and settings is not None:  # settings of another service's class carry it as extension data, which SK converts later
        model = getattr(settings, "extension_data", {}).get("ai_model_id")
    return str(model or service.ai_model_id)


def declared_model(service: Any, settings: Any) -> str:
    """The settings' model where their class has a field for one, else the service's."""
    return str(getattr(settings, "ai_model_id", None) or service.ai_model_id)


def openai_model(service: Any, settings: Any) -> str:
    """As `overridable_model`, but where the base URL names an Azure deployment, that one answers, whatever the body says."""
    return _openai(service.client).deployment or overridable_model(service, settings)


def gemini_model(service: Any, _settings: Any) -> str:
    """Google's connectors send the model of their own settings."""
    return str(_dig(service, "service_settings", "gemini_model_id") or service.ai_model_id)


# -- OpenAI, Azure OpenAI, NVIDIA ------------------------------------------------------------------------------------------------


class _OpenAI(NamedTuple):
    """What a client of openai's says of itself."""

    base: Any
    """Its base URL as it is."""
    http: Any
    """Its HTTP client as it is."""
    endpoint: str
    deployment: str
    """The Azure deployment in the base URL, or ""."""
    http_client: Any | None


_openai_clients: WeakKeyDictionary[Any, _OpenAI] = WeakKeyDictionary()


def _openai(client: Any) -> _OpenAI:
    """Kept, as turning the URL into text costs 2 µs and every call asks thrice; whoever sets a client's URL anew sets another object."""
    base, http = getattr(client, "_base_url", None) or client.base_url, getattr(client, "_client", None)
    known = _openai_clients.get(client)
    if known is None or known.base is not base or known.http is not http:
        endpoint, _, deployment = str(base).partition("/deployments/")
        known = _openai_clients[client] = _OpenAI(base, http, endpoint, deployment.strip("/"), _if_httpx(http))
    return known


def openai_url(service: Any) -> str | None:
    """The base URL, without an Azure deployment: that is the model, and one resource's deployments are one endpoint."""
    return _openai(service.client).endpoint


def openai_http_client(service: Any) -> Any | None:
    """`httpx2` from openai 3 on; a user may hand in a classic `httpx` client."""
    return _openai(service.client).http_client


def openai_headers(service: Any) -> dict[str, str]:
    """The key, in Azure's own header where the client is Azure's, and the user's default headers, which gateways ask for."""
    return _strings(_dig(service, "client", "auth_headers")) | _own_headers(_dig(service, "client", "_custom_headers"))


# -- Ollama ----------------------------------------------------------------------------------------------------------------------


def ollama_url(service: Any) -> str | None:
    """The base URL of the client's own HTTP client."""
    return _text(_dig(service, "client", "_client", "base_url"))


def ollama_http_client(service: Any) -> Any | None:
    """The client's own, an `httpx.AsyncClient`."""
    return _if_httpx(_dig(service, "client", "_client"))


def ollama_headers(service: Any) -> dict[str, str]:
    """What the user set beside httpx's defaults, as for a proxy in front of Ollama or for ollama.com."""
    return _own_headers(_dig(service, "client", "_client", "headers"))


# -- Anthropic -------------------------------------------------------------------------------------------------------------------


def anthropic_url(service: Any) -> str | None:
    """The base URL of the client."""
    return _text(_dig(service, "async_client", "base_url"))


def anthropic_http_client(service: Any) -> Any | None:
    """The client's own, an `httpx.AsyncClient`."""
    return _if_httpx(_dig(service, "async_client", "_client"))


def anthropic_headers(service: Any) -> dict[str, str]:
    """The key or token, and the user's own default headers."""
    return _strings(_dig(service, "async_client", "auth_headers")) | _own_headers(_dig(service, "async_client", "_custom_headers"))


# -- Mistral ---------------------------------------------------------------------------------------------------------------------


def mistral_url(service: Any) -> str | None:
    """The URL set, else that of the server's name; the connector's own `service_url()` looks for a field that is gone."""
    details = _dig(service, "async_client", "sdk_configuration", "get_server_details")
    if details is None:
        return None
    with contextlib.suppress(ValueError):  # a server name that the package does not know
        return _text(details()[0])
    return None


def mistral_http_client(service: Any) -> Any | None:
    """An `httpx.AsyncClient`, unless the user handed in something else of the same shape."""
    return _if_httpx(_dig(service, "async_client", "sdk_configuration", "async_client"))


def mistral_headers(service: Any) -> dict[str, str]:
    """The key."""
    security = _dig(service, "async_client", "sdk_configuration", "security")
    key = _dig(security() if callable(security) else security, "api_key")
    return {"authorization": f"Bearer {key}"} if isinstance(key, str) and key else {}


# -- Google ----------------------------------------------------------------------------------------------------------------------


def google_url(service: Any) -> str | None:
    """The client's base URL; without a client, the one that the connector makes anew for each call will have."""
    if (client := _dig(service, "client")) is not None:
        return _text(_dig(client, "_api_client", "_http_options", "base_url"))
    settings = _dig(service, "service_settings")
    vertex = bool(_dig(settings, "use_vertexai"))
    base_url = _dig(sys.modules.get("google.genai._base_url"), "get_base_url")
    if base_url is not None and (url := _text(base_url(vertex))):
        return url
    if not vertex:
        return "https://generativelanguage.googleapis.com/"
    return _vertex_host(_dig(settings, "cloud_region") or os.environ.get("GOOGLE_CLOUD_LOCATION") or "global")


def google_http_client(service: Any) -> Any | None:
    """Only where the client will really use it: google-genai prefers aiohttp where that is installed."""
    client = _dig(service, "client", "_api_client")
    use_aiohttp = _dig(client, "_use_aiohttp")
    if client is None or (callable(use_aiohttp) and use_aiohttp()):
        return None
    return _if_httpx(_dig(client, "_async_httpx_client"))


def google_headers(service: Any) -> dict[str, str]:
    """The key; Vertex AI's tokens are short-lived and not asked for."""
    key = _dig(service, "client", "_api_client", "api_key")
    if key is None and (secret := _dig(service, "service_settings", "api_key")) is not None:
        key = secret.get_secret_value()
    return {"x-goog-api-key": key} if isinstance(key, str) and key else {}


def vertex_url(service: Any) -> str | None:
    """The host of the older `vertexai` package, which speaks gRPC: the one set for the process, else the region's."""
    config = _dig(sys.modules.get("google.cloud.aiplatform.initializer"), "global_config")
    region = _dig(service, "service_settings", "region") or _dig(config, "location")
    if region == "global":
        return "https://aiplatform.googleapis.com"
    host = _dig(config, "api_endpoint") or f"{region}-aiplatform.googleapis.com"
    return f"https://{host}"


def _vertex_host(location: str) -> str:
    """Vertex AI's host for a location, as google-genai 1.75 makes it."""
    if location == "global":
        return "https://aiplatform.googleapis.com/"
    if location in {"us", "eu"}:
        return f"https://aiplatform.{location}.rep.googleapis.com/"
    return f"https://{location}-aiplatform.googleapis.com/"


# -- Bedrock, Azure AI Inference, a user's own -----------------------------------------------------------------------------------


def bedrock_url(service: Any) -> str | None:
    """The endpoint of the runtime client, a private one too."""
    return _text(_dig(service, "bedrock_runtime_client", "meta", "endpoint_url"))


def azure_inference_url(service: Any) -> str | None:
    """The endpoint as configured; the pipeline's base URL, which the connector reports, is the template `{endpoint}`."""
    return _text(_dig(service, "client", "_config", "endpoint"))


def azure_inference_headers(service: Any) -> dict[str, str]:
    """The key; tokens of Entra ID are short-lived and not asked for."""
    key = _dig(service, "client", "_config", "credential", "key")
    return {"authorization": f"Bearer {key}", "api-key": key} if isinstance(key, str) and key else {}


def service_url(service: Any) -> str | None:
    """What a user's own service says; saying it wrong must not cost the service its telemetry."""
    with contextlib.suppress(Exception):
        return _text(service.service_url())
    return None


# -- reading other packages' objects ---------------------------------------------------------------------------------------------


def _dig(thing: Any, *names: str) -> Any:
    """Follow attributes; None as soon as one is missing or None."""
    for name in names:
        if thing is None:
            return None
        thing = getattr(thing, name, None)
    return thing


def _text(value: Any) -> str | None:
    return (str(value) or None) if value is not None else None


def _strings(headers: Any) -> dict[str, str]:
    """A header mapping as plain strings; openai marks headers left out with an object of its own."""
    if headers is None:
        return {}
    return {str(name): value for name, value in headers.items() if isinstance(value, str) and value}


_NOT_THE_USERS: Final = frozenset({"accept", "accept-encoding", "connection", "content-type", "user-agent", "semantic-kernel-version"})


def _own_headers(headers: Any) -> dict[str, str]:
    """What a user set on a client beside what httpx and Semantic Kernel set by themselves."""
    return {name: value for name, value in _strings(headers).items() if name.lower() not in _NOT_THE_USERS}


_httpx_classes: WeakKeyDictionary[type, bool] = WeakKeyDictionary()


def _if_httpx(client: Any) -> Any | None:
    cls = type(client)
    known = _httpx_classes.get(cls)
    if known is None:
        bases = (base for base in cls.__mro__ if base.__name__ == "AsyncClient")
        known = _httpx_classes[cls] = any(base.__module__.partition(".")[0] in {"httpx", "httpx2"} for base in bases)
    return client if known else None
