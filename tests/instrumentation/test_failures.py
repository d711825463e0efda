"""What a failed call means, from the words of real servers: above all, whether a 404 says "no such model" or "no such path"."""

import httpx2
import openai
import pytest

from venom_otel import semconv
from venom_otel.instrumentation.failures import describe

MISSING = {
    "Ollama": "model 'llama3.2:1b' not found",
    "vLLM": "The model `meta-llama/Llama-3.1-8B-Instruct` does not exist. Valid aliases: gemma-3.",
    "OpenAI": "The model `gpt-4.1-nano` does not exist or you do not have access to it.",
    "LiteLLM": "/chat/completions: Invalid model name passed in model=qwen2.5. Call `/v1/models` to view available models",
}
ELSEWHERE = {
    "Ollama": "404 page not found",
    "vLLM": "Not Found",
    "llama-server": "File Not Found",
    "a sentence later": "Which model was meant is unclear. The path was not found.",
}


def not_found(words):
    request = httpx2.Request("POST", "http://127.0.0.1:8000/v1/chat/completions")
    return openai.NotFoundError(f"Error code: 404 - {words}", response=httpx2.Response(404, request=request), body=None)


@pytest.mark.parametrize("words", MISSING.values(), ids=MISSING)
def test_a_missing_model_is_told_also_where_its_name_has_dots(words):
    failure = describe(not_found(words))
    assert (failure.kind, failure.error_type, failure.status_code) == (semconv.KIND_MODEL_NOT_FOUND, "404", 404)
    assert failure.exception_type == "openai.NotFoundError"


@pytest.mark.parametrize("words", ELSEWHERE.values(), ids=ELSEWHERE)
def test_a_wrong_path_is_told_from_a_missing_model(words):
    assert describe(not_found(words)).kind == semconv.KIND_WRONG_PATH
