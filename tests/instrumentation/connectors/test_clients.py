"""What a connector's row says of a service is what the vendor's client will do."""

from __future__ import annotations

from typing import Any

import httpx
import httpx2
import pytest
from azure.ai.inference.aio import ChatCompletionsClient
from azure.core.credentials import AzureKeyCredential
from google.genai import Client
from google.oauth2.credentials import Credentials
from mistralai import Mistral
from ollama import AsyncClient
from openai import AsyncAzureOpenAI, AsyncOpenAI
from semantic_kernel.connectors.ai.anthropic import AnthropicChatCompletion
from semantic_kernel.connectors.ai.azure_ai_inference import AzureAIInferenceChatCompletion
from semantic_kernel.connectors.ai.google.google_ai import GoogleAIChatCompletion
from semantic_kernel.connectors.ai.mistral_ai import MistralAIChatCompletion
from semantic_kernel.connectors.ai.nvidia import NvidiaChatCompletion
from semantic_kernel.connectors.ai.ollama import OllamaChatCompletion
from semantic_kernel.connectors.ai.open_ai import AzureChatCompletion, OpenAIChatCompletion

from venom_otel.instrumentation.semantic_kernel import connectors


def openai(**client: Any) -> OpenAIChatCompletion:
    return OpenAIChatCompletion(ai_model_id="m", async_client=AsyncOpenAI(api_key="sk-1", **client))


def azure(**client: Any) -> AzureChatCompletion:
    made = AsyncAzureOpenAI(**{"api_key": "az-1", "api_version": "2024-10-21", **client})
    return AzureChatCompletion(deployment_name="dep", async_client=made)


def mistral(**client: Any) -> MistralAIChatCompletion:
    return MistralAIChatCompletion(ai_model_id="m", api_key="mi-1", async_client=Mistral(**{"api_key": "mi-1", **client}))


def inference(endpoint: str) -> AzureAIInferenceChatCompletion:
    return AzureAIInferenceChatCompletion(ai_model_id="m", client=ChatCompletionsClient(endpoint, AzureKeyCredential("ai-1")))


@pytest.mark.parametrize(
    ("make", "url"),
    [
        (openai, "https://api.openai.com/v1/"),
        (lambda: openai(base_url="http://gpu:8000/v1"), "http://gpu:8000/v1/"),
        (lambda: azure(azure_endpoint="https://r.openai.azure.com"), "https://r.openai.azure.com/openai/"),
        (lambda: azure(azure_endpoint="https://r.openai.azure.com", azure_deployment="dep"), "https://r.openai.azure.com/openai"),
        (lambda: azure(base_url="https://r.openai.azure.com/openai/deployments/other/"), "https://r.openai.azure.com/openai"),
        (lambda: NvidiaChatCompletion(ai_model_id="m", api_key="nv-1"), "https://integrate.api.nvidia.com/v1/"),
        (lambda: OllamaChatCompletion(ai_model_id="m", host="gpu"), "http://gpu:11434"),
        (lambda: OllamaChatCompletion(ai_model_id="m", host="https://h/ollama"), "https://h/ollama/"),
        (lambda: AnthropicChatCompletion(ai_model_id="m", api_key="an-1"), "https://api.anthropic.com"),
        (mistral, "https://api.mistral.ai"),
        (lambda: mistral(server_url="http://gpu:9/v/"), "http://gpu:9/v"),
        (lambda: inference("https://r.services.ai.azure.com/models"), "https://r.services.ai.azure.com/models"),
    ],
)
async def test_endpoint_url(make: Any, url: str) -> None:
    service = make()
    assert connectors.of(service).endpoint_url(service) == url


async def test_a_client_s_new_base_url_is_noticed() -> None:
    service = openai(base_url="http://one:1/v1")
    connector = connectors.of(service)
    assert connector.endpoint_url(service) == "http://one:1/v1/"
    service.client.base_url = "http://two:2/openai/deployments/d"
    assert connector.endpoint_url(service) == "http://two:2/openai"
    assert connector.request_model(service, None) == "d"


@pytest.mark.parametrize(
    ("service", "client", "environment"),
    [
        ({"api_key": "go-1"}, {"api_key": "go-1"}, {}),
        ({"api_key": "go-1"}, {"api_key": "go-1"}, {"GOOGLE_GEMINI_BASE_URL": "http://proxy:1/"}),
        ({"use_vertexai": True, "region": "europe-west4"}, {"vertexai": True, "location": "europe-west4"}, {}),
        ({"use_vertexai": True, "region": "eu"}, {"vertexai": True, "location": "eu"}, {}),
        ({"use_vertexai": True, "region": "global"}, {"vertexai": True, "location": "global"}, {}),
        (
            {"use_vertexai": True, "region": "global"},
            {"vertexai": True, "location": "global"},
            {"GOOGLE_VERTEX_BASE_URL": "http://proxy:2/"},
        ),
    ],
)
def test_the_google_client_made_for_each_call_is_foretold(
    service: dict[str, Any], client: dict[str, Any], environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    vertex = {"project_id": "p"} if service.get("use_vertexai") else {}
    made = GoogleAIChatCompletion(gemini_model_id="m", **service, **vertex)
    likewise = Client(**client, **({"project": "p", "credentials": Credentials("t")} if vertex else {}))
    connector = connectors.of(made)
    assert connector.endpoint_url(made) == likewise._api_client._http_options.base_url
    assert connector.http_client(made) is None


async def test_http_clients() -> None:
    modern, classic = httpx2.AsyncClient(), httpx.AsyncClient()
    for service, client in (
        (openai(http_client=modern), modern),
        (openai(http_client=classic), classic),
        (mistral(async_client=classic), classic),
        (OllamaChatCompletion(ai_model_id="m", client=(ollama := AsyncClient())), ollama._client),
        (google(httpx_async_client=classic), classic),
        (google(), None),  # google-genai prefers aiohttp, which is installed
        (inference("https://r.services.ai.azure.com/models"), None),
    ):
        assert connectors.of(service).http_client(service) is client
    await modern.aclose()
    await classic.aclose()


def google(**options: Any) -> GoogleAIChatCompletion:
    return GoogleAIChatCompletion(gemini_model_id="m", api_key="go-1", client=Client(api_key="go-2", http_options=options))


@pytest.mark.parametrize(
    ("make", "headers"),
    [
        (openai, {"Authorization": "Bearer sk-1"}),
        (lambda: openai(default_headers={"X-Gateway": "g"}), {"Authorization": "Bearer sk-1", "X-Gateway": "g"}),
        (lambda: azure(azure_endpoint="https://r.openai.azure.com"), {"api-key": "az-1"}),
        (lambda: AzureChatCompletion(deployment_name="d", endpoint="https://r.openai.azure.com", api_key="az-2"), {"api-key": "az-2"}),
        (lambda: NvidiaChatCompletion(ai_model_id="m", api_key="nv-1"), {"Authorization": "Bearer nv-1"}),
        (lambda: OllamaChatCompletion(ai_model_id="m", host="http://gpu"), {}),
        (lambda: OllamaChatCompletion(ai_model_id="m", client=AsyncClient(headers={"X-Key": "ol-1"})), {"x-key": "ol-1"}),
        (lambda: AnthropicChatCompletion(ai_model_id="m", api_key="an-1"), {"X-Api-Key": "an-1"}),
        (mistral, {"authorization": "Bearer mi-1"}),
        (lambda: mistral(api_key=lambda: "mi-2"), {"authorization": "Bearer mi-2"}),
        (google, {"x-goog-api-key": "go-2"}),
        (lambda: GoogleAIChatCompletion(gemini_model_id="m", api_key="go-1"), {"x-goog-api-key": "go-1"}),
        (lambda: inference("https://r.services.ai.azure.com"), {"authorization": "Bearer ai-1", "api-key": "ai-1"}),
    ],
)
async def test_credential_headers(make: Any, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OLLAMA_API_KEY", raising=False)
    service = make()
    assert connectors.of(service).credential_headers(service) == headers
