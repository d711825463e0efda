"""docs/connectors.md names every connector, and says of each whether its HTTP call has a span."""

from __future__ import annotations

import re
from pathlib import Path

from support.vendors import anthropic, azure_inference, bedrock, mistral, ollama, openai

from venom_otel.instrumentation.semantic_kernel import connectors

PAGE = Path(__file__).parents[3] / "docs" / "connectors.md"

BEDS = {
    "OpenAIChatCompletion": openai.OPENAI,
    "AzureChatCompletion": openai.AZURE,
    "NvidiaChatCompletion": openai.NVIDIA,
    "OllamaChatCompletion": ollama.OLLAMA,
    "AnthropicChatCompletion": anthropic.ANTHROPIC,
    "MistralAIChatCompletion": mistral.MISTRAL,
    "BedrockChatCompletion": bedrock.BEDROCK,
    "AzureAIInferenceChatCompletion": azure_inference.AZURE_INFERENCE,
}


def rows() -> dict[str, str]:
    """Class to what the column of HTTP spans says."""
    lines = [line.split("|") for line in PAGE.read_text().splitlines() if line.startswith("| `")]
    return {match[1]: line[4].strip() for line in lines if (match := re.match(r" `(\w+)`", line[1]))}


def test_every_connector_has_a_row() -> None:
    named = set(connectors._TABLE) - {"OpenAIChatCompletionBase"} | {"OpenAIChatCompletion", "AzureChatCompletion"}
    assert set(rows()) == named


def test_http_spans_are_told_right() -> None:
    told = rows()
    assert {name: told[name].startswith("yes") for name in BEDS} == {name: bed.http_span for name, bed in BEDS.items()}
