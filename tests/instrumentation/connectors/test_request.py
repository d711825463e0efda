"""What settings ask for, read into `gen_ai.request.*`."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel
from semantic_kernel.connectors.ai.anthropic import AnthropicChatPromptExecutionSettings
from semantic_kernel.connectors.ai.azure_ai_inference import AzureAIInferenceChatPromptExecutionSettings
from semantic_kernel.connectors.ai.bedrock import BedrockChatPromptExecutionSettings
from semantic_kernel.connectors.ai.google.google_ai import GoogleAIChatPromptExecutionSettings
from semantic_kernel.connectors.ai.mistral_ai import MistralAIChatPromptExecutionSettings
from semantic_kernel.connectors.ai.ollama import OllamaChatPromptExecutionSettings
from semantic_kernel.connectors.ai.onnx import OnnxGenAIPromptExecutionSettings
from semantic_kernel.connectors.ai.open_ai import OpenAIChatPromptExecutionSettings
from semantic_kernel.connectors.ai.prompt_execution_settings import PromptExecutionSettings

from venom_otel.instrumentation.semantic_kernel.request import request_attributes


class Person(BaseModel):
    name: str


@pytest.mark.parametrize(
    ("settings", "attributes"),
    [
        (OpenAIChatPromptExecutionSettings(), {}),
        (OpenAIChatPromptExecutionSettings(temperature=0, number_of_responses=1), {"temperature": 0.0}),
        (OpenAIChatPromptExecutionSettings(number_of_responses=3), {"choice.count": 3}),
        (OpenAIChatPromptExecutionSettings(max_tokens=5, max_completion_tokens=6), {"max_tokens": 6}),
        (OpenAIChatPromptExecutionSettings(stop=["a", "b"]), {"stop_sequences": ("a", "b")}),
        (OpenAIChatPromptExecutionSettings(extra_body={"top_k": 20, "guided_json": {}}), {"top_k": 20.0}),
        (OpenAIChatPromptExecutionSettings(response_format=Person), {"type": "json"}),
        (
            OpenAIChatPromptExecutionSettings(response_format={"type": "json_schema", "json_schema": {"name": "n", "schema": {}}}),
            {"type": "json"},
        ),
        (OllamaChatPromptExecutionSettings(format={"type": "object"}), {"type": "json"}),
        (OllamaChatPromptExecutionSettings(options={"num_ctx": 512, "num_predict": 4}), {"max_tokens": 4}),
        (AnthropicChatPromptExecutionSettings(), {"max_tokens": 1024}),
        (MistralAIChatPromptExecutionSettings(random_seed=1, n=2), {"seed": 1, "choice.count": 2}),
        (GoogleAIChatPromptExecutionSettings(candidate_count=2, response_mime_type="text/plain"), {"choice.count": 2, "type": "text"}),
        (BedrockChatPromptExecutionSettings(), {}),
        (OnnxGenAIPromptExecutionSettings(num_return_sequences=2), {"choice.count": 2}),
        (AzureAIInferenceChatPromptExecutionSettings(extra_parameters={"n": 2}), {"choice.count": 2}),
        (AzureAIInferenceChatPromptExecutionSettings(response_format=Person), {"type": "json"}),
        (PromptExecutionSettings(extension_data={"temperature": 0.5, "max_tokens": 3}), {"temperature": 0.5, "max_tokens": 3}),
        # Odd values ask for nothing that could be told.
        (
            PromptExecutionSettings(extension_data={"temperature": "warm", "stop": [], "seed": 1.5, "options": 3, "format": {"type": []}}),
            {"type": "json"},
        ),
        (PromptExecutionSettings(), {}),
    ],
)
def test_attributes(settings: Any, attributes: dict[str, Any]) -> None:
    named = {"gen_ai.output.type" if name == "type" else f"gen_ai.request.{name}": value for name, value in attributes.items()}
    found = request_attributes(settings)
    assert found == named
    assert {name: type(value) for name, value in found.items()} == {name: type(value) for name, value in named.items()}


def test_no_settings_ask_for_nothing() -> None:
    assert request_attributes(None) == {}
